//! `forward`: what one pipeline ends with, others begin with.

use config::Validate;
use otlp::Signal;
use pipeline::component::{Component, ConnectorComponent, MakeProcessor, Stability};
use serde::{Deserialize, Serialize};

/// Connector `forward`. The plan makes an edge of it, so there is nothing to run.
pub(crate) struct Forward;

/// It has no keys.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Config {}

impl Validate for Config {}

impl Component for Forward {
    const NAME: &'static str = "forward";
    const SIGNALS: &'static [Signal] = &Signal::ALL;
    const STABILITY: Stability = Stability::Stable;
    const EXAMPLE: &'static str = "{}\n";
    const REFERENCE: &'static str = include_str!("forward.md");
    type Config = Config;
}

impl ConnectorComponent for Forward {
    const JOINS: &'static [(Signal, Signal)] = &[
        (Signal::Traces, Signal::Traces),
        (Signal::Metrics, Signal::Metrics),
        (Signal::Logs, Signal::Logs),
    ];
    const MAKE: Option<MakeProcessor<Config>> = None;
}
