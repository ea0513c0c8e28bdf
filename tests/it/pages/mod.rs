//! The documentation is true: every block of YAML is read by what it is for, every command runs, and what a page says
//! that a command prints is what it prints. A fence says what its block is:
//!
//! - `yaml`: a configuration, valid without a warning. `yaml part=SIGNAL`: sections of one, completed by a pipeline of
//!   that signal with all components in them, `otlp` where there is no receiver and `debug` where there is no exporter.
//!   `yaml values`: of the chart, in the one page that `tests/helm/run` renders. `yaml for=PROGRAM`: what another
//!   program reads, or `tracegate sample`.
//! - `sh` and `bash`: commands that end with 0. A service in them runs until the page ends ([`shell`] has the rules).
//!   `needs=…` says what a test does not have; [`NEEDS`] says what comes nearest.
//! - `console`: commands behind `$ `, and what they print, numbers and spaces apart.
//! - `json`: a value a line. `text`: anything else, nothing of which is run.
//!
//! `file=NAME` has a block written for the commands behind it.

mod page;
mod shell;

use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value, json};

use self::page::{Block, Page};
use crate::cli::tracegate;

/// What blocks of a language may be marked with.
const MARKS: [&str; 13] = [
    "json file=…",
    "yaml file=…",
    "yaml part=traces",
    "yaml part=metrics",
    "yaml part=logs",
    "yaml values",
    "yaml for=sample",
    "yaml for=prometheus",
    "sh needs=backends",
    "sh needs=build",
    "sh needs=cluster",
    "sh needs=prometheus",
    "bash needs=openssl",
];

const LANGUAGES: [&str; 6] = ["yaml", "sh", "bash", "console", "json", "text"];

/// What commands need that a test does not have, and what comes nearest to running them.
const NEEDS: [(&str, &str); 5] = [
    ("backends", "tests/interop/demo/run"),
    ("build", ".ci/nightly"),
    ("cluster", "tests/helm/apiserver/run"),
    ("prometheus", "tests/interop/prometheus/run"),
    ("openssl", ".ci/nightly"),
];

/// The page whose values `tests/helm/check.py` renders.
const OF_THE_CHART: &str = "docs/kubernetes.md";

fn pages() -> Vec<Page> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = vec![
        "README.md".to_owned(),
        "helm/tracegate/README.md".to_owned(),
    ];
    let listed = |folder: &str| {
        let entries = std::fs::read_dir(root.join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect::<Vec<_>>()
    };
    let docs = listed("docs").into_iter();
    paths.extend(docs.map(|name| format!("docs/{name}")));
    let examples = listed("examples").into_iter();
    paths.extend(examples.map(|name| format!("examples/{name}/README.md")));
    paths.sort();
    paths.iter().map(|path| Page::read(path)).collect()
}

#[test]
fn every_block_says_what_it_is() {
    let mut faults = Vec::new();
    for page in pages() {
        let bare = page.bare.iter();
        faults.extend(bare.map(|line| format!("{}:{line}: put it into a fence", page.path)));
        for block in &page.blocks {
            faults.extend(unknown(&page, block).map(|mark| format!("{}: {mark}", block.place)));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    for (need, place) in NEEDS {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(root.join(place).is_file(), "{need}: {place}");
    }
}

/// What a block is marked with that is not known, or stands where it must not.
fn unknown(page: &Page, block: &Block) -> impl Iterator<Item = String> {
    let known = |word: &String| MARKS.contains(&word.as_str());
    let mut faults: Vec<_> = block.words().filter(|word| !known(word)).collect();
    if !LANGUAGES.contains(&block.language.as_str()) {
        faults.push(format!("`{}` is no language here", block.language));
    }
    if block.mark("values").is_some() && page.path != OF_THE_CHART {
        faults.push("nobody renders these values".to_owned());
    }
    if let Some(need) = block.mark("needs")
        && NEEDS.iter().all(|(known, _)| *known != need)
    {
        faults.push(format!("nobody has {need}"));
    }
    faults.into_iter()
}

#[test]
fn a_block_that_says_nothing_or_what_nobody_knows_is_found() {
    let check = |text: &str, expected: &[&str]| {
        let page = Page::of("docs/x.md", text);
        let found = page.blocks.iter().flat_map(|block| unknown(&page, block));
        let bare = page.bare.iter().map(|line| line.to_string());
        assert_eq!(found.chain(bare).collect::<Vec<_>>(), expected);
    };
    check("```yaml\na: 1\n```\n", &[]);
    check("```\na: 1\n```\n", &["`` is no language here"]);
    check("```yaml later\na: 1\n```\n", &["yaml later"]);
    check(
        "```yaml values\na: 1\n```\n",
        &["nobody renders these values"],
    );
    check(
        "```sh needs=luck\na\n```\n",
        &["sh needs=luck", "nobody has luck"],
    );
    check("Text:\n\n    tracegate\n", &["3"]);
    check("- a\n    b\n", &[]);
}

#[test]
fn every_block_of_yaml_is_valid() {
    let mut faults = Vec::new();
    for page in pages() {
        for block in &page.blocks {
            let found = match block.language.as_str() {
                "yaml" => yaml_fault(block),
                "json" => block.text.lines().find_map(json_fault),
                _ => None,
            };
            faults.extend(found.map(|fault| format!("{}: {fault}", block.place)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn json_fault(line: &str) -> Option<String> {
    serde_json::from_str::<Value>(line)
        .err()
        .map(|error| error.to_string())
}

/// What is wrong with a block of YAML.
fn yaml_fault(block: &Block) -> Option<String> {
    let read: Value = match serde_saphyr::from_str(&block.text) {
        Ok(read) => read,
        Err(error) => return Some(error.to_string()),
    };
    if block.mark("values").is_some() || block.mark("for").is_some() {
        return None;
    }
    match block.mark("part") {
        Some(signal) => validate(&completed(read, signal).to_string()),
        None => validate(&block.text),
    }
}

fn validate(yaml: &str) -> Option<String> {
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    file.write_all(yaml.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap();
    let ended = tracegate(&["validate", "--strict", "--config", path]);
    (ended.code != Some(0)).then_some(ended.err)
}

/// A whole configuration with these sections, whose components all stand in one pipeline.
fn completed(part: Value, signal: &str) -> Value {
    let Value::Object(mut whole) = part else {
        return part;
    };
    let mut pipeline = Map::new();
    let ids = |section: &Value| -> Vec<String> {
        let map = section.as_object();
        map.map(|map| map.keys().cloned().collect())
            .unwrap_or_default()
    };
    let missing = [
        ("receivers", json!({"otlp": {"protocols": {"grpc": null}}})),
        ("processors", json!({})),
        ("exporters", json!({"debug": null})),
    ];
    for (kind, instead) in missing {
        let section = whole.entry(kind).or_insert(instead);
        pipeline.insert(kind.to_owned(), json!(ids(section)));
    }
    let extensions = whole.get("extensions").map(ids).unwrap_or_default();
    let service = whole.entry("service").or_insert_with(|| json!({}));
    service["extensions"] = json!(extensions);
    service["pipelines"] = json!({ signal: pipeline });
    Value::Object(whole)
}

#[test]
fn a_part_is_completed_and_judged_as_a_whole() {
    let check = |text: &str, expected: Option<&str>| {
        let page = Page::of("docs/x.md", text);
        let fault = yaml_fault(&page.blocks[0]);
        match expected {
            None => assert_eq!(fault, None),
            Some(words) => assert!(
                fault.as_ref().is_some_and(|f| f.contains(words)),
                "{fault:?}"
            ),
        }
    };
    check(
        "```yaml part=traces\nprocessors: {batch: {timeout: 1s}}\n```\n",
        None,
    );
    check(
        "```yaml part=logs\nextensions: {health_check: }\n```\n",
        None,
    );
    let part = "```yaml part=traces\nprocessors: {batch: {timeot: 1s}}\n```\n";
    check(part, Some("timeout"));
    let part = "```yaml part=logs\nprocessors: {tail_sampling: {policies: [{name: a, type: always_sample}]}}\n```\n";
    check(part, Some("logs"));
    check("```yaml\nreceivers: {otlp: }\n```\n", Some("exporter"));
}
