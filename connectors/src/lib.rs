//! Components that join pipelines. Adding one is a file and a row in [`ALL`].

mod buckets;
mod forward;
mod key;
mod requests;
mod room;
mod span_metrics;

use pipeline::component::ConnectorFactory;

/// Every connector of this build.
pub const ALL: &[ConnectorFactory] = &[
    ConnectorFactory::of::<forward::Forward>(),
    ConnectorFactory::of::<span_metrics::SpanMetricsConnector>(),
];
