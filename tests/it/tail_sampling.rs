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
    let decided = || {
        let page = service.page();
        let kept = page.sum("otelcol_exporter_sent_spans", &[]);
        let dropped = page.sum("tracegate_items_dropped_total", &["reason=\"not_sampled\""]);
        (kept + dropped == all).then_some((kept, dropped))
    };
    assert_eq!(
        clock::poll(PATIENCE, decided),
        Some((expected, all - expected))
    );
    let page = service.page();
    let sampled = "otelcol_processor_tail_sampling_global_count_traces_sampled";
    assert_eq!(
        page.sum(sampled, &["sampled=\"true\""]),
        u64::from(TRACES / 5)
    );
    let mut parts: BTreeMap<String, u8> = BTreeMap::new();
    let lines = service.lines();
    for id in lines
        .iter()
        .filter_map(|line| line.trim().strip_prefix("Trace ID"))
    {
        *parts.entry(id.to_owned()).or_default() += 1;
    }
    assert_eq!(parts.len(), usize::from(TRACES / 5));
    assert!(parts.values().all(|parts| *parts == PARTS), "{parts:?}");
    service.stop();
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
