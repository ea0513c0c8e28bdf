//! `attributes`, `resource` and `probabilistic_sampler` against the Collector: the same configuration and
//! the same request give the same request, and what it refuses is refused in the same words.
//!
//! `record.py` asks a Collector for what `cases.json` expects.
#![allow(clippy::unwrap_used, reason = "a test stops where its premise fails")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::Faults;
use otlp::{Signal, json, survey};
use pipeline::component::{Host, Outbox, Processor};
use pipeline::{Batch, Context, Now, testkit};
use serde_json::Value;

fn cases() -> Value {
    serde_json::from_str(include_str!("cases.json")).unwrap()
}

/// Builds the processor of a case, or says why not.
fn build(case: &Value, host: &Host) -> Result<Box<dyn Processor>, String> {
    let kind = case["processor"].as_str().unwrap();
    let row = processors::ALL
        .iter()
        .find(|row| row.is_called(kind))
        .unwrap();
    // JSON is YAML; a dollar stands for itself only when doubled.
    let body = case["config"].to_string().replace('$', "$$");
    let mut faults = Faults::default();
    let document = testkit::document(&format!("processors: {{{kind}: {body}}}"), &mut faults);
    let document = document.unwrap_or_else(|| panic!("{faults:?}"));
    let component = document.processors.iter().next().unwrap();
    let planned = (row.plan)(component, &mut faults);
    match planned {
        Some(planned) => (planned.build.make)(host),
        None => Err(faults
            .iter()
            .map(|fault| fault.text.as_str())
            .collect::<Vec<_>>()
            .join("\n")),
    }
}

/// OTLP/JSON in our own form, so that two texts of one request are equal.
fn normal(signal: Signal, request: &[u8]) -> Value {
    let mut value = serde_json::from_slice(&json::encode(signal, request).unwrap()).unwrap();
    tidy(&mut value);
    value
}

/// The Collector writes messages that were left out as empty ones, and mixes up the order of
/// attributes when it removes one.
fn tidy(value: &mut Value) {
    const OFTEN_EMPTY: [&str; 6] = [
        "resource", "scope", "status", "body", "positive", "negative",
    ];
    match value {
        Value::Object(fields) => {
            let is_empty =
                |field: &Value| field.as_object().is_some_and(|fields| fields.is_empty());
            fields.retain(|key, field| !(OFTEN_EMPTY.contains(&key.as_str()) && is_empty(field)));
            if let Some(Value::Array(attributes)) = fields.get_mut("attributes") {
                attributes.sort_by_key(|attribute| attribute["key"].to_string());
            }
            fields.values_mut().for_each(tidy);
        }
        Value::Array(values) => values.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn decode(signal: Signal, text: &Value) -> Bytes {
    json::decode(signal, text.to_string().as_bytes())
        .unwrap()
        .into()
}

/// The sender that `record.py` is.
fn sender() -> Context {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Context {
        peer: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        metadata: vec![header("x-tenant", "red"), header("x-tenant", "blue")],
        ..Context::default()
    }
}

#[test]
fn what_the_collector_accepts_comes_out_as_it_does_there() {
    let document = cases();
    let mut wrong = Vec::new();
    let cases = document["cases"].as_array().unwrap().iter();
    for case in cases.filter(|case| !case["expected"].is_null()) {
        let signal = Signal::from_name(case["signal"].as_str().unwrap()).unwrap();
        let host = testkit::host(ledger::Kind::Processor, "under_test", Some(signal));
        let mut processor =
            build(case, &host).unwrap_or_else(|text| panic!("{}: {text}", case["name"]));
        let input = decode(signal, &document["inputs"][case["input"].as_str().unwrap()]);
        let items = survey(signal, &input).unwrap().items as u64;
        let batch = Batch::new(signal, input, items).with_context(Some(Arc::new(sender())));
        let mut out = Outbox::default();
        processor.process(batch, Now::at(Duration::ZERO), &mut out);
        let sent: Vec<_> = out.drain().collect();
        let [sent] = &sent[..] else {
            panic!("{}: {} batches", case["name"], sent.len())
        };
        let expected = decode(signal, &case["expected"]);
        let kept = survey(signal, &expected).unwrap().items as u64;
        let dropped: u64 = out.drain_dropped().map(|(items, _)| items).sum();
        assert_eq!(
            (sent.items(), dropped, sent.chunks().len()),
            (kept, items - kept, 1),
            "{}",
            case["name"]
        );
        let actual = normal(signal, &sent.chunks()[0].bytes);
        let expected = normal(signal, &expected);
        if actual != expected {
            wrong.push(format!(
                "{}\nours   {actual}\ntheirs {expected}",
                case["name"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn what_the_collector_refuses_is_refused_in_its_words() {
    let document = cases();
    let mut wrong = Vec::new();
    for case in document["cases"].as_array().unwrap() {
        let Some(expected) = case["error"].as_str() else {
            continue;
        };
        let signal = Signal::from_name(case["signal"].as_str().unwrap()).unwrap();
        let host = testkit::host(ledger::Kind::Processor, "under_test", Some(signal));
        let actual = build(case, &host).err().unwrap_or_default();
        // Behind its words we say what a regular expression lacks.
        if !actual.starts_with(expected) {
            wrong.push(format!(
                "{}\nours   {actual}\ntheirs {expected}",
                case["name"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
