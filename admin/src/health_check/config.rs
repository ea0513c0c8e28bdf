//! What users write for `health_check`.

use ::config::blocks::HttpServer;
use ::config::{NotYet, Problems, Squash, Validate};
use serde::{Deserialize, Serialize};

/// The server's keys, with our own beside them.
pub(crate) type Config = Squash<HttpServer, Keys>;

/// `endpoint` and `keep_alives_enabled` stand here again because their defaults are not those of
/// the block; what is written counts in both places.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Keys {
    /// `host:port`; checked by the block.
    pub(crate) endpoint: String,
    pub(crate) keep_alives_enabled: bool,
    /// Where the Collector's answer is given; with a slash at the end also below it.
    pub(crate) path: String,
    pub(crate) response_body: Option<ResponseBody>,
    pub(crate) check_collector_pipeline: CheckPipeline,
    #[serde(skip_serializing)]
    pub(crate) use_v2: NotYet,
    #[serde(skip_serializing)]
    pub(crate) http: NotYet,
    #[serde(skip_serializing)]
    pub(crate) grpc: NotYet,
    #[serde(skip_serializing)]
    pub(crate) component_health: NotYet,
}

/// Bodies instead of the Collector's JSON.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct ResponseBody {
    pub(crate) healthy: String,
    pub(crate) unhealthy: String,
}

/// Without effect, as in the Collector.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct CheckPipeline {
    enabled: bool,
    interval: String,
    exporter_failure_threshold: i64,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            endpoint: "localhost:13133".to_owned(),
            keep_alives_enabled: false,
            path: "/".to_owned(),
            response_body: None,
            check_collector_pipeline: CheckPipeline::default(),
            use_v2: NotYet,
            http: NotYet,
            grpc: NotYet,
            component_health: NotYet,
        }
    }
}

impl Validate for Keys {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        problems.require(self.path.starts_with('/'), "path", "path must start with /");
        problems
    }
}

impl Default for CheckPipeline {
    fn default() -> Self {
        Self {
            enabled: false,
            interval: "5m".to_owned(),
            exporter_failure_threshold: 5,
        }
    }
}
