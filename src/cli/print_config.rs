//! `print-config`: what a configuration comes to, with defaults filled in and secrets left out.

use std::io::Write;

use config::{Document, Faults, Format, Reference, Sources};
use serde_json::{Map, Value, json};

use super::{Answer, Failure, yaml};
use crate::setup::{Setup, setup};

pub(super) fn run(
    sources: &Sources,
    format: &str,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Answer {
    let mut faults = Faults::new();
    let setup = setup(sources, &mut faults);
    faults.sort();
    faults.write(Format::Human, err)?;
    let sections = sections(setup.ok_or(Failure::Told)?)?;
    match format {
        "json" => {
            let sections: Map<String, Value> = sections
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect();
            writeln!(out, "{:#}", Value::Object(sections))?;
        }
        _ => out.write_all(yaml::document(&sections).as_bytes())?,
    }
    Ok(())
}

/// The sections in the order in which people write them, empty ones left out.
fn sections(setup: Setup) -> serde_json::Result<Vec<(&'static str, Value)>> {
    let mut sections: Vec<_> = setup
        .effective
        .into_iter()
        .filter(|(_, components)| !components.is_empty())
        .map(|(kind, components)| {
            (
                kind.section(),
                Value::Object(components.into_iter().collect()),
            )
        })
        .collect();
    sections.push(("service", service(&setup.document)?));
    Ok(sections)
}

fn service(document: &Document) -> serde_json::Result<Value> {
    let ids = |list: &[Reference]| -> Value { list.iter().map(|r| r.id.to_string()).collect() };
    let pipelines = document.service.pipelines.iter().map(|pipeline| {
        let sides = json!({
            "receivers": ids(&pipeline.receivers),
            "processors": ids(&pipeline.processors),
            "exporters": ids(&pipeline.exporters),
        });
        (pipeline.id.to_string(), sides)
    });
    Ok(json!({
        "extensions": ids(&document.service.extensions),
        "pipelines": pipelines.collect::<Map<_, _>>(),
        "telemetry": serde_json::to_value(&document.service.telemetry)?,
    }))
}
