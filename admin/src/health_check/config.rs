//! What users write for `health_check`.

use ::config::blocks::{GrpcServer, HttpServer};
use ::config::{GoDuration, Optional, Problems, Squash, Validate};
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
    /// Answer by `http` and `grpc`, and not by the keys above.
    pub(crate) use_v2: bool,
    #[serde(skip_serializing_if = "Optional::is_off")]
    pub(crate) http: Optional<Squash<HttpServer, HttpV2>>,
    #[serde(skip_serializing_if = "Optional::is_off")]
    pub(crate) grpc: Optional<Squash<GrpcServer, GrpcV2>>,
    pub(crate) component_health: ComponentHealth,
}

/// `http`, beside the server's keys.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct HttpV2 {
    pub(crate) endpoint: String,
    status: StatusV2,
    config: ConfigV2,
}

/// `grpc`, beside the server's keys.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct GrpcV2 {
    pub(crate) endpoint: String,
}

/// `http::status`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
struct StatusV2 {
    enabled: bool,
    path: String,
}

/// `http::config`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
struct ConfigV2 {
    enabled: bool,
    path: String,
}

/// `component_health`: which states count as ill.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct ComponentHealth {
    /// Without effect: a permanent error ends the start.
    include_permanent_errors: bool,
    pub(crate) include_recoverable_errors: bool,
    /// How long a recoverable error may last.
    pub(crate) recovery_duration: GoDuration,
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
            use_v2: false,
            http: Optional::Off,
            grpc: Optional::Off,
            component_health: ComponentHealth::default(),
        }
    }
}

impl Validate for Keys {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        problems.require(self.path.starts_with('/'), "path", "path must start with /");
        if self.check_collector_pipeline.enabled {
            let text = "has no effect, as in the Collector; ask /delivering";
            problems.warn("check_collector_pipeline", text);
        }
        let duration = self.component_health.recovery_duration;
        problems.require(
            !duration.is_negative(),
            "component_health::recovery_duration",
            "must be non-negative",
        );
        self.check_protocols(&mut problems);
        problems
    }
}

impl Keys {
    fn check_protocols(&self, problems: &mut Problems) {
        let protocols = [("http", self.http.is_on()), ("grpc", self.grpc.is_on())];
        let written = protocols.into_iter().find(|(_, is_on)| *is_on);
        match written {
            None if self.use_v2 => {
                problems.push("", "must specify at least one protocol: `http`, `grpc`");
            }
            Some((key, _)) if !self.use_v2 => {
                problems.push(key, "belongs to version 2; write `use_v2: true` beside it");
            }
            _ => {}
        }
        if let Some(http) = self.http.as_ref() {
            problems.under("http", http);
        }
        if let Some(grpc) = self.grpc.as_ref() {
            problems.under("grpc", grpc);
        }
    }
}

impl HttpV2 {
    /// Where the state is told, if it is.
    pub(crate) fn status_path(&self) -> Option<&str> {
        self.status.enabled.then_some(self.status.path.as_str())
    }

    /// Where the configuration is told, if it is.
    pub(crate) fn config_path(&self) -> Option<&str> {
        self.config.enabled.then_some(self.config.path.as_str())
    }
}

impl Default for HttpV2 {
    fn default() -> Self {
        Self {
            endpoint: "localhost:13133".to_owned(),
            status: StatusV2::default(),
            config: ConfigV2::default(),
        }
    }
}

impl Validate for HttpV2 {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        for (key, path) in [
            ("status::path", &self.status.path),
            ("config::path", &self.config.path),
        ] {
            problems.require(path.starts_with('/'), key, "path must start with /");
        }
        problems
    }
}

impl Default for GrpcV2 {
    fn default() -> Self {
        Self {
            endpoint: "localhost:13132".to_owned(),
        }
    }
}

impl Validate for GrpcV2 {}

impl Default for StatusV2 {
    fn default() -> Self {
        Self {
            enabled: true,
            path: "/status".to_owned(),
        }
    }
}

impl Default for ConfigV2 {
    fn default() -> Self {
        Self {
            enabled: false,
            path: "/config".to_owned(),
        }
    }
}

impl Default for ComponentHealth {
    fn default() -> Self {
        Self {
            include_permanent_errors: false,
            include_recoverable_errors: false,
            recovery_duration: GoDuration::from_secs(60),
        }
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
