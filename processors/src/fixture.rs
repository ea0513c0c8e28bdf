//! What the tests of all processors need: a host, configurations, and requests as text.

use std::time::Duration;

use bytes::Bytes;
use config::{Component, Faults};
use otlp::{Signal, json, survey};
use pipeline::component::{Host, Processor, ProcessorFactory};
use pipeline::{Batch, Now, testkit};

/// A host with a budget of 1 GiB.
pub(crate) fn host() -> Host {
    testkit::host(ledger::Kind::Processor, "under_test", Some(Signal::Traces))
}

/// Builds a processor of this type from the text of its configuration.
pub(crate) fn build(kind: &str, yaml: &str, host: &Host) -> Box<dyn Processor> {
    let mut faults = Faults::default();
    let planned = (row(kind).plan)(&component(kind, yaml), &mut faults);
    (planned.unwrap_or_else(|| panic!("{faults:?}")).build.make)(host).unwrap()
}

/// What is wrong with a configuration, one `path: text` each.
pub(crate) fn faults(kind: &str, yaml: &str) -> Vec<String> {
    let mut faults = Faults::default();
    (row(kind).plan)(&component(kind, yaml), &mut faults);
    faults
        .iter()
        .map(|fault| format!("{}: {}", fault.path, fault.text))
        .collect()
}

fn component(kind: &str, yaml: &str) -> Component {
    let body: String = yaml.lines().map(|line| format!("    {line}\n")).collect();
    let mut faults = Faults::default();
    let document = testkit::document(&format!("processors:\n  {kind}:\n{body}"), &mut faults);
    let document = document.unwrap_or_else(|| panic!("{faults:?}"));
    document.processors.iter().next().unwrap().clone()
}

/// A moment this many milliseconds after the start.
pub(crate) fn at(millis: u64) -> Now {
    Now::at(Duration::from_millis(millis))
}

/// A received request, from OTLP/JSON.
pub(crate) fn batch(signal: Signal, text: &str) -> Batch {
    let bytes = Bytes::from(json::decode(signal, text.as_bytes()).unwrap());
    let items = survey(signal, &bytes).unwrap().items;
    Batch::new(signal, bytes, items as u64)
}

fn row(kind: &str) -> &'static ProcessorFactory {
    crate::ALL.iter().find(|row| row.is_called(kind)).unwrap()
}
