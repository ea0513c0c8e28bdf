//! Counts spans and measures how long they took, by service, name, kind, status and whatever attributes are named: the
//! rate, errors and duration of each operation, as metrics.
//!
//! ```text
//! span ─▶ subject (key of its series) ─▶ store: resource ─▶ table ─▶ series ─▶ at each interval: requests of metrics
//! ```

mod adjusted;
mod config;
mod glob;
mod heritage;
mod measure;
mod meter;
mod recent;
mod rules;
mod send;
mod series;
mod store;
mod subject;
#[cfg(test)]
mod tests;
mod waiting;

use otlp::Signal;
use pipeline::component::{Component, ConnectorComponent, MakeProcessor, Sampling, Stability};

use config::Config;
use measure::SpanMetrics;

/// Connector `span_metrics`.
pub(crate) struct SpanMetricsConnector;

impl Component for SpanMetricsConnector {
    const NAME: &'static str = "span_metrics";
    const ALIASES: &'static [&'static str] = &["spanmetrics"];
    const SIGNALS: &'static [Signal] = &[Signal::Traces, Signal::Metrics];
    const STABILITY: Stability = Stability::Alpha;
    const EXAMPLE: &'static str = "\
dimensions:
  - name: http.request.method
  - {name: deployment.environment.name, default: production}
histogram:
  exponential: {max_size: 160}
exemplars: {enabled: true}
aggregation_cardinality_limit: 10000
";
    const REFERENCE: &'static str = include_str!("reference.md");
    const OWN_KEYS: &'static [&'static str] = &["exemplars::kept_only"];
    type Config = Config;
}

impl ConnectorComponent for SpanMetricsConnector {
    const JOINS: &'static [(Signal, Signal)] = &[(Signal::Traces, Signal::Metrics)];
    const MAKE: Option<MakeProcessor<Config>> =
        Some(|config, host| Ok(Box::new(SpanMetrics::new(config, host)?)));

    fn sampling(config: &Config) -> Sampling {
        config.sampling()
    }
}
