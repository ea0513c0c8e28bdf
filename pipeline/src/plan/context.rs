//! What exporters need to know of a sender: requests of different senders are not joined, and whoever forgets it on
//! the way is named.

use std::sync::Arc;

use config::{Component, ComponentId, Document, Fault, Faults, Kind, Pipeline};

use super::build::Planner;
use crate::batch::ContextKey;
use crate::component::Wanted;

/// Keeps senders apart in the queues of exporters whose authenticators need to know them, and warns of components
/// before these exporters that do not pass that on.
pub(super) fn check(planner: &mut Planner, document: &Document, faults: &mut Faults) {
    for exporter in document.exporters.iter() {
        if !document.uses(Kind::Exporter, &exporter.id) {
            continue;
        }
        for (wanted, keys) in needs(planner, &exporter.id) {
            for key in &keys {
                warn(planner, document, exporter, &wanted, key, faults);
            }
            keep_apart(planner, &exporter.id, &keys);
        }
    }
}

/// A named extension, with what it needs to know.
type Need = (Wanted, Vec<ContextKey>);

fn needs(planner: &Planner, exporter: &ComponentId) -> Vec<Need> {
    let wants = planner
        .exporters
        .get(exporter)
        .map(|read| &read.planned.wants);
    let needs = wants.into_iter().flatten().filter_map(|wanted| {
        let needs = extension_needs(planner, &wanted.want.id, EXTENSIONS_MAX);
        (!needs.is_empty()).then(|| (wanted.clone(), needs))
    });
    needs.collect()
}

/// An extension that names one that names one: nobody writes more, and a circle is a fault elsewhere.
const EXTENSIONS_MAX: usize = 8;

fn extension_needs(planner: &Planner, id: &ComponentId, depth: usize) -> Vec<ContextKey> {
    let Some(read) = planner.extensions.get(id).filter(|_| depth > 0) else {
        return Vec::new();
    };
    let mut needs = read.planned.build.needs.clone();
    for wanted in &read.planned.wants {
        needs.extend(extension_needs(planner, &wanted.want.id, depth - 1));
    }
    needs
}

fn keep_apart(planner: &mut Planner, exporter: &ComponentId, keys: &[ContextKey]) {
    let read = planner.exporters.get_mut(exporter);
    // Nobody else has it before the plan is joined.
    let build = read.and_then(|read| Arc::get_mut(&mut read.planned.build));
    let queue = build.and_then(|build| build.delivery.queue.as_mut());
    let Some(merge) = queue.and_then(|queue| queue.merge.as_mut()) else {
        return;
    };
    for key in keys {
        if !merge.partition_keys.contains(key) {
            merge.partition_keys.push(key.clone());
        }
    }
}

/// One warning for each component that feeds the exporter and forgets the key.
fn warn(
    planner: &Planner,
    document: &Document,
    exporter: &Component,
    wanted: &Wanted,
    key: &ContextKey,
    faults: &mut Faults,
) {
    let path = format!("{}::{}", exporter.path(), wanted.want.path);
    let id = &wanted.want.id;
    for (kind, forgetful) in forgetful(planner, document, &exporter.id, key) {
        let (what, help) = match (key, kind) {
            (ContextKey::Metadata(name), Kind::Receiver) => (
                format!("the request metadata `{name}`"),
                "set `include_metadata: true` on it".to_owned(),
            ),
            (ContextKey::Metadata(name), _) => (
                format!("the request metadata `{name}`"),
                format!("add `{name}` to its `metadata_keys`"),
            ),
            (ContextKey::Identity(name), Kind::Receiver) => (
                format!("the attribute `{name}` of the sender"),
                "give it an `auth`".to_owned(),
            ),
            (ContextKey::Identity(name), _) => (
                format!("the attribute `{name}` of the sender"),
                "take it out of this pipeline".to_owned(),
            ),
        };
        let kind = kind.name();
        let text = format!("`{id}` needs {what}, which the {kind} `{forgetful}` does not keep");
        faults.push(Fault::warning(wanted.place.clone(), &path, text).with_help(help));
    }
}

/// The components before an exporter that do not keep a key, each once.
fn forgetful(
    planner: &Planner,
    document: &Document,
    exporter: &ComponentId,
    key: &ContextKey,
) -> Vec<(Kind, ComponentId)> {
    let pipelines = &document.service.pipelines;
    let ends_in = |pipeline: &&Pipeline, id: &ComponentId| {
        pipeline
            .exporters
            .iter()
            .any(|reference| reference.id == *id)
    };
    let mut open: Vec<&Pipeline> = pipelines.iter().filter(|p| ends_in(p, exporter)).collect();
    let mut found: Vec<(Kind, ComponentId)> = Vec::new();
    let mut add = |kind: Kind, id: &ComponentId, keeps: bool| {
        if !keeps && !found.iter().any(|(_, known)| known == id) {
            found.push((kind, id.clone()));
        }
    };
    // The list grows by the pipelines before a connector; each is looked at once.
    let mut at = 0;
    while let Some(pipeline) = open.get(at).copied() {
        at += 1;
        for reference in &pipeline.processors {
            if let Some(read) = planner.processors.get(&reference.id) {
                add(Kind::Processor, &reference.id, (read.planned.keeps)(key));
            }
        }
        for reference in &pipeline.receivers {
            if let Some(read) = planner.receivers.get(&reference.id) {
                add(Kind::Receiver, &reference.id, (read.planned.keeps)(key));
                continue;
            }
            let before = pipelines.iter().filter(|p| ends_in(p, &reference.id));
            for pipeline in before {
                if !open.iter().any(|known| known.id == pipeline.id) {
                    open.push(pipeline);
                }
            }
        }
    }
    found
}
