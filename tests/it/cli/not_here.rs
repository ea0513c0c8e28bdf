//! The page on what the Collector has and this build has not, made of what `validate` says of it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{file, path, tracegate};

/// When set, the page is written.
const RECORD: &str = "TRACEGATE_RECORD";

const PAGE: &str = "docs/not-here.md";

const INTRODUCTION: &str = "\
# What is not here

Types of the Collector's contrib distribution 0.159 that this build does not have, with what to do instead and what is
lost without them. A configuration that names one is a fault with the same words. How to go about it:
[moving from the Collector](migrating.md).

This page is made from `tracegate validate`: `TRACEGATE_RECORD=1 cargo test --test it cli::not_here`.
";

/// The types of the contrib distribution, by the section of a configuration.
fn types() -> Vec<(String, Vec<String>)> {
    let list = include_str!("../../../src/foreign/contrib.txt");
    let mut sections: Vec<(String, Vec<String>)> = Vec::new();
    for word in list.lines().skip(1).flat_map(str::split_whitespace) {
        match (word.strip_suffix(':'), sections.last_mut()) {
            (Some(kind), _) => sections.push((format!("{kind}s"), Vec::new())),
            (None, Some((_, names))) => names.push(word.to_owned()),
            (None, None) => panic!("{word} has no kind"),
        }
    }
    sections
}

/// What is said against a configuration with all of a section: by name what to do instead, and what is lost.
fn said(section: &str, names: &[String]) -> BTreeMap<String, (String, String)> {
    let rows: Map<_, _> = names
        .iter()
        .map(|name| (name.clone(), Value::Null))
        .collect();
    let tree = json!({ section: rows });
    let file = file(&tree.to_string());
    let ended = tracegate(&["validate", "--format", "json", "--config", path(&file)]);
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    let faults = report["faults"].as_array().unwrap().iter();
    let found = faults.filter_map(|fault| {
        let (_, help) = fault["help"].as_str()?.split_once("; instead: ")?;
        let (instead, lost) = help.split_once("; lost without it: ")?;
        let (_, name) = fault["path"].as_str()?.split_once("::")?;
        Some((name.to_owned(), (instead.to_owned(), lost.to_owned())))
    });
    found.collect()
}

#[test]
fn every_type_that_is_not_here_is_on_the_page() {
    let mut count = 0;
    let mut written = INTRODUCTION.to_owned();
    for (section, names) in types() {
        let said = said(&section, &names);
        count += said.len();
        // Those of which the same is said share a row, in the order of the first of each.
        let mut rows: Vec<(&(String, String), Vec<String>)> = Vec::new();
        for name in names {
            let Some(words) = said.get(&name) else {
                continue;
            };
            match rows.iter_mut().find(|(known, _)| *known == words) {
                Some((_, names)) => names.push(format!("`{name}`")),
                None => rows.push((words, vec![format!("`{name}`")])),
            }
        }
        // What has words of its own comes first.
        rows.sort_by_key(|(_, names)| names.len());
        writeln!(
            written,
            "\n## {section}\n\n| type | instead | lost without it |\n|---|---|---|"
        )
        .unwrap();
        for ((instead, lost), names) in rows {
            writeln!(written, "| {} | {instead} | {lost} |", names.join(", ")).unwrap();
        }
    }
    assert!(count > 200, "{count}");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    if std::env::var_os(RECORD).is_some() {
        std::fs::write(&page, &written).unwrap();
    }
    let found = std::fs::read_to_string(page).unwrap_or_default();
    assert!(
        found == written,
        "{PAGE} is not that of this build: {RECORD}=1 cargo test --test it cli::not_here"
    );
}
