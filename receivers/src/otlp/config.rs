//! What users write for the OTLP receiver.

use ::config::blocks::{Ack, GrpcServer, HttpServer};
use ::config::{Optional, Problems, Squash, Validate};
use ::otlp::Signal;
use net::encoding::Encoding;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Config {
    pub(crate) protocols: Protocols,
    /// What an answer of success means. Not a key of the Collector.
    pub(crate) ack: Ack,
}

/// Each protocol is off unless its key is there; nothing behind the key means its defaults.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Protocols {
    pub(crate) grpc: Optional<GrpcServer>,
    pub(crate) http: Optional<HttpSide>,
}

/// The HTTP server's keys, with the paths beside them.
pub(crate) type HttpSide = Squash<HttpServer, Paths>;

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Paths {
    pub(crate) traces_url_path: String,
    pub(crate) metrics_url_path: String,
    pub(crate) logs_url_path: String,
}

impl Paths {
    /// By [`Signal::index`], each with its leading slash.
    pub(crate) fn paths(&self) -> [String; 3] {
        [
            &self.traces_url_path,
            &self.metrics_url_path,
            &self.logs_url_path,
        ]
        .map(|path| format!("/{}", path.trim_start_matches('/')))
    }
}

impl Default for Paths {
    fn default() -> Self {
        let [traces, metrics, logs] = Signal::ALL.map(|signal| signal.http_path().to_owned());
        Self {
            traces_url_path: traces,
            metrics_url_path: metrics,
            logs_url_path: logs,
        }
    }
}

impl Validate for Paths {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        for (key, path) in [
            ("traces_url_path", &self.traces_url_path),
            ("metrics_url_path", &self.metrics_url_path),
            ("logs_url_path", &self.logs_url_path),
        ] {
            problems.require(!path.is_empty(), key, format!("{key} cannot be empty"));
        }
        problems
    }
}

impl Validate for Config {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        let Protocols { grpc, http } = &self.protocols;
        problems.require(
            grpc.is_on() || http.is_on(),
            "protocols",
            "must specify at least one protocol when using the OTLP receiver",
        );
        problems.under("ack", &self.ack);
        problems.under("protocols::grpc", grpc);
        problems.under("protocols::http", http);
        problems
    }
}

/// The encodings that are decoded; `None` for an empty list, which switches decoding off.
pub(crate) fn encodings(names: &[String]) -> Option<Vec<Encoding>> {
    if names.is_empty() {
        return None;
    }
    Some(
        names
            .iter()
            .filter_map(|name| Encoding::from_http(name))
            .collect(),
    )
}
