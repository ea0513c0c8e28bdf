//! Pairs the spans of a request, the client's and the server's, and counts and measures requests by the two services:
//! which service calls which, how often, and with what success.
//!
//! ```text
//! span ─▶ half ─▶ pending: waits for the other half ─▶ request ─▶ table: series ─▶ at each interval: metrics
//!                         └▶ its time is over: a virtual node ──▶   └▶ graph: for those who ask
//! ```

mod config;
mod graph;
mod half;
mod measure;
mod meter;
mod pending;
mod request;
mod rules;
mod send;
mod table;
#[cfg(test)]
mod tests;

use otlp::Signal;
use pipeline::component::{Component, ConnectorComponent, MakeProcessor, Stability};

use config::Config;
use measure::ServiceGraph;

/// Connector `service_graph`.
pub(crate) struct ServiceGraphConnector;

impl Component for ServiceGraphConnector {
    const NAME: &'static str = "service_graph";
    const ALIASES: &'static [&'static str] = &["servicegraph"];
    const SIGNALS: &'static [Signal] = &[Signal::Traces, Signal::Metrics];
    const STABILITY: Stability = Stability::Alpha;
    const EXAMPLE: &'static str = "\
store: {max_items: 10000, ttl: 10s}
dimensions: [deployment.environment.name]
latency_histogram_buckets: [10ms, 100ms, 1s, 10s]
virtual_node_peer_attributes: [peer.service, server.address, db.system.name]
database_name_attributes: [db.namespace, db.name]
metrics_flush_interval: 15s
aggregation_cardinality_limit: 10000
";
    const REFERENCE: &'static str = include_str!("reference.md");
    const OWN_KEYS: &'static [&'static str] = &["aggregation_cardinality_limit"];
    type Config = Config;
}

impl ConnectorComponent for ServiceGraphConnector {
    const JOINS: &'static [(Signal, Signal)] = &[(Signal::Traces, Signal::Metrics)];
    const MAKE: Option<MakeProcessor<Config>> =
        Some(|config, host| Ok(Box::new(ServiceGraph::new(config, host))));
}
