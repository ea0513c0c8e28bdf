//! Millions of elements with nothing in them, which take two bytes here and hundreds in every
//! program behind.

use benches::grpc::RESOURCE_EXHAUSTED;
use otlp::{Signal, wire};

use super::{Row, besiege};

/// What 64 MiB are filled by at 32 bytes each.
const MANY: usize = 2_200_000;

#[test]
fn empty_elements_are_charged_what_they_cost_in_protobuf() {
    let row = |name, signal, path: &[u32]| {
        Row::protobuf(name, crowd(path), 413, RESOURCE_EXHAUSTED).of(signal)
    };
    use Signal::{Logs, Metrics, Traces};
    besiege([
        row("resources", Traces, &[1]),
        row("scopes", Traces, &[2, 1]),
        row("spans", Traces, &[2, 2, 1]),
        row("resources of logs", Logs, &[1]),
        row("log records", Logs, &[2, 2, 1]),
        row("metrics", Metrics, &[2, 2, 1]),
        row("points of a gauge", Metrics, &[1, 5, 2, 2, 1]),
        row("points of a sum", Metrics, &[1, 7, 2, 2, 1]),
        row("points of a histogram", Metrics, &[1, 9, 2, 2, 1]),
        row(
            "points of an exponential histogram",
            Metrics,
            &[1, 10, 2, 2, 1],
        ),
        row("points of a summary", Metrics, &[1, 11, 2, 2, 1]),
        row("attributes of a resource", Traces, &[1, 1, 1]),
        row("attributes of a scope", Traces, &[3, 1, 2, 1]),
        row("attributes of a span", Traces, &[9, 2, 2, 1]),
        row("events", Traces, &[11, 2, 2, 1]),
        row("links", Traces, &[13, 2, 2, 1]),
        row("attributes of a record", Logs, &[6, 2, 2, 1]),
        row("values of an array", Logs, &[1, 5, 5, 2, 2, 1]),
        row("pairs of a list", Logs, &[1, 6, 5, 2, 2, 1]),
        row("attributes of a metric", Metrics, &[12, 2, 2, 1]),
        row("exemplars", Metrics, &[5, 1, 5, 2, 2, 1]),
        row("quantiles", Metrics, &[6, 1, 11, 2, 2, 1]),
    ]);
}

#[test]
fn empty_elements_are_charged_what_they_cost_in_json() {
    let row = |name, signal, before: &str, element: &str| {
        let text = format!("{before}{element}{}", format!(",{element}").repeat(MANY));
        Row::json(name, text.into_bytes(), 413).of(signal)
    };
    let span = r#"{"resourceSpans":[{"scopeSpans":[{"spans":["#;
    let gauge = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":["#;
    let within = |key: &str| format!(r#"{span}{{"{key}":["#);
    besiege([
        row("resources", Signal::Traces, r#"{"resourceSpans":["#, "{}"),
        row("spans", Signal::Traces, span, "{}"),
        row("points", Signal::Metrics, gauge, "{}"),
        row("attributes", Signal::Traces, &within("attributes"), "{}"),
        row("events", Signal::Traces, &within("events"), "{}"),
        row("links", Signal::Traces, &within("links"), "{}"),
    ]);
}

/// The path from the inside out: many empty elements of its first number, and what they lie in.
fn crowd(path: &[u32]) -> Vec<u8> {
    let mut element = Vec::new();
    wire::put_len_header(&mut element, path[0], 0);
    path[1..]
        .iter()
        .fold(element.repeat(MANY), |inner, number| {
            let mut outer = Vec::with_capacity(inner.len() + 8);
            wire::put_len(&mut outer, *number, &inner);
            outer
        })
}
