//! A sender that never ends its trace, beside others that do: theirs are kept whole and decided in time, and the giant
//! is named.

use std::collections::BTreeMap;
use std::ops::Range;

use benches::clock;
use benches::sink::Sink;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use prost::Message;

use crate::rig::{PATIENCE, Service, http1, load, nightly, requests};

const SAMPLED: &str = "\
receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}
processors:
  tail_sampling:
    decision_wait: 2s
    policies: [{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}]
exporters: {otlp_grpc: {endpoint: SINK, compression: none, tls: {insecure: true}}}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [tail_sampling], exporters: [otlp_grpc]}
";

/// Spans of the giant in one request.
const CHUNK: usize = 10_000;

/// Traces beside each request of the giant's, and the spans of each. The last one of every other trace is an error.
const TRACES: u8 = 20;
const PARTS: u8 = 4;

const GIANT: [u8; 16] = [0xee; 16];

/// Back ends take requests of 4 MiB unless told otherwise.
const REQUEST_MAX: usize = 4 << 20;

fn span(trace_id: [u8; 16], is_error: bool) -> Span {
    Span {
        trace_id: trace_id.into(),
        status: is_error.then(|| Status {
            code: 2,
            ..Status::default()
        }),
        ..requests::named("part")
    }
}

fn trace_id(round: u8, trace: u8) -> [u8; 16] {
    let mut id = [1; 16];
    (id[0], id[1]) = (round, trace);
    id
}

fn is_kept(trace: u8) -> bool {
    trace.is_multiple_of(2)
}

fn send(service: &Service, spans: Vec<Span>) {
    let body = requests::spans(spans).encode_to_vec();
    let reply = http1::exchange(service.http(), &http1::post("/v1/traces", &body));
    assert_eq!(reply.status, 200);
}

fn send_others(service: &Service, round: u8, parts: Range<u8>) {
    for part in parts {
        let one = |trace| {
            let is_error = is_kept(trace) && part == PARTS - 1;
            span(trace_id(round, trace), is_error)
        };
        send(service, (0..TRACES).map(one).collect());
    }
}

/// How many spans of each trace have arrived.
fn arrived(sink: &Sink) -> BTreeMap<Vec<u8>, usize> {
    let mut spans = BTreeMap::new();
    for request in sink.received() {
        assert!(request.payload.len() < REQUEST_MAX);
        let request = ExportTraceServiceRequest::decode(request.payload).unwrap();
        let scopes = request
            .resource_spans
            .into_iter()
            .flat_map(|resource| resource.scope_spans);
        for span in scopes.flat_map(|scope| scope.spans) {
            *spans.entry(span.trace_id).or_default() += 1;
        }
    }
    spans
}

#[test]
fn one_giant_trace_among_others_costs_them_nothing_and_is_named() {
    // A little more than may wait; at night a million.
    let rounds: u8 = nightly(11, 100);
    let sink = load::keeping_sink();
    let service = Service::start(&SAMPLED.replace("SINK", &sink.address().to_string()));
    for round in 0..rounds {
        send_others(&service, round, 0..PARTS / 2);
        let mut giant = vec![span(GIANT, false); CHUNK];
        giant[0] = span(GIANT, round == 0);
        send(&service, giant);
        send_others(&service, round, PARTS / 2..PARTS);
    }
    let giant = usize::from(rounds) * CHUNK;
    let others = usize::from(rounds) * usize::from(TRACES / 2 * PARTS);
    load::arrived(&sink, (giant + others) as u64);
    let all = u64::from(rounds) * u64::from(TRACES) + 1;
    let removal_age = "otelcol_processor_tail_sampling_sampling_trace_removal_age";
    let page = || service.page();
    let removed = || page().sum(&format!("{removal_age}_count"), &[]) == all;
    assert_eq!(clock::poll(PATIENCE, || removed().then_some(())), Some(()));

    let mut spans = arrived(&sink);
    assert_eq!(spans.remove(&GIANT[..]), Some(giant), "an error began it");
    for round in 0..rounds {
        for trace in (0..TRACES).filter(|trace| is_kept(*trace)) {
            let spans = spans.remove(&trace_id(round, trace)[..]);
            assert_eq!(spans, Some(usize::from(PARTS)), "{round} {trace}");
        }
    }
    assert!(spans.is_empty(), "{spans:?}");
    let page = page();
    assert_eq!(page.sum("tracegate_tail_sampling_giant_traces", &[]), 1);
    for others in ["traces_decided_early", "late_error_spans"] {
        let family = format!("tracegate_tail_sampling_{others}");
        assert_eq!(page.sum(&family, &[]), 0, "{others}");
    }
    let in_time = page.sum(&format!("{removal_age}_bucket"), &["le=\"5\""]);
    assert_eq!(in_time, all, "decided at their time or sooner");
    let line = service.logs("has more spans than may wait");
    assert!(line.contains(&"ee".repeat(16)), "{line}");
    service.stop();
}
