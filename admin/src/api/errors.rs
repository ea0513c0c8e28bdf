//! `GET /api/v1/errors`: what went wrong last, in every component.

use std::net::IpAddr;

use http::StatusCode;
use jiff::Timestamp;
use ledger::{LAST_ERRORS_MAX, LastError};
use otlp::Signal;
use serde::Serialize;

use super::Desk;
use crate::web::Reply;

#[derive(Serialize)]
struct Errors<'a> {
    /// How many are kept at most.
    limit: usize,
    errors: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    kind: &'static str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<&'static str>,
    /// Why the items have ended; missing while they are tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    items: u64,
    times: u64,
    first: String,
    last: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
}

pub(super) fn answer(desk: &Desk) -> Reply {
    let errors = desk.vitals.shared.errors.newest_first();
    let row = |error| row(error, desk.shows_values);
    Reply::json(
        StatusCode::OK,
        &Errors {
            limit: LAST_ERRORS_MAX,
            errors: errors.iter().map(row).collect(),
        },
    )
}

fn row(error: &LastError, shows_values: bool) -> Row<'_> {
    Row {
        kind: error.kind.name(),
        id: &error.component,
        signal: error.signal.map(Signal::name),
        reason: error.reason.map(ledger::Reason::name),
        // A back end that refuses may quote what it was sent.
        text: shows_values.then_some(error.text.as_str()),
        items: error.items,
        times: error.times,
        first: time(error.first_unix_nanos),
        last: time(error.last_unix_nanos),
        peer: error.peer,
        user_agent: error.user_agent.as_deref(),
    }
}

/// RFC 3339, in UTC.
pub(super) fn time(unix_nanos: u64) -> String {
    let time = Timestamp::from_nanosecond(unix_nanos.into());
    time.unwrap_or_default().to_string()
}
