//! Components that join pipelines. Adding one is a file and a row in [`ALL`].

mod buckets;
mod count;
#[cfg(test)]
mod fixture;
mod forward;
mod key;
mod requests;
mod room;
mod service_graph;
mod span_metrics;
mod wanted;

use pipeline::component::ConnectorFactory;

/// Every connector of this build.
pub const ALL: &[ConnectorFactory] = &[
    ConnectorFactory::of::<count::CountConnector>(),
    ConnectorFactory::of::<forward::Forward>(),
    ConnectorFactory::of::<service_graph::ServiceGraphConnector>(),
    ConnectorFactory::of::<span_metrics::SpanMetricsConnector>(),
];
