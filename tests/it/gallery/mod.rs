//! The gallery: each folder of `examples/` runs as it stands, and what arrives is what its `expected.json` says.
//!
//! `demo` is for real back ends: here it is only valid, `tests/interop/demo` runs it at night.
//!
//! Only what a test cannot have is laid over the files by `--set`: ports are the system's choice, back ends and
//! certificates are the test's, and what people may wait for is in a hurry (`set` in `expected.json`). The keys there:
//!
//! - `back_ends`: what came to the back end of each exporter until the end: spans by name and log records by body, with
//!   how many there are, metrics by name and attributes with the last value, or the sum of deltas;
//! - `headers` in one of these: what each request had; `carries` and `nowhere`: texts that are in it, and that are not;
//! - `page`: samples of the exporter `prometheus`, and `series` of what is written, summed up over what the labels
//!   leave open;
//! - `prints`: texts in the log; `warnings`: what `validate` warns of, nothing by default.

mod arrivals;
mod stage;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use benches::clock;
use otlp::Signal;
use serde_json::{Value, json};

pub(crate) use self::stage::Stage;
use crate::cli::tracegate;
use crate::rig::page::Page;
use crate::rig::{PATIENCE, Service, http1};

/// A configuration of each service, in the order of their start: who is sent to, before who sends.
const SERVICES: [&str; 3] = ["gateway", "collector", "agent"];

/// The folder of what runs with a real Jaeger and a real Prometheus.
const DEMO: &str = "demo";

/// A page of reading is what somebody gives to an example.
const README_LINES: usize = 40;

#[test]
fn every_example_runs_and_what_it_says_arrives() {
    let folders = folders();
    assert!(folders.len() >= 15, "{folders:?}");
    for folder in folders {
        match folder.ends_with(DEMO) {
            true => check_warnings(&folder.join("collector.yaml"), &Value::Null),
            false => check(&folder),
        }
    }
}

#[test]
fn every_example_is_explained_and_linked() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let overview = std::fs::read_to_string(root.join("README.md")).unwrap();
    for folder in folders() {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let readme = text(&folder, "README.md");
        let lines = readme.lines().count();
        assert!(lines <= README_LINES, "{name}: {lines} lines");
        assert!(overview.contains(&format!("(examples/{name})")), "{name}");
        for file in std::fs::read_dir(&folder).unwrap() {
            let file = file.unwrap().file_name().into_string().unwrap();
            let known = ["README.md", "expected.json"].contains(&file.as_str());
            assert!(known || readme.contains(&file), "{name}: {file}");
        }
    }
}

fn folders() -> Vec<PathBuf> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let entries = std::fs::read_dir(examples).unwrap();
    let mut folders: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

fn text(folder: &Path, file: &str) -> String {
    let path = folder.join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn check(folder: &Path) {
    let expected: Value = serde_json::from_str(&text(folder, "expected.json")).unwrap();
    let case = folder.display();
    let mut stage = Stage::default();
    let mut services = Vec::new();
    for name in SERVICES {
        let file = folder.join(name).with_extension("yaml");
        if let Ok(yaml) = std::fs::read_to_string(&file) {
            check_warnings(&file, &expected);
            services.push(stage.start(&[], &yaml, &expected));
        }
    }
    let entry = services
        .last()
        .unwrap_or_else(|| panic!("{case} has no service"));
    send(folder, entry);
    check_page(folder, entry, &expected);
    check_strangers(&stage, &services);
    let mut log = String::new();
    // Who sends ends before who is sent to, so that all of it arrives.
    for service in services.into_iter().rev() {
        log.push_str(&service.stop().log);
    }
    for printed in texts(&expected["prints"]) {
        assert!(log.contains(printed), "{case}: {printed} is not in\n{log}");
    }
    let arrived = stage.arrived();
    let names: Vec<_> = arrived.keys().collect();
    let expected = expected["back_ends"].as_object();
    let expected: BTreeMap<_, _> = expected.into_iter().flatten().collect();
    assert!(names.iter().eq(expected.keys()), "{case}: {names:?}");
    for (name, expected) in expected {
        check_arrivals(&format!("{case}: {name}"), &arrived[name], expected);
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// As it stands, with no variable set, it is valid, and warns of nothing but what is expected.
fn check_warnings(file: &Path, expected: &Value) {
    let path = file.to_str().unwrap();
    let ended = tracegate(&["validate", "--format", "json", "--config", path]);
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    let faults = report["faults"].as_array().unwrap().iter();
    let found: Vec<_> = faults
        .map(|fault| fault["path"].as_str().unwrap())
        .collect();
    let expected: Vec<_> = texts(&expected["warnings"]).collect();
    assert_eq!(found, expected, "{path}: {report:#}");
    assert_eq!(ended.code, Some(0), "{path}");
}

/// What is in `traces.json`, `metrics.json` and `logs.json`, as their readers send it.
fn send(folder: &Path, service: &Service) {
    let mut sent = 0;
    for signal in Signal::ALL {
        let Ok(body) = std::fs::read(folder.join(signal.name()).with_extension("json")) else {
            continue;
        };
        let headers = [("content-type", "application/json")];
        let request = http1::request("POST", signal.http_path(), &headers, &body);
        let reply = http1::exchange(service.http(), &request);
        assert_eq!(reply.status, 200, "{}: {}", folder.display(), reply.text());
        sent += 1;
    }
    assert!(sent > 0, "nothing to send in {}", folder.display());
}

/// The page for Prometheus, once it says what is expected; and rules beside it name what is there.
fn check_page(folder: &Path, service: &Service, expected: &Value) {
    let Some(expected) = expected["page"].as_object() else {
        return;
    };
    let address = service.extension("prometheus");
    let look = || samples(&Page::fetch(address), expected.keys());
    let all = || (json!(look()) == json!(expected)).then_some(());
    clock::poll(PATIENCE, all)
        .unwrap_or_else(|| panic!("{}: {:#}", folder.display(), json!(look())));
    let Ok(rules) = std::fs::read_to_string(folder.join("alerts.yaml")) else {
        return;
    };
    let page = http1::exchange(address, &http1::get("/metrics")).text();
    let words = rules.split(|c: char| !c.is_alphanumeric() && c != '_');
    let names: Vec<_> = words.filter(|word| word.starts_with("traces_")).collect();
    assert!(!names.is_empty(), "{rules}");
    for name in names {
        let is_there = page.contains(&format!("\n{name}{{"));
        assert!(is_there, "{name} is not in\n{page}");
    }
}

/// The sum of the samples that each of these, such as `name{label="value"}`, selects.
fn samples<'a>(page: &Page, selectors: impl Iterator<Item = &'a String>) -> BTreeMap<&'a str, u64> {
    let sum = |selector: &'a String| {
        let (family, labels) = selector.split_once('{').unwrap_or((selector, "}"));
        let labels = labels.trim_end_matches('}').split(',');
        let labels: Vec<_> = labels.filter(|label| !label.is_empty()).collect();
        (selector.as_str(), page.sum(family, &labels))
    };
    selectors.map(sum).collect()
}

/// Where certificates are asked for, one without is refused, and this is counted.
fn check_strangers(stage: &Stage, services: &[Service]) {
    for agent in stage.strangers() {
        send_one(&agent);
        let refused = || {
            let page = services[0].page();
            (page.sum("tracegate_tls_handshake_failures", &[]) > 0).then_some(())
        };
        clock::poll(PATIENCE, refused).unwrap();
        let ended = agent.stop();
        let figures = ended.account.spans("exporter", "otlp_grpc");
        assert_eq!((figures.taken, figures.passed), (1, 0), "{}", ended.log);
    }
}

fn send_one(service: &Service) {
    let span = crate::rig::requests::one_span();
    let reply = http1::exchange(service.http(), &http1::post("/v1/traces", &span));
    assert_eq!(reply.status, 200, "{}", reply.text());
}

fn check_arrivals(case: &str, found: &arrivals::Arrivals, expected: &Value) {
    let mut wanted = expected.as_object().unwrap().clone();
    let headers = wanted.remove("headers").unwrap_or_default();
    for (name, value) in headers.as_object().into_iter().flatten() {
        assert!(
            found.all_have(name, value.as_str().unwrap()),
            "{case}: {name}"
        );
    }
    let carries = wanted.remove("carries").unwrap_or_default();
    let nowhere = wanted.remove("nowhere").unwrap_or_default();
    for (list, is_there) in [(carries, true), (nowhere, false)] {
        for text in texts(&list) {
            assert_eq!(found.carry(text), is_there, "{case}: {text}");
        }
    }
    let wanted = Value::Object(wanted);
    let items = found.items(&wanted);
    assert!(items == wanted, "{case}: {items:#}");
}
