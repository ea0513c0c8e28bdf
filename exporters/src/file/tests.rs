//! What is in the files, batch in, bytes out.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use ::config::{Environment, Faults, Severity, Sources, decode_valid, load};
use ledger::Kind;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::testkit;
use prost::Message;
use tempfile::TempDir;

use super::*;

struct Alone;

impl Environment for Alone {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, path: &str) -> Result<String, String> {
        Err(format!("{path} is not there"))
    }
}

/// The configuration in this YAML, if it has no error, and the texts of all faults.
fn read(yaml: &str) -> (Option<Config>, Vec<String>) {
    let sources = Sources {
        configs: vec![format!("yaml:{yaml}")],
        sets: Vec::new(),
    };
    let mut faults = Faults::new();
    let node = load(&sources, &Alone, &mut faults).expect("YAML");
    let config = decode_valid(&node, "exporters::file", &mut faults);
    let severe = faults.iter().any(|fault| fault.severity == Severity::Error);
    let texts = faults.iter().map(|fault| fault.text.clone()).collect();
    (config.filter(|_| !severe), texts)
}

/// An exporter of traces with this configuration, where `DIR` is the folder.
fn exporter(folder: &TempDir, yaml: &str) -> Result<Box<dyn Exporter>, String> {
    let path = folder.path().to_str().expect("a path of text");
    let (config, faults) = read(&yaml.replace("DIR", path));
    let config = config.unwrap_or_else(|| panic!("{faults:?}"));
    let host = testkit::host(Kind::Exporter, "file", Some(Signal::Traces));
    FileExporter::build(&config, &host)
}

/// A span of this name, from a resource that names its file if there is one.
fn spans(name: &str, file: Option<&str>) -> ResourceSpans {
    let attribute = |text: &str| KeyValue {
        key: "fileexporter.path_segment".into(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(text.into())),
        }),
        ..KeyValue::default()
    };
    ResourceSpans {
        resource: Some(Resource {
            attributes: file.map(attribute).into_iter().collect(),
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            spans: vec![Span {
                name: name.into(),
                ..Span::default()
            }],
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    }
}

fn batch(resource_spans: Vec<ResourceSpans>) -> Batch {
    let items = resource_spans.len() as u64;
    let request = ExportTraceServiceRequest { resource_spans };
    Batch::new(Signal::Traces, request.encode_to_vec().into(), items)
}

fn one(name: &str) -> Batch {
    batch(vec![spans(name, None)])
}

/// The names of the spans in a file of lines, one a line.
fn names(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a file");
    let name = |line: &str| {
        let bytes = otlp::json::decode(Signal::Traces, line.as_bytes()).expect("OTLP/JSON");
        let request = ExportTraceServiceRequest::decode(&bytes[..]).expect("a request");
        let span = &request.resource_spans[0].scope_spans[0].spans[0];
        span.name.chars().take(8).collect()
    };
    text.lines().map(name).collect()
}

fn files(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).expect("a folder");
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("text");
    let mut names: Vec<_> = entries
        .map(|entry| name(entry.expect("an entry")))
        .collect();
    names.sort();
    names
}

#[test]
fn keys_that_do_not_go_together_are_faults() {
    let check = |yaml: &str, expected: &[&str]| {
        let (config, faults) = read(yaml);
        assert_eq!(faults, expected, "{yaml}");
        assert_eq!(config.is_some(), expected.is_empty(), "{yaml}");
    };
    check("{path: a}", &[]);
    check("{path: a, rotation: {}}", &[]);
    check("{path: a, compression: none, flush_interval: 0s}", &[]);
    check("{path: a, append: true, compression: zstd}", &[]);
    check("{path: 'a/*', group_by: {enabled: true}}", &[]);
    check("{append: true}", &["path must be non-empty"]);
    check(
        "{path: a, append: true, rotation: {}}",
        &["append and rotation enabled at the same time is not supported"],
    );
    check(
        "{path: a, format: xml}",
        &["format type is not supported; write `json` or `proto`"],
    );
    check(
        "{path: a, compression: gzip}",
        &["compression is not supported; write `zstd` or `none`"],
    );
    check(
        "{path: a, flush_interval: -1s}",
        &["flush_interval must be larger than zero"],
    );
    check(
        "{path: a, create_directory: true, directory_permissions: '9'}",
        &["directory_permissions value must be a valid octal representation"],
    );
    check(
        "{path: a, create_directory: true, directory_permissions: '1777'}",
        &["directory_permissions contain invalid bits for file access"],
    );
    check(
        "{path: a, directory_permissions: '755'}",
        &["directory_permissions requires create_directory to be true"],
    );
    for path in ["a", "/a/*/*"] {
        check(
            &format!("{{path: '{path}', group_by: {{enabled: true}}}}"),
            &["path must contain exactly one * when group_by is enabled"],
        );
    }
    check(
        "{path: '*/a', group_by: {enabled: true, resource_attribute: '', max_open_files: 0}}",
        &[
            "path must not start with * when group_by is enabled",
            "resource_attribute must not be empty when group_by is enabled",
            "max_open_files must be positive",
        ],
    );
    check(
        "{path: a, encoding: text_encoding}",
        &[
            "no extension of this build can encode as \"text_encoding\" would; write `format: \
             json` or `format: proto` instead, or send to a Collector that has it",
        ],
    );
}

#[test]
fn keys_that_do_nothing_are_warnings() {
    let check = |yaml: &str, expected: &str| {
        let (config, faults) = read(yaml);
        assert!(config.is_some() && faults == [expected], "{faults:?}");
    };
    check(
        "{path: 'a/*', group_by: {enabled: true}, rotation: {}}",
        "files are not rotated when group_by is enabled",
    );
    check(
        "{path: a, compression_params: {level: 5}}",
        "a level without `compression: zstd` does nothing",
    );
}

#[tokio::test]
async fn an_old_file_is_emptied_unless_it_is_to_be_kept() {
    for (keys, expected) in [("", vec!["new"]), (", append: true", vec!["old", "new"])] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.json");
        let yaml = format!("{{path: DIR/t.json{keys}}}");
        let old = exporter(&folder, &yaml).unwrap();
        old.export(&one("old")).await.unwrap();
        drop(old);
        let yesterday = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let file = File::options().append(true).open(&path).unwrap();
        file.set_modified(yesterday).unwrap();
        let new = exporter(&folder, &yaml).unwrap();
        new.export(&one("new")).await.unwrap();
        assert_eq!(names(&path), expected);
    }
}

#[tokio::test]
async fn a_full_file_is_put_aside_and_the_oldest_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = "{path: DIR/new/t.json, rotation: {max_megabytes: 1, max_backups: 2}}";
    let exporter = exporter(&folder, yaml).unwrap();
    for number in 0..5 {
        // Two of these are more than a file holds.
        let name = format!("number {number}{}", "x".repeat(600 << 10));
        exporter.export(&one(&name)).await.unwrap();
    }
    let new = folder.path().join("new");
    let mut backups: Vec<_> = fs::read_dir(&new)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    backups.sort();
    let held: Vec<_> = backups.iter().flat_map(|path| names(path)).collect();
    assert_eq!(held, ["number 2", "number 3", "number 4"]);
    assert_eq!(backups.last(), Some(&new.join("t.json")));
}

#[tokio::test]
async fn what_cannot_be_written_may_be_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let full = exporter(&folder, "{path: /dev/full}").unwrap();
    let text = r#"cannot write to "/dev/full": No space left on device (os error 28)"#;
    assert_eq!(full.export(&one("a")).await, Err(Failure::retryable(text)));

    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let removed = exporter(&folder, "{path: DIR/inner/t.json}").unwrap();
    removed.export(&one("first")).await.unwrap();
    fs::remove_dir_all(&inner).unwrap();
    let path = inner.join("t.json");
    let text = format!("cannot open {path:?}: No such file or directory (os error 2)");
    assert_eq!(
        removed.export(&one("lost")).await,
        Err(Failure::retryable(text))
    );
    fs::create_dir(&inner).unwrap();
    removed.export(&one("again")).await.unwrap();
    assert_eq!(names(&path), ["again"]);
}

#[test]
fn a_directory_is_made_only_when_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let error = exporter(&folder, "{path: DIR/a/b/t.json}").err().unwrap();
    assert!(error.contains("No such file or directory"), "{error}");
    exporter(&folder, "{path: DIR/a/b/t.json, create_directory: true}").unwrap();
    assert_eq!(files(&folder), ["a"]);
}

#[tokio::test]
async fn each_group_has_its_file_and_the_rest_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = "{path: 'DIR/*.json', group_by: {enabled: true, max_open_files: 1}}";
    let exporter = exporter(&folder, yaml).unwrap();
    // With one open file, each write closes the other one.
    for round in ["1", "2"] {
        let groups = [("b", Some("shop")), ("a", Some("../cart")), ("c", None)];
        let groups = groups.map(|(name, file)| spans(&format!("{name}{round}"), file));
        let receipt = exporter.export(&batch(groups.to_vec())).await.unwrap();
        assert_eq!(receipt.rejected, 1);
    }
    assert_eq!(files(&folder), ["cart.json", "shop.json"]);
    assert_eq!(names(&folder.path().join("shop.json")), ["b1", "b2"]);
    assert_eq!(names(&folder.path().join("cart.json")), ["a1", "a2"]);
}

#[tokio::test]
async fn binary_messages_follow_their_length() {
    for (keys, expand) in [
        ("format: proto", false),
        ("format: proto, compression: zstd", true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let exporter = exporter(&folder, &format!("{{path: DIR/t, {keys}}}")).unwrap();
        let sent = [one("first"), one("second")];
        for batch in &sent {
            exporter.export(batch).await.unwrap();
        }
        let file = fs::read(folder.path().join("t")).unwrap();
        let mut rest = &file[..];
        for batch in &sent {
            let (length, after) = rest.split_first_chunk().unwrap();
            let (message, after) = after.split_at(u32::from_be_bytes(*length) as usize);
            rest = after;
            let message = match expand {
                true => inflate(message),
                false => message.to_vec(),
            };
            assert_eq!(message, batch.chunks()[0].bytes);
        }
        assert!(rest.is_empty());
    }
}

fn inflate(message: &[u8]) -> Vec<u8> {
    use net::encoding::{Encoding, Meter, inflate};
    struct Free;
    impl Meter for Free {
        fn charge(&mut self, _: usize) -> Result<(), ledger::Exhausted> {
            Ok(())
        }
    }
    inflate(Encoding::Zstd, message, 1 << 20, &mut Free).unwrap()
}
