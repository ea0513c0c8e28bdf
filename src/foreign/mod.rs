//! Types of the Collector's contrib distribution 0.159 (`contrib.txt`), and of older ones, that this build lacks.
//!
//! A configuration that names one is a fault either way. These tables make it a useful one: what to
//! use instead, and what is lost without it. What people use often has a row of its own; the rest
//! has the words of its kind. A row counts only while no component is registered under its name, so
//! it ends by itself when the component is built. Underscores do not count in a name, since the
//! Collector has both forms of most: `hostmetrics`, `host_metrics`.

mod connectors;
mod exporters;
mod extensions;
mod processors;
mod receivers;

#[cfg(test)]
mod tests;

use config::Kind;
use pipeline::component::Foreign;

use crate::components::REGISTRY;

/// The types of one kind.
struct Table {
    kind: Kind,
    /// Those that have words of their own.
    rows: &'static [Row],
    /// All the others.
    tail: &'static [&'static str],
    /// The words for these.
    advice: Foreign,
}

struct Row {
    names: &'static [&'static str],
    advice: Foreign,
}

const TABLES: [Table; 5] = [
    receivers::TABLE,
    processors::TABLE,
    exporters::TABLE,
    connectors::TABLE,
    extensions::TABLE,
];

/// What to say about a type; `None` if this build has it, or if the Collector does not know it either.
pub(crate) fn advice(kind: Kind, name: &str) -> Option<Foreign> {
    let is = |known: &&str| letters(known).eq(letters(name));
    if REGISTRY.names(kind).iter().any(is) {
        return None;
    }
    let table = TABLES.iter().find(|table| table.kind == kind)?;
    let mut rows = table.rows.iter();
    let row = rows.find(|row| row.names.iter().any(is));
    row.map(|row| row.advice)
        .or_else(|| table.tail.iter().any(is).then_some(table.advice))
}

fn letters(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|c| *c != '_')
}

const fn row(names: &'static [&'static str], instead: &'static str, lost: &'static str) -> Row {
    Row {
        names,
        advice: Foreign { instead, lost },
    }
}
