//! What a configuration comes to, for those who ask the running service.

use config::{Document, Reference};
use pipeline::component::{Outline, PipelineOutline};
use serde_json::{Map, Value, json};

use crate::setup::Setup;

/// Fails only by a defect: what was read from text can be written as text.
pub(crate) fn of(setup: &Setup) -> serde_json::Result<Outline> {
    let mut effective = Map::new();
    for (kind, components) in &setup.effective {
        if !components.is_empty() {
            let components = components.iter().cloned().collect();
            effective.insert(kind.section().to_owned(), Value::Object(components));
        }
    }
    effective.insert("service".to_owned(), service(&setup.document)?);
    let effective = Value::Object(effective);
    let pipelines = setup.document.service.pipelines.iter();
    let pipelines = pipelines.map(|pipeline| PipelineOutline {
        id: pipeline.id.to_string(),
        signal: pipeline.id.signal,
        receivers: ids(&pipeline.receivers),
        processors: ids(&pipeline.processors),
        exporters: ids(&pipeline.exporters),
    });
    Ok(Outline {
        hash: hash(&effective.to_string()),
        pipelines: pipelines.collect(),
        extensions: ids(&setup.document.service.extensions),
        effective,
    })
}

/// The section `service` with all defaults.
pub(crate) fn service(document: &Document) -> serde_json::Result<Value> {
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

fn ids(list: &[Reference]) -> Vec<String> {
    list.iter().map(|r| r.id.to_string()).collect()
}

/// FNV-1a of 64 bits, in hex: it tells configurations apart and protects nothing.
fn hash(text: &str) -> String {
    const PRIME: u64 = 0x0100_0000_01b3;
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    format!("{:016x}", text.bytes().fold(BASIS, step))
}
