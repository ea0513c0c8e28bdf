//! Rate, errors and durations of spans through the real binary: traces come in, and a page for Prometheus goes out.

use benches::clock;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use prost::Message;

use crate::rig::example::{self, without_back_end};
use crate::rig::page::Page;
use crate::rig::{PATIENCE, Service, http1, requests};

/// The configuration is that of the gallery.
const YAML: &str = include_str!("../../examples/05-red-metrics/collector.yaml");

/// It is in a hurry here.
const SET: [&str; 3] = [
    "exporters.prometheus.endpoint=127.0.0.1:0",
    "connectors.span_metrics.metrics_flush_interval=50ms",
    "processors.tail_sampling.decision_wait=1s",
];

fn start() -> Service {
    example::start(&without_back_end(YAML), &SET)
}

const REQUESTS: u64 = 10;

/// Of each request. The first of ten fails, and takes 100 ms where others take 10 ms.
const SPANS: u64 = 100;

const ALL: u64 = REQUESTS * SPANS;
const FAILED: u64 = ALL / 10;

const CALLS: &str = "traces_span_metrics_calls_total";
const DURATION: &str = "traces_span_metrics_duration_milliseconds";
const ERROR: &str = "status_code=\"STATUS_CODE_ERROR\"";

fn fails(number: u64) -> bool {
    number.is_multiple_of(10)
}

fn trace_id(number: u64) -> [u8; 16] {
    // Odd, so that no two are alike, and large, so that the bits are mixed.
    let factor = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    u128::from(number + 1).wrapping_mul(factor).to_be_bytes()
}

/// A trace of one span.
fn span(number: u64) -> Span {
    let span = requests::named("GET /cart");
    let (millis, code) = if fails(number) { (100, 2) } else { (10, 0) };
    Span {
        trace_id: trace_id(number).to_vec(),
        kind: 2,
        end_time_unix_nano: span.start_time_unix_nano + millis * 1_000_000,
        status: Some(Status {
            code,
            ..Status::default()
        }),
        ..span
    }
}

fn send(service: &Service, request: u64) {
    let spans = (0..SPANS).map(|at| span(request * SPANS + at)).collect();
    let body = requests::spans(spans).encode_to_vec();
    // A connection each, so that the workers share them.
    let reply = http1::exchange(service.http(), &http1::post("/v1/traces", &body));
    assert_eq!(reply.status, 200);
}

/// The page once it tells of so many calls.
fn page_of(service: &Service, calls: u64) -> Page {
    let look = || {
        let page = Page::fetch(service.extension("prometheus"));
        let measured = page.sum(&format!("{DURATION}_count"), &[]);
        (measured >= calls && page.sum(CALLS, &[]) >= calls).then_some(page)
    };
    clock::poll(PATIENCE, look).unwrap()
}

fn open_metrics(service: &Service) -> String {
    let accept = [("accept", "application/openmetrics-text;version=1.0.0")];
    let request = http1::request("GET", "/metrics", &accept, b"");
    http1::exchange(service.extension("prometheus"), &request).text()
}

#[test]
fn what_is_counted_is_true_however_few_traces_are_kept() {
    let service = start();
    (0..REQUESTS).for_each(|request| send(&service, request));

    let page = page_of(&service, ALL);
    let operation = ["span_name=\"GET /cart\"", "span_kind=\"SPAN_KIND_SERVER\""];
    assert_eq!(page.sum(CALLS, &operation), ALL);
    assert_eq!(page.sum(CALLS, &[ERROR]), FAILED);
    let durations = |suffix: &str, labels: &[&str]| {
        let family = format!("{DURATION}_{suffix}");
        page.sum(&family, labels)
    };
    assert_eq!(durations("count", &operation), ALL);
    assert_eq!(durations("sum", &[]), FAILED * 100 + (ALL - FAILED) * 10);
    assert_eq!(durations("bucket", &["le=\"5\""]), 0);
    assert_eq!(durations("bucket", &["le=\"50\""]), ALL - FAILED);
    assert_eq!(durations("bucket", &["le=\"500\""]), ALL);
    assert_eq!(durations("bucket", &["le=\"+Inf\""]), ALL);

    let sampled = || {
        let page = service.page();
        let kept = page.sum("otelcol_exporter_sent_spans", &["exporter=\"debug\""]);
        let dropped = page.sum("tracegate_items_dropped_total", &["reason=\"not_sampled\""]);
        (kept + dropped == ALL).then_some(kept)
    };
    let kept = clock::poll(PATIENCE, sampled).unwrap();
    // What failed, and a tenth of the rest.
    let expected = FAILED + (ALL - FAILED) / 10;
    assert!(kept.abs_diff(expected) < ALL / 20, "{kept} are kept");
    // Nothing has been counted since.
    assert_eq!(page_of(&service, ALL).sum(CALLS, &[]), ALL);
    let ended = service.stop();
    assert_eq!(ended.account.spans("connector", "span_metrics").taken, ALL);
}

#[test]
fn a_slow_bucket_names_a_trace_that_was_slow() {
    let service = start();
    send(&service, 0);
    page_of(&service, SPANS);
    let page = open_metrics(&service);
    let bucket = format!("{DURATION}_bucket{{");
    let mut lines = page.lines().filter(|line| line.starts_with(&bucket));
    let line = lines.find(|line| line.contains(ERROR) && line.contains("le=\"500.0\""));
    let line = line.unwrap_or_else(|| panic!("no such bucket in\n{page}"));
    let (_, exemplar) = line
        .split_once(" # {")
        .unwrap_or_else(|| panic!("no exemplar: {line}"));
    let (_, id) = exemplar.split_once("trace_id=\"").unwrap();
    let id = u128::from_str_radix(id.split('"').next().unwrap(), 16).unwrap();
    let mut slow = (0..SPANS).filter(|number| fails(*number)).map(trace_id);
    assert!(slow.any(|slow| slow == id.to_be_bytes()), "{line}");
    assert!(exemplar.contains("} 100.0"), "{line}");
    service.stop();
}

#[test]
fn series_go_on_in_a_reload() {
    let mut service = start();
    send(&service, 0);
    page_of(&service, SPANS);
    service.rewrite(
        &without_back_end(YAML).replace("cardinality_limit: 10000", "cardinality_limit: 5000"),
    );
    service.reload().unwrap();
    send(&service, 1);
    assert_eq!(page_of(&service, 2 * SPANS).sum(CALLS, &[]), 2 * SPANS);
    service.stop();
}
