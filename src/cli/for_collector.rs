//! Makes a configuration one that the Collector takes: without what only this service knows, and with today's names of
//! the types.

use std::io::{self, Write};

use config::Kind;
use pipeline::component::Factory;
use serde_json::{Map, Value};

use crate::components::REGISTRY;

/// Changes the sections, and names each change.
pub(super) fn adapt(sections: &mut [(&'static str, Value)], err: &mut dyn Write) -> io::Result<()> {
    let mut renamed = Vec::new();
    for (section, body) in sections.iter_mut() {
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| kind.section() == *section);
        let (Some(kind), Value::Object(components)) = (kind, body) else {
            continue;
        };
        for (id, mut component) in std::mem::take(components) {
            if is_implied(&id) {
                writeln!(err, "omitted: {section}::{id}")?;
                continue;
            }
            let (name, own_keys) = row(kind, type_of(&id)).unwrap_or((type_of(&id), &[]));
            for path in own_keys {
                if let Some(value) = take(&mut component, path) {
                    writeln!(err, "omitted: {section}::{id}::{path}: {value}")?;
                }
            }
            let new = id.replacen(type_of(&id), name, 1);
            // Both may be there; the old name is then left to a person.
            if new != id && !components.contains_key(&new) {
                writeln!(err, "renamed: {section}::{id} to {new}")?;
                components.insert(new.clone(), component);
                renamed.push((kind, id, new));
            } else {
                components.insert(id, component);
            }
        }
    }
    if let Some((_, service)) = sections.iter_mut().find(|(name, _)| *name == "service") {
        follow(service, &renamed);
    }
    Ok(())
}

/// Lets the service name what there is.
fn follow(service: &mut Value, renamed: &[(Kind, String, String)]) {
    let pipelines = service.get_mut("pipelines").and_then(Value::as_object_mut);
    for pipeline in pipelines.into_iter().flat_map(Map::values_mut) {
        for kind in [Kind::Receiver, Kind::Processor, Kind::Exporter] {
            rename(pipeline, kind.section(), |id| {
                let mut known = renamed.iter();
                known.find(|(of, old, _)| [kind, Kind::Connector].contains(of) && old == id)
            });
        }
    }
    if let Some(Value::Array(extensions)) = service.get_mut("extensions") {
        extensions.retain(|id| !id.as_str().is_some_and(is_implied));
    }
    rename(service, Kind::Extension.section(), |id| {
        let mut known = renamed.iter();
        known.find(|(of, old, _)| *of == Kind::Extension && old == id)
    });
}

fn rename<'a>(
    body: &mut Value,
    list: &str,
    find: impl Fn(&str) -> Option<&'a (Kind, String, String)>,
) {
    let ids = body.get_mut(list).and_then(Value::as_array_mut);
    for id in ids.into_iter().flatten() {
        if let Some((_, _, new)) = id.as_str().and_then(&find) {
            *id = Value::String(new.clone());
        }
    }
}

/// The type that an id begins with.
fn type_of(id: &str) -> &str {
    id.split('/').next().unwrap_or_default()
}

/// Whether it runs by default, and nowhere else.
fn is_implied(id: &str) -> bool {
    type_of(id) == admin::IMPLIED
}

/// Today's name of a type, and its keys that the Collector does not have.
fn row(kind: Kind, called: &str) -> Option<(&'static str, &'static [&'static str])> {
    fn of<B>(
        table: &[Factory<B>],
        called: &str,
    ) -> Option<(&'static str, &'static [&'static str])> {
        let row = table.iter().find(|row| row.is_called(called))?;
        Some((row.name, row.own_keys))
    }
    match kind {
        Kind::Receiver => of(REGISTRY.receivers, called),
        Kind::Processor => of(REGISTRY.processors, called),
        Kind::Exporter => of(REGISTRY.exporters, called),
        Kind::Connector => of(REGISTRY.connectors, called),
        Kind::Extension => {
            let mut tables = REGISTRY.extensions.iter();
            tables.find_map(|table| of(table, called))
        }
    }
}

/// Takes the value at `a::b::c` out of a map of maps.
fn take(body: &mut Value, path: &str) -> Option<Value> {
    match path.split_once("::") {
        Some((key, rest)) => take(body.get_mut(key)?, rest),
        None => body.as_object_mut()?.remove(path),
    }
}
