//! `service`: which extensions and pipelines run, and how this process reports on itself.

use super::{SERVICE, entries};
use crate::decode::decode_valid;
use crate::fault::{Fault, Faults};
use crate::id::{ComponentId, PipelineId};
use crate::node::{Entry, Node, Value};
use crate::place::Place;
use crate::telemetry::Telemetry;

/// `service`
#[derive(Clone, Debug)]
pub struct Service {
    /// Where the key stands, else the start of the file.
    pub place: Place,
    /// In the order in which they are to start.
    pub extensions: Vec<Reference>,
    pub pipelines: Vec<Pipeline>,
    pub telemetry: Telemetry,
}

/// One pipeline, in the order of the file.
#[derive(Clone, Debug)]
pub struct Pipeline {
    pub id: PipelineId,
    /// Where its id stands.
    pub place: Place,
    pub receivers: Vec<Reference>,
    pub processors: Vec<Reference>,
    pub exporters: Vec<Reference>,
}

/// A component named by its id.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    pub id: ComponentId,
    pub place: Place,
}

// === impl Service ===

impl Service {
    pub(super) fn read(root: &Node, faults: &mut Faults) -> Self {
        let mut service = Self {
            place: root.place.clone(),
            extensions: Vec::new(),
            pipelines: Vec::new(),
            telemetry: Telemetry::default(),
        };
        let Some(own) = root.as_map().and_then(|map| map.entry(SERVICE)) else {
            return service;
        };
        service.place = own.key_place.clone();
        for entry in entries(&own.node, &own.key_place, SERVICE, faults) {
            let path = format!("{SERVICE}::{}", entry.key);
            match entry.key.as_str() {
                "extensions" => service.extensions = references(entry, &path, faults),
                "pipelines" => service.pipelines = pipelines(entry, &path, faults),
                "telemetry" => {
                    let telemetry = decode_valid(&entry.node, &path, faults);
                    service.telemetry = telemetry.unwrap_or_default();
                }
                key => faults.push(unknown(entry, &path, key, &KEYS)),
            }
        }
        service
    }
}

const KEYS: [&str; 3] = ["extensions", "pipelines", "telemetry"];

// === impl Pipeline ===

impl Pipeline {
    const KEYS: [&str; 3] = ["receivers", "processors", "exporters"];

    /// `service::pipelines::traces`
    pub fn path(&self) -> String {
        format!("{SERVICE}::pipelines::{}", self.id)
    }

    fn read(id: PipelineId, own: &Entry, faults: &mut Faults) -> Self {
        let mut pipeline = Self {
            id,
            place: own.key_place.clone(),
            receivers: Vec::new(),
            processors: Vec::new(),
            exporters: Vec::new(),
        };
        let base = pipeline.path();
        for entry in entries(&own.node, &own.key_place, &base, faults) {
            let path = format!("{base}::{}", entry.key);
            match entry.key.as_str() {
                "receivers" => pipeline.receivers = references(entry, &path, faults),
                "processors" => pipeline.processors = references(entry, &path, faults),
                "exporters" => pipeline.exporters = references(entry, &path, faults),
                key => faults.push(unknown(entry, &path, key, &Self::KEYS)),
            }
        }
        pipeline
    }
}

fn unknown(entry: &Entry, path: &str, key: &str, known: &[&str]) -> Fault {
    let fault = Fault::error(
        entry.key_place.clone(),
        path,
        format!("unknown key `{key}`"),
    );
    let help = crate::suggest::closest(key, known.iter().copied()).map_or_else(
        || format!("the keys here are `{}`", known.join("`, `")),
        |close| format!("did you mean `{close}`?"),
    );
    fault.with_help(help)
}

fn pipelines(own: &Entry, base: &str, faults: &mut Faults) -> Vec<Pipeline> {
    let mut pipelines: Vec<Pipeline> = Vec::new();
    for entry in entries(&own.node, &own.key_place, base, faults) {
        let fail = |text: String| {
            Fault::error(
                entry.key_place.clone(),
                format!("{base}::{}", entry.key),
                text,
            )
        };
        match entry.key.parse::<PipelineId>() {
            Err(fault) => {
                let signal = entry.key.split('/').next().unwrap_or("");
                let known = otlp::Signal::ALL.map(otlp::Signal::name);
                faults.push(fail(fault.to_string()).with_suggestion(signal, known));
            }
            Ok(id) if pipelines.iter().any(|known| known.id == id) => {
                faults.push(fail(format!("duplicate name \"{id}\" after unmarshaling")));
            }
            Ok(id) => pipelines.push(Pipeline::read(id, entry, faults)),
        }
    }
    pipelines
}

/// A list of ids; one that is no id is named and left out.
fn references(own: &Entry, path: &str, faults: &mut Faults) -> Vec<Reference> {
    let list = match &own.node.value {
        Value::List(list) => list.as_slice(),
        Value::Null => return Vec::new(),
        _ => {
            let text = format!("expected a list of ids, found {}", own.node.describe());
            let fault = Fault::error(own.key_place.clone(), path, text);
            faults.push(match own.node.as_text() {
                Some(text) => fault.with_help(format!("write `[{text}]`")),
                None => fault,
            });
            return Vec::new();
        }
    };
    let mut references = Vec::with_capacity(list.len());
    for (index, node) in list.iter().enumerate() {
        let fail = |text: String| {
            let empty = node.place.span.is_empty();
            let place = if empty { &own.key_place } else { &node.place };
            Fault::error(place.clone(), format!("{path}[{index}]"), text)
        };
        match node.as_text().map(str::parse::<ComponentId>) {
            Some(Ok(id)) => references.push(Reference {
                id,
                place: node.place.clone(),
            }),
            Some(Err(fault)) => faults.push(fail(fault.to_string())),
            None => faults.push(fail(format!("expected an id, found {}", node.describe()))),
        }
    }
    references
}
