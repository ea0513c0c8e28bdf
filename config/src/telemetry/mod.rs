//! `service::telemetry`: the logs and metrics of this process itself.

mod logs;
mod metrics;
mod periodic;
mod resource;

use serde::{Deserialize, Serialize};

use crate::node::Node;
use crate::validate::{Problems, Validate};

pub use self::logs::{Encoding, LogLevel, Logs, Sampling};
pub use self::metrics::{Chosen, Level, Metrics, Prometheus, Pull, PullExporter, Reader};
pub use self::periodic::{
    Console, HistogramAggregation, Otlp, Periodic, Protocol, PushCompression, PushExporter,
    Temporality,
};
pub use self::resource::Resource;

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Telemetry {
    pub logs: Logs,
    pub metrics: Metrics,
    pub traces: Traces,
    pub resource: Resource,
}

/// `traces`: this process makes no spans of its own, so all of it is accepted and nothing comes of it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Traces {
    pub level: Level,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub propagators: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub processors: Vec<Node>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampler: Option<Node>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Node>,
}

impl Validate for Telemetry {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        problems.under("logs", &self.logs);
        problems.under("metrics", &self.metrics);
        problems.under("traces", &self.traces);
        problems.under("resource", &self.resource);
        problems
    }
}

impl Validate for Traces {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        for (index, name) in self.propagators.iter().enumerate() {
            problems.require(
                matches!(name.as_str(), "tracecontext" | "b3"),
                &format!("propagators[{index}]"),
                "unsupported trace propagator",
            );
        }
        if !self.processors.is_empty() {
            let text = "has no effect: this service makes no spans about itself";
            problems.warn("processors", text);
        }
        problems
    }
}
