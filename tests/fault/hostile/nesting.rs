//! Values within values, and groups within groups: what would take the stack of whoever follows.

use benches::grpc::{INVALID_ARGUMENT, OK};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValueList};
use otlp::{Signal, wire};
use prost::Message;

use super::{Row, besiege};
use crate::rig::requests;

/// A hundred thousand levels would take every stack.
const ABYSS: usize = 100_000;

#[test]
fn a_value_nested_deeper_than_64_is_refused_in_protobuf() {
    let bad = |name, body| Row::protobuf(name, body, 400, INVALID_ARGUMENT);
    let good = |name, body| Row::protobuf(name, body, 200, OK);
    besiege([
        good("arrays to the limit", padded(requests::nested(64))),
        bad("arrays one too deep", padded(requests::nested(65))),
        good("lists to the limit", padded(lists(64))),
        bad("lists one too deep", padded(lists(65))),
        bad("arrays without end", tower(&[5, 1], &[2, 9, 2, 2, 1])),
        bad("lists without end", tower(&[6, 1, 2], &[2, 9, 2, 2, 1])),
        bad("in a resource", tower(&[5, 1], &[2, 1, 1, 1])),
        bad("in a scope", tower(&[5, 1], &[2, 3, 1, 2, 1])),
        bad("in an event", tower(&[5, 1], &[2, 3, 11, 2, 2, 1])),
        bad("in a link", tower(&[5, 1], &[2, 4, 13, 2, 2, 1])),
        bad("in a body", tower(&[5, 1], &[5, 2, 2, 1])).of(Signal::Logs),
        bad("in a data point", tower(&[5, 1], &[2, 7, 1, 5, 2, 2, 1])).of(Signal::Metrics),
        bad("in an exemplar", tower(&[5, 1], &[2, 7, 5, 1, 5, 2, 2, 1])).of(Signal::Metrics),
        bad("in a metric", tower(&[5, 1], &[2, 12, 2, 2, 1])).of(Signal::Metrics),
        bad("groups in the request", groups()),
        bad("groups in a resource", inside(&[1, 1], groups())),
        bad("groups in a scope", inside(&[2, 1], groups())),
    ]);
}

#[test]
fn a_value_nested_deeper_than_64_is_refused_in_json() {
    let bad = |name, text: String| Row::json(name, text.into_bytes(), 400);
    let good = |name, text: String| Row::json(name, text.into_bytes(), 200);
    const ARRAY: &str = r#"{"arrayValue":{"values":["#;
    const LIST: &str = r#"{"kvlistValue":{"values":[{"key":"k","value":"#;
    let attribute = |value: String| {
        format!(r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"a","value":{value}"#)
    };
    let whole = |depth| {
        let text = ARRAY.repeat(depth) + r#"{"intValue":1}"# + &"]}}".repeat(depth);
        attribute(text) + "}]}}]}"
    };
    besiege([
        good("arrays to the limit", whole(63)),
        bad("arrays one too deep", whole(64)),
        bad("arrays without end", attribute(ARRAY.repeat(ABYSS))),
        bad("lists without end", attribute(LIST.repeat(ABYSS))),
        bad(
            "strange arrays without end",
            r#"{"x":"#.to_owned() + &"[".repeat(ABYSS),
        ),
        bad("strange objects without end", r#"{"x":"#.repeat(ABYSS)),
        bad("strange ones that end", nested_strange(ABYSS)),
        bad("a body of brackets", "[".repeat(ABYSS)),
        bad("a body of braces", "{".repeat(ABYSS)),
        bad("white space alone", " ".repeat(1 << 20)),
        bad(
            "backslashes without end",
            format!(r#"{{"x":"{}"#, r"\".repeat(1 << 20)),
        ),
        bad(
            "a number without end",
            format!(r#"{{"resourceSpans":1{}"#, "0".repeat(1 << 20)),
        ),
    ]);
}

/// Lists of pairs to this depth; a plain value has depth 1.
fn lists(depth: usize) -> Value {
    (1..depth).fold(Value::StringValue("deep".into()), |inner, _| {
        let mut pair = requests::text("k", "");
        pair.value = Some(AnyValue { value: Some(inner) });
        Value::KvlistValue(KeyValueList { values: vec![pair] })
    })
}

/// A span that holds the value, and is long enough to be looked into.
fn padded(value: Value) -> Vec<u8> {
    let pad = requests::text("pad", &"x".repeat(3000));
    requests::span_with(vec![pad, requests::pair("deep", value)]).encode_to_vec()
}

/// Messages in one another, these fields again and again, within `outer` from the inside out.
fn tower(fields: &[u32], outer: &[u32]) -> Vec<u8> {
    // Lengths must be known before they are written, so the headers are gathered in reverse.
    let (mut headers, mut length) = (Vec::new(), 0);
    for _ in 0..ABYSS {
        for number in fields.iter().rev() {
            let mut header = Vec::new();
            wire::put_len_header(&mut header, *number, length);
            length += header.len();
            headers.push(header);
        }
    }
    let mut inner = Vec::with_capacity(length);
    headers.iter().rev().for_each(|header| inner.extend(header));
    inside(outer, inner)
}

/// The bytes within these fields, from the inside out.
fn inside(outer: &[u32], inner: Vec<u8>) -> Vec<u8> {
    outer.iter().fold(inner, |inner, number| {
        let mut outer = Vec::with_capacity(inner.len() + 8);
        wire::put_len(&mut outer, *number, &inner);
        outer
    })
}

/// Groups of an unknown number that begin and never end, padded to be looked into.
fn groups() -> Vec<u8> {
    const START: u8 = 15 << 3 | 3;
    vec![START; ABYSS]
}

/// Strange keys whose values open and close.
fn nested_strange(depth: usize) -> String {
    format!(r#"{{"x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth))
}
