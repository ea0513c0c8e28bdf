//! `service::telemetry`: the logs and metrics of this process itself.

mod logs;
mod metrics;
mod resource;

use serde::{Deserialize, Serialize};

use crate::decode::NotYet;
use crate::validate::{Problems, Validate};

pub use self::logs::{Encoding, LogLevel, Logs, Sampling};
pub use self::metrics::{Level, Metrics, Prometheus, Pull, PullExporter, Reader};
pub use self::resource::Resource;

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Telemetry {
    pub logs: Logs,
    pub metrics: Metrics,
    pub traces: Traces,
    pub resource: Resource,
}

/// `traces`: this process makes no spans of its own, so only what has no effect is accepted.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Traces {
    pub level: Level,
    pub propagators: Vec<String>,
    #[serde(skip_serializing)]
    pub processors: NotYet,
    #[serde(skip_serializing)]
    pub sampler: NotYet,
    #[serde(skip_serializing)]
    pub limits: NotYet,
}

impl Validate for Telemetry {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        let metrics = &self.metrics;
        problems.require(
            metrics.level == Level::None || !metrics.readers.is_empty(),
            "metrics::readers",
            "collector telemetry metrics reader should exist when metric level is not none",
        );
        for (index, reader) in metrics.readers.iter().enumerate() {
            let page = reader
                .pull
                .as_ref()
                .and_then(|pull| pull.exporter.prometheus.as_ref());
            let path = format!("metrics::readers[{index}]");
            let text = "a reader must have `pull::exporter::prometheus`";
            problems.require(page.is_some(), &path, text);
        }
        let sampling = &self.logs.sampling;
        let text = "'tick' must be non-negative";
        problems.require(!sampling.tick.is_negative(), "logs::sampling::tick", text);
        problems
    }
}
