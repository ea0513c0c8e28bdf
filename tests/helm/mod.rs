//! What can be said of the Helm chart without Helm; `run` beside this file renders it.
//!
//! `TRACEGATE_RECORD=1 cargo test --test it helm` writes the generated files anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use serde_json::Value;

use crate::cli::tracegate;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap()
}

fn schema() -> Value {
    serde_json::from_str(&read("helm/tracegate/values.schema.json")).unwrap()
}

/// A file of the chart that is made of something else in the repository.
fn generated(path: &str, expected: &str) {
    if std::env::var_os("TRACEGATE_RECORD").is_some() {
        std::fs::write(root().join(path), expected).unwrap();
    }
    assert!(
        read(path) == expected,
        "{path} is out of date: TRACEGATE_RECORD=1 cargo test --test it helm"
    );
}

fn is(schema: &Value, kind: &str) -> bool {
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(|one| one == kind),
        one => one == kind,
    }
}

/// The keys that a schema knows, in the notation of `templates/_keys.tpl`.
fn keys(schema: &Value, prefix: &str, found: &mut BTreeSet<String>) {
    if is(schema, "array") && schema["items"]["properties"].is_object() {
        let list = prefix.trim_end_matches('.');
        found.insert(format!("{list}[]"));
        keys(&schema["items"], &format!("{list}[]."), found);
    }
    if !is(schema, "object") {
        return;
    }
    let others = &schema["additionalProperties"];
    if let Some(properties) = schema["properties"].as_object() {
        for (key, value) in properties {
            found.insert(format!("{prefix}{key}"));
            keys(value, &format!("{prefix}{key}."), found);
        }
        if *others == true {
            found.insert(format!("{prefix}**"));
        }
    } else if is(others, "object") {
        found.insert(format!("{prefix}*"));
        keys(others, &format!("{prefix}*."), found);
    } else {
        found.insert(format!("{prefix}**"));
    }
}

/// What takes the place of a value with this default where it is null: nothing of its kind, or `None` where null has
/// a meaning.
fn nothing(default: &Value, schema: &Value) -> Option<Value> {
    if is(schema, "null") {
        return None;
    }
    if let (Some(default), Value::Object(known)) = (default.as_object(), &schema["properties"]) {
        let rows = default.iter();
        let rows =
            rows.filter_map(|(key, value)| Some((key.clone(), nothing(value, &known[key])?)));
        return Some(Value::Object(rows.collect()));
    }
    match schema["type"].as_str()? {
        "object" => Some(Value::Object(serde_json::Map::new())),
        "array" => Some(Value::Array(Vec::new())),
        "boolean" => Some(Value::Bool(false)),
        _ => None,
    }
}

#[test]
fn the_chart_knows_what_takes_the_place_of_null() {
    let found = nothing(&yaml("helm/tracegate/values.yaml"), &schema()).unwrap();
    let text = serde_json::to_string_pretty(&found).unwrap();
    generated("helm/tracegate/files/nothing.json", &format!("{text}\n"));
}

#[test]
fn the_keys_that_the_chart_knows_are_those_of_its_schema() {
    let mut found = BTreeSet::new();
    keys(&schema(), "", &mut found);
    let lines = found.iter().fold(String::new(), |mut text, key| {
        writeln!(text, "{key}").unwrap();
        text
    });
    generated("helm/tracegate/files/keys.txt", &lines);
}

#[test]
fn the_chart_knows_the_components_of_this_build() {
    let listed: Value = serde_saphyr::from_str(&tracegate(&["components"]).out).unwrap();
    let mut text = String::new();
    for kind in [
        "receivers",
        "processors",
        "exporters",
        "connectors",
        "extensions",
    ] {
        let rows = listed[kind].as_array().unwrap().iter();
        let names = rows.flat_map(|row| {
            let aliases = row["aliases"].as_array().into_iter().flatten();
            std::iter::once(&row["name"]).chain(aliases)
        });
        let names: Vec<_> = names.map(|name| name.as_str().unwrap()).collect();
        writeln!(text, "{kind}: [{}]", names.join(", ")).unwrap();
    }
    generated("helm/tracegate/files/components.yaml", &text);
}

#[test]
fn the_chart_brings_the_alerts_of_this_repository() {
    generated("helm/tracegate/files/alerts.yaml", &read("ops/alerts.yaml"));
}

#[test]
fn the_chart_installs_this_version() {
    let chart = yaml("helm/tracegate/Chart.yaml");
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}

/// Calls `differ` with the path of each key that only one of values and schema has.
fn compare(values: &Value, schema: &Value, path: &str, differ: &mut impl FnMut(String)) {
    let (Some(values), Some(known)) = (values.as_object(), schema["properties"].as_object()) else {
        return;
    };
    for key in values.keys().filter(|key| !known.contains_key(*key)) {
        differ(format!("{path}{key} is not in the schema"));
    }
    for (key, schema) in known {
        match values.get(key) {
            Some(value) => compare(value, schema, &format!("{path}{key}."), differ),
            None => differ(format!("{path}{key} is not in values.yaml")),
        }
    }
}

#[test]
fn every_value_has_a_default_and_a_schema() {
    let mut differences = Vec::new();
    let values = yaml("helm/tracegate/values.yaml");
    compare(&values, &schema(), "", &mut |text| differences.push(text));
    // Read by a chart that has this one as a part, by all charts, and handed on to Kubernetes.
    let roots = ["enabled ", "global "];
    let handed = ["Probe.", "lifecycleHooks.", "resources.", "rollingUpdate."];
    let free = |text: &String| {
        roots.iter().any(|key| text.starts_with(key)) || handed.iter().any(|key| text.contains(key))
    };
    differences.retain(|text| !free(text) || !text.ends_with("is not in values.yaml"));
    assert!(differences.is_empty(), "{differences:#?}");
}

#[test]
fn every_preset_of_the_values_is_explained_or_built() {
    let values = yaml("helm/tracegate/values.yaml");
    let explained = yaml("helm/tracegate/files/presets.yaml");
    let explained: BTreeSet<_> = explained.as_object().unwrap().keys().collect();
    let presets = values["presets"].as_object().unwrap();
    let names = presets.keys().flat_map(|name| match name.as_str() {
        // It switches two things.
        "annotationDiscovery" => vec![format!("{name}.logs"), format!("{name}.metrics")],
        "hostPorts" | "useCanonicalNames" => vec![],
        _ => vec![name.clone()],
    });
    let names: BTreeSet<_> = names.collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>(), explained);
}
