//! Counts spans, events, metrics, data points and log records, those that are asked for and by the attributes that are
//! named, and makes metrics of the counts of each batch.
//!
//! ```text
//! resource ─▶ each item: does it count, and for which attributes? ─▶ tally ─▶ a point for each set of values
//! ```

mod config;
mod counting;
mod meter;
mod sections;
mod tally;
#[cfg(test)]
mod tests;

use otlp::Signal;
use pipeline::component::{Component, ConnectorComponent, MakeProcessor, Place, Stability};

use config::Config;
use counting::Count;

/// Connector `count`.
pub(crate) struct CountConnector;

impl Component for CountConnector {
    const NAME: &'static str = "count";
    const SIGNALS: &'static [Signal] = &Signal::ALL;
    const STABILITY: Stability = Stability::Alpha;
    const EXAMPLE: &'static str = r#"
spans:
  app.requests:
    description: Requests by route
    conditions: ['kind == SPAN_KIND_SERVER']
    attributes:
      - {key: http.route, default_value: none}
      - {key: service.name}
spanevents:
  app.exceptions:
    conditions: ['name == "exception"', 'attributes["exception.type"] != nil']
logs:
  app.logs:
    attributes: [{key: deployment.environment.name, default_value: production}]
"#;
    const REFERENCE: &'static str = include_str!("reference.md");
    type Config = Config;
}

impl ConnectorComponent for CountConnector {
    const JOINS: &'static [(Signal, Signal)] = &[
        (Signal::Traces, Signal::Metrics),
        (Signal::Metrics, Signal::Metrics),
        (Signal::Logs, Signal::Metrics),
    ];
    const MAKE: Option<MakeProcessor<Config>> =
        Some(|config, host| Ok(Box::new(Count::new(config, host)?)));
    /// It keeps nothing from one batch to the next.
    const PLACE: Place = Place::Worker;
}
