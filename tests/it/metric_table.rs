//! `docs/metrics.md` has a row for every metric that the sources know, and no other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const SIGNALS: [&str; 3] = ["spans", "metric_points", "log_records"];

/// Crates that measure something.
const CRATES: [&str; 9] = [
    "admin",
    "telemetry",
    "net",
    "pipeline",
    "receivers",
    "processors",
    "connectors",
    "exporters",
    "src",
];

#[test]
fn every_metric_stands_in_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documented = documented(&std::fs::read_to_string(root.join("docs/metrics.md")).unwrap());
    let mut written = BTreeSet::new();
    for file in CRATES.iter().flat_map(|name| sources(&root.join(name))) {
        let names = names(&std::fs::read_to_string(file).unwrap());
        written.extend(names.into_iter().map(|name| row_of(name, &documented)));
    }
    // Families whose names are put together from the fate and the signal.
    for stem in [
        "receiver_accepted",
        "receiver_refused",
        "receiver_failed",
        "exporter_sent",
    ] {
        written.insert(format!("otelcol_{stem}_SIGNAL"));
    }
    for stem in ["exporter_send_failed", "exporter_enqueue_failed"] {
        written.insert(format!("otelcol_{stem}_SIGNAL"));
    }
    let missing: Vec<_> = written.difference(&documented).collect();
    let stale: Vec<_> = documented.difference(&written).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "missing {missing:?}, stale {stale:?}"
    );
}

/// The names at the head of the rows.
pub(crate) fn documented(table: &str) -> BTreeSet<String> {
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| row.split('`').next().unwrap().to_owned())
        .collect()
}

/// Names of families that a source defines.
fn names(source: &str) -> Vec<String> {
    let production = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let kinds = ["Family::counter(", "Family::gauge(", "Family::histogram("];
    let defined = kinds.iter().flat_map(|kind| production.split(kind).skip(1));
    let literals = defined.filter_map(|rest| rest.trim_start().strip_prefix('"'));
    let names = literals.map(|rest| rest.split('"').next().unwrap());
    let names = names.filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// The row of a family: its own, or the one of the families of all signals.
pub(crate) fn row_of(name: String, documented: &BTreeSet<String>) -> String {
    let signal = SIGNALS.iter().find_map(|signal| name.strip_suffix(signal));
    match signal {
        Some(stem) if !documented.contains(&name) => format!("{stem}SIGNAL"),
        _ => name,
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !["tests", "benches"].contains(&name) {
            found.extend(sources(&path));
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
    found
}
