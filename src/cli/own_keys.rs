//! Leaves out of a configuration what the Collector would refuse because only this service knows it.

use std::io::{self, Write};

use pipeline::component::Factory;
use serde_json::Value;

use crate::components::REGISTRY;

/// Removes the keys, and names each with its value; removes the extension that runs by default.
pub(super) fn omit(sections: &mut [(&'static str, Value)], err: &mut dyn Write) -> io::Result<()> {
    for (section, components) in sections {
        omit_implied(section, components, err)?;
        for (id, body) in components.as_object_mut().into_iter().flatten() {
            let kind = id.split('/').next().unwrap_or_default();
            for path in keys(section, kind) {
                if let Some(value) = take(body, path) {
                    writeln!(err, "omitted: {section}::{id}::{path}: {value}")?;
                }
            }
        }
    }
    Ok(())
}

fn omit_implied(section: &str, body: &mut Value, err: &mut dyn Write) -> io::Result<()> {
    let is_implied = |id: &str| id.split('/').next() == Some(admin::IMPLIED);
    match (section, body) {
        ("extensions", Value::Object(components)) => {
            let own: Vec<String> = components
                .keys()
                .filter(|id| is_implied(id))
                .cloned()
                .collect();
            for id in own {
                components.remove(&id);
                writeln!(err, "omitted: {section}::{id}")?;
            }
        }
        ("service", body) => {
            let named = body.get_mut("extensions").and_then(Value::as_array_mut);
            if let Some(named) = named {
                named.retain(|id| !id.as_str().is_some_and(is_implied));
            }
        }
        _ => {}
    }
    Ok(())
}

/// The keys of a type that the Collector does not have.
fn keys(section: &str, kind: &str) -> &'static [&'static str] {
    fn of<B>(table: &[Factory<B>], kind: &str) -> &'static [&'static str] {
        table
            .iter()
            .find(|row| row.is_called(kind))
            .map_or(&[], |row| row.own_keys)
    }
    match section {
        "receivers" => of(REGISTRY.receivers, kind),
        "processors" => of(REGISTRY.processors, kind),
        "exporters" => of(REGISTRY.exporters, kind),
        "connectors" => of(REGISTRY.connectors, kind),
        _ => {
            let of_one = |table: &&[_]| of(table, kind);
            REGISTRY
                .extensions
                .iter()
                .map(of_one)
                .find(|keys| !keys.is_empty())
                .unwrap_or_default()
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
