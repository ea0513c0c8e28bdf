//! Configurations as distributions, charts and vendors publish them.
//!
//! Each either starts as it stands, or `validate` names all edits that it needs in one run. The
//! edits stand in the fixture, `# edit: path`; the test makes them and validates the result.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::{file, fixtures, path, tracegate_with};
use crate::rig::Service;

const SECTIONS: [&str; 5] = [
    "receivers",
    "processors",
    "exporters",
    "connectors",
    "extensions",
];

#[test]
fn every_public_configuration_starts_or_all_its_edits_are_named_in_one_run() {
    let paths = fixtures("public");
    assert!(paths.len() >= 20, "{} fixtures", paths.len());
    let has = types();
    let mut unchanged = 0;
    for path in &paths {
        unchanged += usize::from(check(path, &has));
    }
    assert!(unchanged >= 6, "{unchanged} start as they stand");
}

/// Gives whether it starts as it stands.
fn check(fixture: &Path, has: &BTreeSet<(String, String)>) -> bool {
    let text = std::fs::read_to_string(fixture).unwrap();
    let name = fixture.display();
    assert!(text.starts_with("# Follows: "), "{name} follows nobody");
    let edits = text
        .lines()
        .filter_map(|line| line.strip_prefix("# edit: "));
    // What has been built since needs no edit any more.
    let expected: BTreeSet<&str> = edits.filter(|edit| !is_built(edit, has)).collect();
    let environment = environment(&text);
    let faults = errors(fixture.to_str().unwrap(), &environment);
    let found: BTreeSet<&str> = faults
        .iter()
        .map(|fault| fault["path"].as_str().unwrap())
        .collect();
    // A pipeline that only foreign types kept from running runs when they are built.
    let more: Vec<_> = found.difference(&expected).collect();
    let fewer: Vec<_> = expected.difference(&found).collect();
    let only_pipelines = fewer
        .iter()
        .all(|edit| edit.starts_with("service::pipelines::"));
    assert!(
        more.is_empty() && only_pipelines,
        "{name}: {more:?} {fewer:?}"
    );
    for fault in &faults {
        assert!(fault["help"].is_string(), "{name}: {fault}");
    }
    if faults.is_empty() {
        start(&text, &environment);
        return true;
    }
    let mut tree: Value = serde_saphyr::from_str(&text).unwrap();
    for edit in found {
        take_out(&mut tree, edit);
    }
    let twin = file(&tree.to_string());
    let left = errors(path(&twin), &environment);
    assert!(left.is_empty(), "{name} after its edits: {left:#?}");
    false
}

/// Starts it on ports of the system's choice, and ends it.
fn start(text: &str, environment: &[(String, &'static str)]) {
    let mut yaml = text.to_owned();
    for (name, value) in environment {
        yaml = yaml.replace(&format!("${{env:{name}}}"), value);
        yaml = yaml.replace(&format!("${{{name}}}"), value);
    }
    let ports = ["grpc", "http"]
        .map(|protocol| format!("receivers.otlp.protocols.{protocol}.endpoint=127.0.0.1:0"));
    let arguments: Vec<&str> = ports.iter().flat_map(|port| ["--set", port]).collect();
    Service::start_with(&yaml, &arguments).stop();
}

/// The errors that `validate` names.
fn errors(path: &str, environment: &[(String, &'static str)]) -> Vec<Value> {
    let environment: Vec<_> = environment.iter().map(|(k, v)| (k.as_str(), *v)).collect();
    let ended = tracegate_with(
        &["validate", "--format", "json", "--config", path],
        &environment,
    );
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    let errors = report["faults"].as_array().unwrap().iter();
    let errors: Vec<_> = errors
        .filter(|fault| fault["severity"] == "error")
        .cloned()
        .collect();
    assert_eq!(ended.code, Some(i32::from(!errors.is_empty())), "{path}");
    errors
}

/// The types of this build, by section.
fn types() -> BTreeSet<(String, String)> {
    let list = tracegate_with(&["components"], &[]).out;
    let report: Value = serde_saphyr::from_str(&list).unwrap();
    let mut types = BTreeSet::new();
    for section in SECTIONS {
        for component in report[section].as_array().into_iter().flatten() {
            let name = component["name"].as_str().unwrap();
            types.insert((section.to_owned(), name.to_owned()));
        }
    }
    assert!(types.len() > 10, "{types:?}");
    types
}

/// Is this edit about a component as a whole whose type there is by now?
fn is_built(edit: &str, has: &BTreeSet<(String, String)>) -> bool {
    let (section, id) = edit.split_once("::").unwrap();
    let kind = id.split('/').next().unwrap();
    has.contains(&(section.to_owned(), kind.to_owned()))
}

/// A value for each variable that a file names.
fn environment(text: &str) -> Vec<(String, &'static str)> {
    let uris = text
        .split("${")
        .skip(1)
        .filter_map(|rest| rest.split('}').next());
    let value = |name: &str| match name {
        _ if name.contains("PORT") => "4317",
        _ if name.ends_with("_IP") || name.ends_with("_HOST") => "127.0.0.1",
        _ if name.ends_with("_URL") || name.ends_with("ENDPOINT") => "https://example.com",
        _ => "x",
    };
    let names = uris.map(|uri| uri.trim_start_matches("env:"));
    names.map(|name| (name.to_owned(), value(name))).collect()
}

/// Takes out what stands at a path; a component also where pipelines and the service name it.
fn take_out(tree: &mut Value, path: &str) {
    let segments: Vec<&str> = path.split("::").collect();
    let (last, above) = segments.split_last().unwrap();
    let node = above
        .iter()
        .try_fold(&mut *tree, |node, segment| node.get_mut(*segment));
    // An edit before may have taken it out already, as part of something larger.
    if let Some(map) = node.and_then(Value::as_object_mut) {
        map.remove(*last);
    }
    if let [section, id] = segments.as_slice()
        && SECTIONS.contains(section)
    {
        let lists: &[&str] = match *section {
            "connectors" => &["receivers", "exporters"],
            _ => std::slice::from_ref(section),
        };
        let service = tree.get_mut("service").unwrap();
        if *section == "extensions" {
            forget(service, section, id);
        }
        for pipeline in service["pipelines"].as_object_mut().unwrap().values_mut() {
            lists.iter().for_each(|list| forget(pipeline, list, id));
        }
    }
}

fn forget(node: &mut Value, list: &str, id: &str) {
    if let Some(list) = node.get_mut(list).and_then(Value::as_array_mut) {
        list.retain(|named| named != id);
    }
}
