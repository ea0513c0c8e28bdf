//! Connectors that are not here.

use config::Kind;
use pipeline::component::Foreign;

use super::{Row, Table, row};

pub(super) const TABLE: Table = Table {
    kind: Kind::Connector,
    rows: ROWS,
    tail: TAIL,
    advice: Foreign {
        instead: "keep it in a Collector behind this service, over OTLP",
        lost: "what it makes of the data; the data itself goes to the other exporters",
    },
};

const ROWS: &[Row] = &[
    row(
        &["routing"],
        "write one pipeline for each way, with the exporters side by side",
        "the choice of pipelines by attributes",
    ),
    row(
        &["failover"],
        "name the first exporter directly; its queue and retry outlast short failures",
        "the change to a second back end when the first fails",
    ),
    row(
        &["roundrobin"],
        "write `forward`, or name the pipeline's exporters directly: every pipeline has a worker on \
         each core",
        "nothing",
    ),
    row(
        &["datadog"],
        "write `otlp_grpc` to the OTLP intake of a Datadog Agent, which computes the statistics",
        "the statistics that it makes from spans",
    ),
];

const TAIL: &[&str] = &[
    "exceptions",
    "grafanacloud",
    "metricsaslogs",
    "otlpjson",
    "signaltometrics",
    "slowsql",
    "sum",
];
