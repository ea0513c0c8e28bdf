//! The Collector's output is the specification: `fixtures/` holds requests in OTLP/JSON, and what
//! the Collector 0.159 wrote for them with `use_internal_logger: false` at each verbosity.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use ledger::Kind;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Metric, ResourceMetrics, ScopeMetrics,
    metric::Data,
};
use otlp::Signal;
use pipeline::Batch;
use pipeline::component::Label;
use prost::Message;

use super::config::{Config, Verbosity};
use super::outlet::Outlet;
use super::page::Page;
use super::{Debug, detailed, normal};

/// A writer whose text can be read.
#[derive(Clone, Default)]
struct Paper(Rc<RefCell<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).expect("the text is UTF-8")
    }
}

fn config(verbosity: Verbosity) -> Config {
    Config {
        verbosity,
        use_internal_logger: false,
        ..Config::default()
    }
}

fn batch(signal: Signal, json: &str) -> Batch {
    let request = otlp::json::decode(signal, json.as_bytes()).expect("the request is OTLP/JSON");
    let items = otlp::survey(signal, &request)
        .expect("the request is whole")
        .items;
    Batch::new(signal, Bytes::from(request), items as u64)
}

/// All that is written for a batch.
fn shown(verbosity: Verbosity, batch: &Batch) -> String {
    let paper = Paper::default();
    let outlet = Outlet::Writers(vec![("paper".to_owned(), Box::new(paper.clone()))]);
    let debug = Debug::new(&config(verbosity), outlet);
    debug
        .show(batch, Duration::ZERO)
        .expect("paper takes everything");
    paper.text()
}

/// A request with one span of these attributes.
fn span_with(attributes: &str) -> Batch {
    let span = format!(r#"{{"name":"s","attributes":[{attributes}]}}"#);
    batch(
        Signal::Traces,
        &format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}"#),
    )
}

fn check_golden(signal: Signal, request: &str, [basic, normal, detailed]: [&str; 3]) {
    let batch = batch(signal, request);
    for (verbosity, expected) in [
        (Verbosity::Basic, basic),
        (Verbosity::Normal, normal),
        (Verbosity::Detailed, detailed),
    ] {
        let actual = shown(verbosity, &batch);
        for (number, (actual, expected)) in (1..).zip(actual.lines().zip(expected.lines())) {
            assert_eq!(actual, expected, "{signal:?} {verbosity:?}, line {number}");
        }
        assert_eq!(actual, expected, "{signal:?} {verbosity:?}");
    }
}

#[test]
fn traces_are_shown_as_the_collector_shows_them() {
    check_golden(
        Signal::Traces,
        include_str!("fixtures/traces.json"),
        [
            include_str!("fixtures/traces.basic.txt"),
            include_str!("fixtures/traces.normal.txt"),
            include_str!("fixtures/traces.detailed.txt"),
        ],
    );
}

#[test]
fn metrics_are_shown_as_the_collector_shows_them() {
    check_golden(
        Signal::Metrics,
        include_str!("fixtures/metrics.json"),
        [
            include_str!("fixtures/metrics.basic.txt"),
            include_str!("fixtures/metrics.normal.txt"),
            include_str!("fixtures/metrics.detailed.txt"),
        ],
    );
}

#[test]
fn logs_are_shown_as_the_collector_shows_them() {
    check_golden(
        Signal::Logs,
        include_str!("fixtures/logs.json"),
        [
            include_str!("fixtures/logs.basic.txt"),
            include_str!("fixtures/logs.normal.txt"),
            include_str!("fixtures/logs.detailed.txt"),
        ],
    );
}

#[test]
fn resources_of_merged_requests_are_numbered_through() {
    let mut merged = batch(Signal::Logs, r#"{"resourceLogs":[{},{}]}"#);
    merged.append(batch(
        Signal::Logs,
        r#"{"resourceLogs":[{"schemaUrl":"u"}]}"#,
    ));
    assert_eq!(
        shown(Verbosity::Normal, &merged),
        "Logs\t{\"resource logs\": 3, \"log records\": 0}\n\
         ResourceLog #0\nResourceLog #1\nResourceLog #2 [u]\n\n"
    );
}

#[test]
fn values_that_json_lacks_are_shown_within_arrays() {
    let check = |values: &str, expected: &str| {
        let value = format!(r#"{{"arrayValue":{{"values":[{values}]}}}}"#);
        let batch = span_with(&format!(r#"{{"key":"k","value":{value}}}"#));
        let text = shown(Verbosity::Normal, &batch);
        let line = format!("\ns   k={expected}\n");
        assert!(text.contains(&line), "{values}: {text}");
    };
    check(r#"{"doubleValue":"NaN"},{"intValue":1}"#, r#"["NaN",1]"#);
    check(r#"{"doubleValue":"Infinity"}"#, r#"["Infinity"]"#);
    check(r#"{"doubleValue":"-Infinity"}"#, r#"["-Infinity"]"#);
    check(r#"{"bytesValue":""}"#, "[null]");
}

// === what is broken or beyond a limit ===

#[test]
fn what_cannot_be_read_is_marked_and_its_siblings_are_shown() {
    // A scope with two records: the first is cut off within a field, the second has a body.
    let request = b"\x0a\x11\x12\x0f\x12\x02\x12\x05\x12\x09\x2a\x07\x0a\x05hello";
    let batch = Batch::new(Signal::Logs, Bytes::from_static(request), 2);
    let text = shown(Verbosity::Normal, &batch);
    assert_eq!(
        text,
        "Logs\t{\"resource logs\": 1, \"log records\": 2}\nResourceLog #0\nScopeLog #0\n\
         <not shown: message ends inside a field>\nhello \n\n"
    );
}

#[test]
fn values_nested_too_deep_are_marked() {
    /// What is shown of a log body that is an array in an array, so many times.
    fn shown_body(levels: usize) -> String {
        let mut body = AnyValue::default();
        for _ in 0..levels {
            let values = vec![body];
            body = AnyValue {
                value: Some(Value::ArrayValue(ArrayValue { values })),
            };
        }
        let record = LogRecord {
            body: Some(body),
            ..Default::default()
        };
        let scope = ScopeLogs {
            log_records: vec![record],
            ..Default::default()
        };
        let resource = ResourceLogs {
            scope_logs: vec![scope],
            ..Default::default()
        };
        let request = ExportLogsServiceRequest {
            resource_logs: vec![resource],
        };
        let batch = Batch::new(Signal::Logs, Bytes::from(request.encode_to_vec()), 1);
        let text = shown(Verbosity::Normal, &batch);
        text.lines().skip(3).collect::<Vec<_>>().join("|")
    }
    let (open, close) = ("[".repeat(63), "]".repeat(63));
    assert_eq!(shown_body(63), format!("{open}null{close} |"));
    let marker = "<not shown: a value nests deeper than 64 levels>";
    assert_eq!(shown_body(64), format!("{open}[{marker}|"));
    assert_eq!(shown_body(200), format!("{open}[{marker}|"));
}

#[test]
fn a_page_ends_at_its_limit_and_says_so() {
    let batch = batch(Signal::Logs, include_str!("fixtures/logs.json"));
    for write in [normal::write, detailed::write] {
        let text = Page::write(100, |page| write(page, &batch));
        let kept = text
            .strip_suffix("\n<cut: longer than 100 bytes>\n")
            .expect("a last line");
        assert!(
            kept.starts_with("ResourceLog #0") && kept.len() <= 100,
            "{text}"
        );
    }
}

#[test]
fn negative_buckets_without_end_are_marked() {
    let point = ExponentialHistogramDataPoint {
        negative: Some(Buckets {
            offset: 0,
            bucket_counts: vec![0; 70_000],
        }),
        ..Default::default()
    };
    let histogram = ExponentialHistogram {
        data_points: vec![point],
        ..Default::default()
    };
    let metric = Metric {
        data: Some(Data::ExponentialHistogram(histogram)),
        ..Default::default()
    };
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            scope_metrics: vec![ScopeMetrics {
                metrics: vec![metric],
                ..Default::default()
            }],
            ..Default::default()
        }],
    };
    let batch = Batch::new(Signal::Metrics, Bytes::from(request.encode_to_vec()), 1);
    for verbosity in [Verbosity::Normal, Verbosity::Detailed] {
        let text = shown(verbosity, &batch);
        assert!(
            text.contains("<not shown: more than 65536 negative buckets>\n"),
            "{text}"
        );
        assert!(text.len() < 1000, "{}", text.len());
    }
}

// === outlets ===

#[test]
fn batches_beyond_the_sample_are_not_shown() {
    let paper = Paper::default();
    let outlet = Outlet::Writers(vec![("paper".to_owned(), Box::new(paper.clone()))]);
    let config = Config {
        sampling_thereafter: 3,
        ..config(Verbosity::Normal)
    };
    let debug = Debug::new(&config, outlet);
    for n in 1..=6 {
        let request = format!(r#"{{"resourceLogs":[{{"schemaUrl":"{n}"}}]}}"#);
        debug
            .show(&batch(Signal::Logs, &request), Duration::ZERO)
            .expect("paper");
    }
    let text = paper.text();
    let resources: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("Resource"))
        .collect();
    assert_eq!(
        resources,
        [
            "ResourceLog #0 [1]",
            "ResourceLog #0 [2]",
            "ResourceLog #0 [5]"
        ]
    );
}

#[test]
fn a_writer_that_fails_is_named_and_the_others_are_written_to() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let paper = Paper::default();
    let outlet = Outlet::Writers(vec![
        ("/disk/full".to_owned(), Box::new(Full)),
        ("paper".to_owned(), Box::new(paper.clone())),
    ]);
    let debug = Debug::new(&config(Verbosity::Basic), outlet);
    let fault = debug
        .show(&span_with(""), Duration::ZERO)
        .expect_err("the disk is full");
    assert_eq!(fault, r#"cannot write to "/disk/full": no storage space"#);
    assert_eq!(
        paper.text(),
        "Traces\t{\"resource spans\": 1, \"spans\": 1}\n"
    );
}

#[test]
fn files_are_appended_to_and_shared() {
    let path = std::env::temp_dir().join(format!("debug-{}.txt", std::process::id()));
    std::fs::write(&path, "before\n").expect("a file");
    let plain = path.display().to_string();
    let paths = vec![plain.clone(), format!("file://{plain}")];
    let config = Config {
        output_paths: Some(paths),
        ..config(Verbosity::Basic)
    };
    let outlet = Outlet::open(&config, &label()).expect("both are files");
    Debug::new(&config, outlet)
        .show(&span_with(""), Duration::ZERO)
        .expect("room on the disk");
    let text = std::fs::read_to_string(&path).expect("a file");
    std::fs::remove_file(&path).expect("a file");
    let line = "Traces\t{\"resource spans\": 1, \"spans\": 1}\n";
    assert_eq!(text, format!("before\n{line}{line}"));
}

#[test]
fn a_path_that_cannot_be_opened_is_an_error_that_names_it() {
    let paths = Some(vec!["/no/such/folder/x".to_owned()]);
    let config = Config {
        output_paths: paths,
        ..config(Verbosity::Basic)
    };
    let fault = Outlet::open(&config, &label())
        .err()
        .expect("the folder is missing");
    assert!(
        fault.starts_with(r#"cannot open output path "/no/such/folder/x": No such"#),
        "{fault}"
    );
}

fn label() -> Label {
    Label {
        kind: Kind::Exporter,
        id: "debug/2".into(),
        signal: Some(Signal::Logs),
        pipeline: None,
    }
}

#[test]
fn the_log_gets_the_counts_as_fields_and_the_text_as_message() {
    let outlet = Outlet::open(&Config::default(), &label()).expect("the log is always open");
    let config = Config {
        use_internal_logger: true,
        ..config(Verbosity::Normal)
    };
    let debug = Debug::new(&config, outlet);
    let batch = batch(Signal::Logs, r#"{"resourceLogs":[{}]}"#);
    let lines = log::lines(tracing::Level::INFO, || {
        debug
            .show(&batch, Duration::ZERO)
            .expect("a log takes everything");
    });
    let origin =
        r#"otelcol.component.id="debug/2" otelcol.component.kind="exporter" otelcol.signal="logs""#;
    assert_eq!(
        lines,
        [
            format!("verbatim INFO Logs {origin} resource logs=1 log records=0"),
            format!("verbatim INFO ResourceLog #0\n {origin}"),
        ]
    );
}

#[test]
fn a_log_above_info_shows_nothing() {
    let outlet = Outlet::Log(label());
    let debug = Debug::new(&config(Verbosity::Detailed), outlet);
    let lines = log::lines(tracing::Level::WARN, || {
        debug
            .show(&span_with(""), Duration::ZERO)
            .expect("a log takes everything");
    });
    assert!(lines.is_empty(), "{lines:?}");
}

/// A log whose lines can be read.
mod log {
    use std::fmt::{Debug, Write};
    use std::sync::{Arc, Mutex};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    /// What `run` logs at this level and above: target, level, message, and fields in their order.
    pub(super) fn lines(level: Level, run: impl FnOnce()) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        tracing::subscriber::with_default(Log(Arc::clone(&lines), level), run);
        std::mem::take(&mut *lines.lock().expect("no test panics here"))
    }

    struct Log(Arc<Mutex<Vec<String>>>, Level);

    impl Subscriber for Log {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.is_event() && *metadata.level() <= self.1
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            let mut line = Line::default();
            event.record(&mut line);
            let metadata = event.metadata();
            let place = format!("{} {}", metadata.target(), metadata.level());
            let text = format!("{place} {}{}", line.message, line.fields);
            self.0.lock().expect("no test panics here").push(text);
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[derive(Default)]
    struct Line {
        message: String,
        fields: String,
    }

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            match field.name() {
                "message" => self.message = format!("{value:?}"),
                name => write!(self.fields, " {name}={value:?}").expect("a string"),
            }
        }
    }
}
