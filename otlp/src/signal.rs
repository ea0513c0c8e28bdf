//! The three signals and the table of facts in which they differ.

use std::fmt;

/// What a request carries. One `match` per fact lives in this file and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Signal {
    Traces,
    Metrics,
    Logs,
}

/// One row of facts; a new fact is a new column here.
struct Facts {
    name: &'static str,
    items: &'static str,
    grpc_path: &'static str,
    http_path: &'static str,
    json_root: &'static str,
}

const FACTS: [Facts; 3] = [
    Facts {
        name: "traces",
        items: "spans",
        grpc_path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        http_path: "/v1/traces",
        json_root: "resourceSpans",
    },
    Facts {
        name: "metrics",
        items: "metric_points",
        grpc_path: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        http_path: "/v1/metrics",
        json_root: "resourceMetrics",
    },
    Facts {
        name: "logs",
        items: "log_records",
        grpc_path: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        http_path: "/v1/logs",
        json_root: "resourceLogs",
    },
];

impl Signal {
    pub const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    const fn facts(self) -> &'static Facts {
        &FACTS[self as usize]
    }

    /// Position in [`Signal::ALL`], for tables with one row a signal.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name in pipeline ids and labels: `traces`, `metrics`, `logs`.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// The item noun in the Collector's metric names: `spans`, `metric_points`, `log_records`.
    pub const fn items(self) -> &'static str {
        self.facts().items
    }

    /// The gRPC method path of the OTLP service.
    pub const fn grpc_path(self) -> &'static str {
        self.facts().grpc_path
    }

    /// The default OTLP/HTTP path.
    pub const fn http_path(self) -> &'static str {
        self.facts().http_path
    }

    /// The only top-level key of a request in OTLP/JSON.
    pub const fn json_root(self) -> &'static str {
        self.facts().json_root
    }

    /// The signal with this [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// The signal whose gRPC service has this method path.
    pub fn from_grpc_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.grpc_path() == path)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
