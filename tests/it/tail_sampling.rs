//! Whole traces through the real binary, whichever connections their spans came over.

use std::collections::BTreeMap;

use benches::clock;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use prost::Message;

use crate::rig::{PATIENCE, Service, http1, requests};

const SAMPLED: &str = "\
receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: '127.0.0.1:0'}}}}
processors:
  tail_sampling:
    decision_wait: 1s
    policies: [{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}]
  batch: {timeout: 10ms}
exporters: {debug: {verbosity: detailed}}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [tail_sampling, batch], exporters: [debug]}
";

const TRACES: u8 = 100;

/// Of each trace, over as many connections.
const PARTS: u8 = 4;

/// The last span of every fifth trace is an error.
fn span(trace: u8, part: u8) -> Span {
    let is_error = trace.is_multiple_of(5) && part == PARTS - 1;
    Span {
        trace_id: vec![trace; 16],
        span_id: vec![part + 1; 8],
        status: is_error.then(|| Status {
            code: 2,
            ..Status::default()
        }),
        ..requests::named("part")
    }
}

#[test]
fn a_trace_is_kept_whole_though_its_spans_come_over_several_connections() {
    let service = Service::start(SAMPLED);
    for part in 0..PARTS {
        // A connection each, so that the workers share them.
        let spans = (1..=TRACES).map(|trace| span(trace, part)).collect();
        let body = requests::spans(spans).encode_to_vec();
        let request = http1::post("/v1/traces", &body);
        assert_eq!(http1::exchange(service.http(), &request).status, 200);
    }
    let all = u64::from(TRACES) * u64::from(PARTS);
    let expected = u64::from(TRACES / 5 * PARTS);
    assert_eq!(decided(&service, all), (expected, all - expected));
    let page = service.page();
    let sampled = "otelcol_processor_tail_sampling_global_count_traces_sampled";
    assert_eq!(
        page.sum(sampled, &["sampled=\"true\""]),
        u64::from(TRACES / 5)
    );
    let parts = arrived(&service);
    assert_eq!(parts.len(), usize::from(TRACES / 5));
    assert!(parts.values().all(|parts| *parts == PARTS), "{parts:?}");
    service.stop();
}

/// As it stands in many an introduction, but for the time that anybody would wait for it.
const INTRODUCTION: &str = "\
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:0
      http:
        endpoint: 127.0.0.1:0
processors:
  tail_sampling:
    decision_wait: 1s
    num_traces: 50000
    expected_new_traces_per_sec: 10
    policies:
      [
        {
          name: keep-all-errors,
          type: status_code,
          status_code: {status_codes: [ERROR]}
        },
        {
          name: keep-ten-percent,
          type: probabilistic,
          probabilistic: {sampling_percentage: 10}
        }
      ]
  batch:
exporters:
  debug:
    verbosity: detailed
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [tail_sampling, batch]
      exporters: [debug]
";

/// Whether ten percent have this trace among them, by the Collector's formula: a hash of its salt and the id.
fn is_of_ten_percent(id: &[u8]) -> bool {
    let salted = b"default-hash-seed".iter().chain(id);
    let hash = salted.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash <= 1_844_674_407_370_955_263
}

#[test]
fn all_errors_and_a_tenth_of_the_rest_are_kept_and_late_spans_follow() {
    const TRACES: u64 = 1000;
    const PARTS: u64 = 3;
    let service = Service::start(INTRODUCTION);
    let id = |trace: u64| {
        trace
            .wrapping_add(1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .to_be_bytes()
            .repeat(2)
    };
    let is_error = |trace: u64| trace.is_multiple_of(50);
    let send = |part: u64| {
        let span = |trace: u64| Span {
            trace_id: id(trace),
            span_id: (part + 1).to_be_bytes().to_vec(),
            status: (is_error(trace) && part == 1).then(|| Status {
                code: 2,
                ..Status::default()
            }),
            ..requests::named("part")
        };
        let body = requests::spans((0..TRACES).map(span).collect()).encode_to_vec();
        let request = http1::post("/v1/traces", &body);
        assert_eq!(http1::exchange(service.http(), &request).status, 200);
    };
    (0..PARTS).for_each(send);
    let is_kept = |trace: &u64| is_error(*trace) || is_of_ten_percent(&id(*trace));
    let kept = (0..TRACES).filter(is_kept).count() as u64;
    assert!((100..150).contains(&kept), "{kept} of {TRACES}");
    let decisions = (kept * PARTS, (TRACES - kept) * PARTS);
    assert_eq!(decided(&service, TRACES * PARTS), decisions);
    // Whatever comes now is late, and no error.
    send(PARTS);
    let decisions = (kept * (PARTS + 1), (TRACES - kept) * (PARTS + 1));
    assert_eq!(decided(&service, TRACES * (PARTS + 1)), decisions);
    let late = "otelcol_processor_tail_sampling_early_releases_from_cache_decision";
    assert_eq!(service.page().sum(late, &["sampled=\"true\""]), kept);
    let parts = arrived(&service);
    assert_eq!(parts.len() as u64, kept);
    assert!(
        parts.values().all(|parts| u64::from(*parts) == PARTS + 1),
        "{parts:?}"
    );
    service.stop();
}

/// Spans that were kept and dropped, once so many are decided.
fn decided(service: &Service, spans: u64) -> (u64, u64) {
    let all = || {
        let page = service.page();
        let kept = page.sum("otelcol_exporter_sent_spans", &[]);
        let dropped = page.sum("tracegate_items_dropped_total", &["reason=\"not_sampled\""]);
        (kept + dropped == spans).then_some((kept, dropped))
    };
    clock::poll(PATIENCE, all).unwrap_or_else(|| panic!("{spans} spans are not decided"))
}

/// The spans of each trace that the exporter has printed.
fn arrived(service: &Service) -> BTreeMap<String, u8> {
    let mut parts = BTreeMap::new();
    let lines = service.lines();
    let ids = lines
        .iter()
        .filter_map(|line| line.trim().strip_prefix("Trace ID"));
    for id in ids {
        *parts.entry(id.to_owned()).or_default() += 1;
    }
    parts
}

#[test]
fn what_waits_is_decided_at_the_end() {
    let service = Service::start(&SAMPLED.replace("1s", "60s"));
    let spans = (0..PARTS).map(|part| span(5, part)).collect();
    let request = http1::post("/v1/traces", &requests::spans(spans).encode_to_vec());
    assert_eq!(http1::exchange(service.http(), &request).status, 200);
    let ended = service.stop();
    assert_eq!(
        ended.account.spans("exporter", "debug").passed,
        u64::from(PARTS)
    );
}
