//! Old forms of a configuration, made into today's before anybody reads it.
//!
//! A file that an older Collector took is taken here as well: each old form is one row of [`ROWS`],
//! and its use is one warning that shows the new form. Where there is no equal new form the row is
//! a fault that shows what to write. It works on the merged tree, so the owners of keys and
//! components know today's forms alone.

mod components;
mod rows;
mod storage;

#[cfg(test)]
mod tests;

use config::{Entry, Fault, Faults, Kind, Map, Node, Value};

use rows::{Now, ROWS, Row};

/// What the changes depend on.
pub(crate) struct Terms<'a> {
    /// `--allow-volatile-queues`: queues that are to be on disk may be in memory.
    pub(crate) volatile_queues: bool,
    /// Whether this build has a type.
    pub(crate) has: &'a dyn Fn(Kind, &str) -> bool,
}

/// Why an old form has no new one.
struct Stuck {
    text: String,
    /// What to write instead.
    help: String,
}

/// Rewrites the tree; gives the number of queues that were to be on disk and are not.
pub(crate) fn modernize(root: &mut Node, terms: &Terms<'_>, faults: &mut Faults) -> u32 {
    for row in ROWS {
        let path: Vec<&str> = row.path.split("::").collect();
        visit(root, &path, "", row, faults);
    }
    if !(terms.has)(Kind::Receiver, "prometheus") {
        components::replace_own_scrapes(root, faults);
    }
    if !(terms.has)(Kind::Extension, "memory_ballast") {
        components::drop_ballast(root, faults);
    }
    match (terms.has)(Kind::Extension, "file_storage") {
        true => 0,
        false => storage::without_disk(root, terms.volatile_queues, faults),
    }
}

/// Applies a row wherever its path leads.
fn visit(node: &mut Node, rest: &[&str], at: &str, row: &Row, faults: &mut Faults) {
    let (Some((segment, rest)), Some(map)) = (rest.split_first(), node.as_map_mut()) else {
        return;
    };
    if rest.is_empty() {
        if map.get(segment).is_some_and(|node| !node.is_null()) {
            apply(map, segment, at, row, faults);
        }
        return;
    }
    for entry in map.iter_mut().filter(|entry| fits(segment, &entry.key)) {
        let path = join(at, &entry.key);
        visit(&mut entry.node, rest, &path, row, faults);
    }
}

fn apply(map: &mut Map, key: &str, at: &str, row: &Row, faults: &mut Faults) {
    let Some(old) = map.remove(key) else {
        return;
    };
    let (place, path) = (old.key_place.clone(), join(at, key));
    let made = match row.now {
        Now::Key(new) => rename(map, old, new),
        Now::Nothing(why) => Ok(format!("take it out: {why}")),
        Now::Made(make) => make(map, old),
    };
    faults.push(match made {
        Ok(help) => {
            let text = format!("`{key}` is an old form, which the Collector {}", row.since);
            Fault::warning(place, path, text).with_help(help)
        }
        Err(Stuck { text, help }) => Fault::error(place, path, text).with_help(help),
    });
}

fn rename(map: &mut Map, old: Entry, new: &str) -> Result<String, Stuck> {
    if map.get(new).is_some() {
        return Err(Stuck {
            text: format!("`{}` and `{new}` are the same key", old.key),
            help: format!("take `{}` out", old.key),
        });
    }
    let help = format!("write `{new}: {}`", flow(&old.node));
    map.push(Entry {
        key: new.to_owned(),
        ..old
    });
    Ok(help)
}

/// A segment of a row's path is a key, a type with any name, or `*`.
fn fits(segment: &str, key: &str) -> bool {
    segment == "*" || segment == type_of(key)
}

/// `otlp` of `otlp/2`.
fn type_of(id: &str) -> &str {
    id.split_once('/').map_or(id, |(kind, _)| kind).trim()
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        return key.to_owned();
    }
    format!("{path}::{key}")
}

/// The map under a key; an empty one is made if there is nothing.
fn map_under<'a>(map: &'a mut Map, key: &str, like: &Entry) -> Option<&'a mut Map> {
    if map.get(key).is_none_or(Node::is_null) {
        map.remove(key);
        map.push(entry(key, Value::Map(Map::default()), like));
    }
    map.entry_mut(key)?.node.as_map_mut()
}

/// A new key that stands where the old one was written.
fn entry(key: &str, value: Value, like: &Entry) -> Entry {
    Entry {
        key: key.to_owned(),
        key_place: like.key_place.clone(),
        node: Node::new(like.node.place.clone(), value),
    }
}

/// A value on one line of YAML.
fn flow(node: &Node) -> String {
    match &node.value {
        Value::Map(map) => {
            let pair = |entry: &Entry| format!("{}: {}", entry.key, flow(&entry.node));
            format!(
                "{{{}}}",
                map.iter().map(pair).collect::<Vec<_>>().join(", ")
            )
        }
        Value::List(list) => {
            let list: Vec<_> = list.iter().map(flow).collect();
            format!("[{}]", list.join(", "))
        }
        // What stood for a `${…}` may be a secret.
        _ if node.original.is_some() => "…".to_owned(),
        Value::Null => String::new(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Str(text)
            if text
                .chars()
                .all(|c| c.is_alphanumeric() || "._-/".contains(c)) =>
        {
            text.clone()
        }
        Value::Str(text) => format!("'{}'", text.replace('\'', "''")),
    }
}
