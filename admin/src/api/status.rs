//! `GET /api/v1/status`: the service, its pipelines, and how each component is.

use http::StatusCode;
use pipeline::component::Outline;
use serde::Serialize;

use super::Desk;
use super::books::Figures;
use super::errors::time;
use crate::status::{self, Node, State};
use crate::web::Reply;

#[derive(Serialize)]
struct Status<'a> {
    version: &'static str,
    /// RFC 3339, in UTC.
    started: String,
    uptime_seconds: f64,
    config_hash: &'a str,
    state: &'static str,
    budget: Budget,
    pipelines: Vec<Pipeline<'a>>,
    components: Vec<Row<'a>>,
}

/// Bytes of telemetry.
#[derive(Serialize)]
struct Budget {
    used_bytes: u64,
    /// From which no new request is read.
    admission_bytes: u64,
    limit_bytes: u64,
}

#[derive(Serialize)]
struct Pipeline<'a> {
    id: &'a str,
    signal: &'static str,
    /// The worst of its components'.
    state: &'static str,
    receivers: &'a [String],
    processors: &'a [String],
    exporters: &'a [String],
}

#[derive(Serialize)]
struct Row<'a> {
    kind: &'static str,
    #[serde(rename = "type")]
    type_name: &'a str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pipelines: &'a [String],
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<Queue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_flight: Option<u64>,
    /// Extensions carry nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    books: Option<Figures>,
}

/// In the unit of its sizer.
#[derive(Serialize)]
struct Queue {
    size: u64,
    capacity: u64,
}

pub(super) fn answer(desk: &Desk) -> Reply {
    let vitals = &desk.vitals;
    let nodes = status::nodes(vitals);
    let outline = vitals.outline.borrow();
    let (clock, budget) = (vitals.shared.clock, &vitals.shared.budget);
    let (started, now) = (clock.started_unix_nanos(), clock.now().unix_nanos);
    Reply::json(
        StatusCode::OK,
        &Status {
            version: env!("CARGO_PKG_VERSION"),
            started: time(started),
            uptime_seconds: now.saturating_sub(started) as f64 / 1e9,
            config_hash: &outline.hash,
            state: State::of(*vitals.health.borrow()).name(),
            budget: Budget {
                used_bytes: budget.used(),
                admission_bytes: budget.admission(),
                limit_bytes: budget.limit(),
            },
            pipelines: pipelines(&outline, &nodes),
            components: nodes.iter().map(row).collect(),
        },
    )
}

fn pipelines<'a>(outline: &'a Outline, nodes: &[Node]) -> Vec<Pipeline<'a>> {
    let pipelines = outline.pipelines.iter().map(|pipeline| Pipeline {
        id: &pipeline.id,
        signal: pipeline.signal.name(),
        state: status::of_pipeline(&pipeline.id, nodes).name(),
        receivers: &pipeline.receivers,
        processors: &pipeline.processors,
        exporters: &pipeline.exporters,
    });
    pipelines.collect()
}

fn row(node: &Node) -> Row<'_> {
    let mut figures = Figures::default();
    for (_, tally) in &node.books {
        figures.add(tally);
    }
    Row {
        kind: node.kind.name(),
        type_name: status::kind_of(&node.id),
        id: &node.id,
        signal: node.signal.map(otlp::Signal::name),
        pipelines: &node.pipelines,
        state: node.state.name(),
        failing_seconds: node.failing.map(|since| since.as_secs_f64()),
        queue: node.queue.map(|(size, capacity)| Queue { size, capacity }),
        in_flight: node.in_flight,
        books: node.signal.is_some().then_some(figures),
    }
}
