//! What is answered at which path.

use std::time::Duration;

use ::config::GoDuration;
use http::StatusCode;
use jiff::Timestamp;
use otlp::Signal;
use pipeline::Now;
use pipeline::component::Health;
use serde::Serialize;

use super::config::{Keys, ResponseBody};
use crate::web::Reply;

/// Paths that are not the Collector's.
pub(super) const OWN: [&str; 3] = ["/live", "/ready", "/delivering"];

/// How the service is when somebody asks.
pub(super) struct Moment<'a> {
    pub(super) health: Health,
    pub(super) now: Now,
    /// Means something while `health` is ready.
    pub(super) ready_since: Now,
    /// Exporters that deliver nothing, and for how long.
    pub(super) failing: Vec<(&'a str, Signal, Duration)>,
}

/// The Collector's answer, keys in its order.
#[derive(Serialize)]
struct Status {
    status: &'static str,
    #[serde(rename = "upSince")]
    up_since: String,
    uptime: String,
}

#[derive(Serialize)]
struct Live {
    live: bool,
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

#[derive(Serialize)]
struct Delivery<'a> {
    delivering: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failing: Vec<Failing<'a>>,
}

#[derive(Serialize)]
struct Failing<'a> {
    exporter: &'a str,
    signal: &'static str,
    seconds: u64,
}

/// The configured path goes before our own, so that a file of the Collector means what it meant.
pub(super) fn answer(keys: &Keys, path: &str, moment: &Moment<'_>) -> Reply {
    let status = || status(keys.response_body.as_ref(), moment);
    match path {
        _ if path == keys.path => status(),
        // Whoever can answer is alive, a drain included.
        "/live" => Reply::json(StatusCode::OK, &Live { live: true }),
        "/ready" => readiness(moment.health),
        "/delivering" => delivery(&moment.failing),
        _ if is_below(&keys.path, path) => status(),
        _ => Reply::not_found(),
    }
}

/// A path that ends with a slash stands for all below it, as in Go's server.
fn is_below(parent: &str, path: &str) -> bool {
    let stem = parent.strip_suffix('/');
    let rest = stem.and_then(|stem| path.strip_prefix(stem));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn status(bodies: Option<&ResponseBody>, moment: &Moment<'_>) -> Reply {
    let healthy = moment.health == Health::Ready;
    let code = code(healthy);
    match bodies {
        Some(bodies) if healthy => Reply::text(code, &bodies.healthy),
        Some(bodies) => Reply::text(code, &bodies.unhealthy),
        None if healthy => Reply::json(code, &up(moment)),
        None => Reply::json(code, &down()),
    }
}

fn up(moment: &Moment<'_>) -> Status {
    let since = moment.ready_since;
    let started = Timestamp::from_nanosecond(since.unix_nanos.into()).unwrap_or_default();
    let nanos = moment.now.mono.saturating_sub(since.mono).as_nanos();
    let uptime = GoDuration::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX));
    Status {
        status: "Server available",
        up_since: started.to_string(),
        uptime: uptime.to_string(),
    }
}

/// The zero values of Go's types.
fn down() -> Status {
    Status {
        status: "Server not available",
        up_since: "0001-01-01T00:00:00Z".to_owned(),
        uptime: String::new(),
    }
}

fn readiness(health: Health) -> Reply {
    let reason = match health {
        Health::Starting => Some("starting"),
        Health::Ready => None,
        Health::Draining => Some("draining"),
    };
    let ready = reason.is_none();
    Reply::json(code(ready), &Readiness { ready, reason })
}

fn delivery(failing: &[(&str, Signal, Duration)]) -> Reply {
    let failing = failing.iter().map(|&(exporter, signal, since)| Failing {
        exporter,
        signal: signal.name(),
        seconds: since.as_secs(),
    });
    let failing: Vec<_> = failing.collect();
    let delivering = failing.is_empty();
    Reply::json(
        code(delivering),
        &Delivery {
            delivering,
            failing,
        },
    )
}

fn code(good: bool) -> StatusCode {
    if good {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

#[cfg(test)]
mod tests;
