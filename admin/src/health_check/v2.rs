//! The answers of version 2: how the service and each component is, after the Collector's model of
//! component states.

use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use ledger::Kind;
use pipeline::component::Vitals;
use serde::Serialize;

use super::config::{ComponentHealth, HttpV2};
use crate::status::{self, Node, State};
use crate::web::Reply;

/// What is asked behind the question mark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Query {
    pipeline: Option<String>,
    verbose: bool,
}

/// One state, and those of its parts. Names are the Collector's.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<String>,
    healthy: bool,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Since when.
    status_time: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    components: BTreeMap<String, Self>,
    #[serde(skip)]
    state: State,
    /// How long, where it does not do its work.
    #[serde(skip)]
    failing: Duration,
}

/// Answers a path; `None` if it is not one of version 2.
pub(super) fn answer(
    config: &HttpV2,
    health: &ComponentHealth,
    vitals: &Vitals,
    (path, query): (&str, Option<&str>),
) -> Option<Reply> {
    if config.status_path() == Some(path) {
        return Some(status_of(
            health,
            vitals,
            &Query::read(query.unwrap_or_default()),
        ));
    }
    if config.config_path() == Some(path) {
        let outline = vitals.outline.borrow();
        return Some(Reply::json(StatusCode::OK, &outline.effective));
    }
    None
}

/// Whether the service, or with a name one of its pipelines, is fit; `None` if there is no such
/// pipeline.
pub(super) fn serves(health: &ComponentHealth, vitals: &Vitals, pipeline: &str) -> Option<bool> {
    let report = match pipeline {
        "" => whole(health, vitals),
        pipeline => of_pipeline(health, vitals, pipeline)?,
    };
    Some(report.healthy && report.http() == StatusCode::OK)
}

fn status_of(health: &ComponentHealth, vitals: &Vitals, query: &Query) -> Reply {
    let report = match &query.pipeline {
        None => Some(whole(health, vitals)),
        Some(pipeline) => of_pipeline(health, vitals, pipeline),
    };
    let Some(mut report) = report else {
        return Reply::text(StatusCode::NOT_FOUND, "no such pipeline\n");
    };
    report.start_time = Some(time(vitals.shared.clock.started_unix_nanos()));
    if !query.verbose {
        report.components.clear();
    }
    Reply::json(report.http(), &report)
}

/// Pipelines and extensions, and the worst of them.
fn whole(health: &ComponentHealth, vitals: &Vitals) -> Report {
    let nodes = status::nodes(vitals);
    let outline = vitals.outline.borrow();
    let mut parts: BTreeMap<_, _> = outline
        .pipelines
        .iter()
        .map(|pipeline| {
            let report = joined(health, vitals, members(&nodes, &pipeline.id));
            (format!("pipeline:{}", pipeline.id), report)
        })
        .collect();
    let extensions = nodes.iter().filter(|node| node.kind == Kind::Extension);
    parts.insert(
        "extensions".to_owned(),
        joined(health, vitals, extensions.collect()),
    );
    Report::of_parts(health, vitals, parts)
}

fn of_pipeline(health: &ComponentHealth, vitals: &Vitals, id: &str) -> Option<Report> {
    let nodes = status::nodes(vitals);
    let outline = vitals.outline.borrow();
    outline
        .pipelines
        .iter()
        .find(|pipeline| pipeline.id == id)?;
    Some(joined(health, vitals, members(&nodes, id)))
}

/// The components in a pipeline.
fn members<'a>(nodes: &'a [Node], id: &str) -> Vec<&'a Node> {
    let here = |node: &&Node| node.pipelines.iter().any(|pipeline| pipeline == id);
    nodes.iter().filter(here).collect()
}

/// One report for each node, and the worst of them above.
fn joined(health: &ComponentHealth, vitals: &Vitals, nodes: Vec<&Node>) -> Report {
    let parts = nodes.into_iter().map(|node| {
        let failing = node.failing.unwrap_or_default();
        let error = node.failing.map(|since| match node.kind {
            Kind::Exporter => format!("no export has succeeded for {} s", since.as_secs()),
            _ => "data refused due to high memory usage".to_owned(),
        });
        let report = Report::new(health, vitals, node.state, failing, error);
        (format!("{}:{}", node.kind, node.id), report)
    });
    Report::of_parts(health, vitals, parts.collect())
}

// === impl Report ===

impl Report {
    fn new(
        health: &ComponentHealth,
        vitals: &Vitals,
        state: State,
        failing: Duration,
        error: Option<String>,
    ) -> Self {
        let clock = vitals.shared.clock;
        let since = match state {
            State::Recoverable => {
                let failing = u64::try_from(failing.as_nanos()).unwrap_or(u64::MAX);
                clock.now().unix_nanos.saturating_sub(failing)
            }
            _ => clock.started_unix_nanos(),
        };
        let ill = state == State::Recoverable && health.include_recoverable_errors;
        Self {
            start_time: None,
            healthy: matches!(state, State::Ok | State::Recoverable)
                && !(ill && failing >= health.recovery_duration.get()),
            status: match state {
                State::Starting => "StatusStarting",
                State::Ok => "StatusOK",
                State::Recoverable => "StatusRecoverableError",
                State::Stopping => "StatusStopping",
            },
            error,
            status_time: time(since),
            components: BTreeMap::new(),
            state,
            failing,
        }
    }

    /// The worst of its parts; of several the one that has been so for longest.
    fn of_parts(health: &ComponentHealth, vitals: &Vitals, parts: BTreeMap<String, Self>) -> Self {
        let worst = parts.values().max_by_key(|part| (part.state, part.failing));
        let of_health = State::of(*vitals.health.borrow());
        let (state, failing, error) = worst.map_or((of_health, Duration::ZERO, None), |worst| {
            (worst.state, worst.failing, worst.error.clone())
        });
        Self {
            components: parts,
            ..Self::new(health, vitals, state, failing, error)
        }
    }

    fn http(&self) -> StatusCode {
        match self.state {
            State::Starting | State::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            _ if self.healthy => StatusCode::OK,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

// === impl Query ===

impl Query {
    fn read(text: &str) -> Self {
        let mut query = Self::default();
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                // Ids of pipelines have no character that is escaped but the slash.
                "pipeline" => query.pipeline = Some(value.replace("%2F", "/").replace("%2f", "/")),
                "verbose" => query.verbose = !matches!(value, "false" | "0"),
                _ => {}
            }
        }
        query
    }
}

/// RFC 3339, in UTC.
fn time(unix_nanos: u64) -> String {
    let time = Timestamp::from_nanosecond(unix_nanos.into());
    time.unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::Query;

    #[test]
    fn a_query_names_a_pipeline_and_asks_for_its_parts() {
        let check = |text: &str, pipeline: Option<&str>, verbose: bool| {
            let query = Query::read(text);
            assert_eq!(
                (query.pipeline.as_deref(), query.verbose),
                (pipeline, verbose),
                "{text}"
            );
        };
        check("", None, false);
        check("verbose", None, true);
        check("verbose=false", None, false);
        check("pipeline=traces%2Fa&verbose=true", Some("traces/a"), true);
        check("pipeline=traces/a&other=1", Some("traces/a"), false);
    }
}
