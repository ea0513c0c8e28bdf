//! Rate, errors and durations of spans through the real binary: traces come in, and a page for Prometheus goes out.

use std::collections::{BTreeMap, BTreeSet};

use benches::clock;
use benches::sink::Sink;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use prost::Message;

use crate::rig::balancer::Balancer;
use crate::rig::example::{self, without_back_end};
use crate::rig::load::keeping_sink;
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
    let bucket = format!("{DURATION}_bucket{{");
    // It is shown once its trace has been kept.
    let look = || {
        let page = open_metrics(&service);
        let mut lines = page.lines().filter(|line| line.starts_with(&bucket));
        let line = lines.find(|line| line.contains(ERROR) && line.contains("le=\"500.0\""));
        let line = line.unwrap_or_else(|| panic!("no such bucket in\n{page}"));
        line.contains(" # {").then(|| line.to_owned())
    };
    let line = clock::poll(PATIENCE, look).expect("it has an exemplar");
    let (_, exemplar) = line.split_once(" # {").unwrap();
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

/// One of several behind a balancer, by its name, which it keeps when it starts again.
fn instance(name: &str, back_end: &Sink) -> Service {
    let yaml = format!(
        "
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:0'}}, http: {{endpoint: '127.0.0.1:0'}}}}}}}}
connectors: {{span_metrics: {{metrics_flush_interval: 50ms}}}}
exporters: {{otlp_grpc: {{endpoint: '{}', tls: {{insecure: true}}}}}}
service:
  telemetry: {{resource: {{service.instance.id: {name}}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [span_metrics]}}
    metrics: {{receivers: [span_metrics], exporters: [otlp_grpc]}}
",
        back_end.address()
    );
    Service::start(&yaml)
}

/// A series of calls: its attributes, and its points by their time, each with its start, its time and its value.
type Calls = BTreeMap<BTreeSet<String>, Vec<(u64, u64, u64)>>;

/// The series of calls that have come to a back end, without the attributes that `is_left_out` names.
fn calls(back_end: &Sink, is_left_out: impl Fn(&str) -> bool) -> Calls {
    let mut calls = Calls::new();
    for received in back_end.received() {
        let request = ExportMetricsServiceRequest::decode(received.payload).unwrap();
        for resource in &request.resource_metrics {
            let own = resource.resource.iter().flat_map(|own| &own.attributes);
            let metrics = resource.scope_metrics.iter().flat_map(|s| &s.metrics);
            for metric in metrics.filter(|metric| metric.name.ends_with(".calls")) {
                let Some(Data::Sum(sum)) = &metric.data else {
                    panic!("calls are a sum: {metric:?}");
                };
                for point in &sum.data_points {
                    let all = own.clone().chain(&point.attributes);
                    let all = all.filter(|attribute| !is_left_out(&attribute.key));
                    let name = all.map(|attribute| format!("{attribute:?}")).collect();
                    let Some(Value::AsInt(value)) = point.value else {
                        panic!("calls are whole: {point:?}");
                    };
                    let times = (point.start_time_unix_nano, point.time_unix_nano);
                    let points = calls.entry(name).or_default();
                    points.push((times.0, times.1, value as u64));
                }
            }
        }
    }
    for points in calls.values_mut() {
        points.sort_by_key(|(_, time, _)| *time);
    }
    calls
}

/// By how much all series have grown, as Prometheus sees it: a value that is lower than the one before is that of a
/// counter which has begun again, and what the first point has was there before.
fn increase(calls: &Calls) -> u64 {
    let grown = |pair: &[(u64, u64, u64)]| match pair[1].2.checked_sub(pair[0].2) {
        Some(grown) => grown,
        None => pair[1].2,
    };
    let series = calls.values();
    series.flat_map(|points| points.windows(2).map(grown)).sum()
}

#[test]
fn what_two_instances_count_is_what_was_sent_though_one_starts_again() {
    let back_end = keeping_sink();
    let one = instance("one", &back_end);
    let other = instance("other", &back_end);
    let balancer = Balancer::between(&[one.http(), other.http()]);
    let mut sent = 0;
    let mut send = |count: u64| {
        for _ in 0..count {
            let spans = (0..SPANS).map(|at| span(sent + at)).collect();
            sent += SPANS;
            let body = requests::spans(spans).encode_to_vec();
            let reply = http1::exchange(balancer.address(), &http1::post("/v1/traces", &body));
            assert_eq!(reply.status, 200);
        }
        sent
    };
    let has = |all: u64| {
        let look = || (increase(&calls(&back_end, |_| false)) >= all).then_some(());
        clock::poll(PATIENCE, look).unwrap();
    };
    // Each has as much when it is looked at, so that none begins again with more than it had.
    has(send(10));
    has(send(10));
    balancer.remove(other.http());
    other.stop();
    has(send(3));
    let other = instance("other", &back_end);
    balancer.add(other.http());
    has(send(10));
    let all = send(1);
    has(all);
    one.stop();
    other.stop();

    let told = calls(&back_end, |_| false);
    assert_eq!(increase(&told), all);
    // Two instances with an operation that failed and one that did not.
    assert_eq!(told.len(), 4, "{:?}", told.keys());
    let starts = |points: &[(u64, u64, u64)]| -> BTreeSet<u64> {
        points.iter().map(|(start, _, _)| *start).collect()
    };
    for (name, points) in &told {
        let began = starts(points).len();
        let is_other = name.iter().any(|part| part.contains("\"other\""));
        assert_eq!(began, if is_other { 2 } else { 1 }, "{name:?}");
    }
    // Were they not told apart, the sum would be another.
    let collided = calls(&back_end, |key| key == "collector.instance.id");
    assert_ne!(increase(&collided), all);
}
