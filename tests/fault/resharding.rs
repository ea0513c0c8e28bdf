//! Other policies and other numbers of shards for a tail sampler that runs: its traces wait on, find their new homes,
//! and are decided whole and at their time.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use benches::clock;
use benches::sink::Sink;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use prost::Message;

use super::NOWHERE;
use crate::rig::{PATIENCE, Service, http1, load, nightly, requests};

/// Policies that keep the traces with an error, and what tells them apart in other places each time.
const POLICIES: [&str; 4] = [
    "{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}",
    "{name: none, type: string_attribute, string_attribute: {key: none, values: [none]}}, \
     {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}",
    "{name: failed, type: ottl_condition, \
     ottl_condition: {span: ['status.code == STATUS_CODE_ERROR']}}, \
     {name: late, type: latency, latency: {threshold_ms: 100000}}",
    "{name: both, type: and, and: {and_sub_policy: [\
     {name: some, type: span_count, span_count: {min_spans: 4}}, \
     {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}]}}",
];

/// The number of shards after each reload.
const SHARDS: [u32; 20] = [1, 2, 2, 3, 3, 1, 1, 2, 4, 4, 1, 5, 2, 2, 1, 3, 3, 2, 1, 2];

/// Spans of each trace, sent apart, over two connections.
const PARTS: u64 = 4;

const CLIENTS: u64 = 2;

/// Between two requests of a client. The parts of a trace are so many requests apart that it is whole well before its
/// decision.
const PAUSE: Duration = Duration::from_millis(20);

/// How long traces wait, how far apart their parts are sent, how many begin in each request, and how many spans come in
/// between two reloads.
#[derive(Clone, Copy)]
struct Rhythm {
    wait: Duration,
    apart: u64,
    traces: u64,
    between: u64,
}

fn yaml(grpc: SocketAddr, http: SocketAddr, sink: &Sink, turn: usize, wait: Duration) -> String {
    let back_end = sink.address();
    let policies = POLICIES[turn % POLICIES.len()];
    let shards = SHARDS[turn % SHARDS.len()];
    let wait = wait.as_millis();
    format!(
        "\
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '{grpc}'}}, http: {{endpoint: '{http}'}}}}}}}}
processors:
  tail_sampling:
    decision_wait: {wait}ms
    num_traces: 2000000
    num_shards: {shards}
    policies: [{policies}]
  batch: {{timeout: 10ms}}
exporters: {{otlp_grpc: {{endpoint: {back_end}, compression: none, tls: {{insecure: true}}}}}}
service:
  telemetry: {{logs: {{sampling: {{enabled: false}}}}}}
  pipelines: {{traces: {{receivers: [otlp], processors: [tail_sampling, batch], exporters: [otlp_grpc]}}}}
"
    )
}

/// The span of a part. Every fifth trace has an error, in its first.
fn span((round, number): (u64, u64), part: u64) -> Span {
    let mut trace_id = vec![0; 16];
    trace_id[..8].copy_from_slice(&(round + 1).to_be_bytes());
    trace_id[8..].copy_from_slice(&number.to_be_bytes());
    let is_error = number.is_multiple_of(5) && part == 0;
    Span {
        trace_id,
        span_id: (part + 1).to_be_bytes().to_vec(),
        start_time_unix_nano: clock::unix_nanos(),
        end_time_unix_nano: clock::unix_nanos(),
        status: is_error.then(|| Status {
            code: 2,
            ..Status::default()
        }),
        ..requests::named("part")
    }
}

/// Sends as client `own` until told to end, and then what is missing. The number of rounds in which traces began.
fn send(http: SocketAddr, own: u64, rhythm: Rhythm, over: &AtomicBool) -> u64 {
    let mut connections = [(); 2].map(|()| http1::Connection::open(http));
    let (mut round, mut rounds) = (0, u64::MAX);
    while round < rounds.saturating_add((PARTS - 1) * rhythm.apart) {
        if rounds == u64::MAX && over.load(Ordering::Relaxed) {
            rounds = round;
        }
        for (connection, odd) in connections.iter_mut().zip(0..) {
            let parts = (0..PARTS).filter(|part| part % 2 == odd);
            let begun = |part| Some((part, round.checked_sub(part * rhythm.apart)?));
            let parts = parts.filter_map(begun).filter(|(_, begun)| *begun < rounds);
            let spans = parts.flat_map(|(part, begun)| {
                numbers(own, rhythm).map(move |number| span((begun, number), part))
            });
            let body = requests::spans(spans.collect()).encode_to_vec();
            connection.send(&http1::post("/v1/traces", &body)).unwrap();
            assert_eq!(connection.reply().unwrap().status, 200);
        }
        clock::pause(PAUSE);
        round += 1;
    }
    rounds
}

/// The traces that a client begins in each round.
fn numbers(own: u64, rhythm: Rhythm) -> impl Iterator<Item = u64> {
    (0..rhythm.traces).map(move |at| own + CLIENTS * at)
}

#[test]
fn twenty_changes_of_policies_and_shards_split_no_trace_and_decide_none_early() {
    let at_night = nightly(Duration::ZERO, Duration::from_secs(1)) > Duration::ZERO;
    let rhythm = match at_night {
        // 50,000 spans a second, so that half a million wait.
        true => Rhythm {
            wait: Duration::from_secs(10),
            apart: 50,
            traces: 125,
            between: 100_000,
        },
        false => Rhythm {
            wait: Duration::from_secs(3),
            apart: 5,
            traces: 10,
            between: 300,
        },
    };
    let sink = load::keeping_sink();
    let mut service = Service::start(&yaml(NOWHERE, NOWHERE, &sink, 0, rhythm.wait));
    let (grpc, http) = (service.grpc(), service.http());
    // From here on the receiver stays as it is, and with it the connections.
    service.rewrite(&yaml(grpc, http, &sink, 0, rhythm.wait));
    service.reload().unwrap();
    let over = AtomicBool::new(false);
    let rounds = std::thread::scope(|scope| {
        let over = &over;
        let clients = (0..CLIENTS).map(|own| scope.spawn(move || send(http, own, rhythm, over)));
        let clients: Vec<_> = clients.collect();
        for turn in 1..=SHARDS.len() {
            let taken = received(&service);
            let more = || (received(&service) > taken + rhythm.between).then_some(());
            assert_eq!(
                clock::poll(PATIENCE, more),
                Some(()),
                "nothing more comes in"
            );
            check_in_time(&service);
            service.rewrite(&yaml(grpc, http, &sink, turn, rhythm.wait));
            service.reload().unwrap();
        }
        over.store(true, Ordering::Relaxed);
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect::<Vec<_>>()
    });
    let all: u64 = rounds.iter().map(|rounds| rounds * rhythm.traces).sum();
    let decided = || {
        let page = service.page();
        let sent = page.sum("otelcol_exporter_sent_spans", &[]);
        let settled = sent + page.sum("tracegate_items_dropped_total", &["reason=\"not_sampled\""]);
        (settled == PARTS * all).then_some(())
    };
    assert_eq!(
        clock::poll(PATIENCE, decided),
        Some(()),
        "{} of {all}",
        received(&service)
    );
    check_in_time(&service);
    service.stop();
    let kept = check_arrived(&sink, rhythm.wait);
    let with_error = |own| numbers(own, rhythm).filter(|number| number.is_multiple_of(5));
    let expected = (0..).zip(&rounds);
    let expected = expected.map(|(own, rounds)| rounds * with_error(own).count() as u64);
    assert_eq!(kept as u64, expected.sum::<u64>());
}

fn received(service: &Service) -> u64 {
    let receiver = ["kind=\"receiver\""];
    service.page().sum("tracegate_items_in_total", &receiver)
}

/// No span was late, no trace made room for another, and nothing was refused.
fn check_in_time(service: &Service) {
    let page = service.page();
    for family in [
        "otelcol_processor_tail_sampling_early_releases_from_cache_decision",
        "tracegate_tail_sampling_traces_decided_early",
        "otelcol_processor_tail_sampling_sampling_trace_dropped_too_early",
    ] {
        assert_eq!(page.sum(family, &[]), 0, "{family}");
    }
}

/// Every trace came whole, once, and not before its time; how many came.
fn check_arrived(sink: &Sink, wait: Duration) -> usize {
    let mut parts: HashMap<Vec<u8>, Vec<u64>> = HashMap::new();
    for export in sink.received() {
        let request = ExportTraceServiceRequest::decode(export.payload.clone()).unwrap();
        let resources = request.resource_spans.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        for span in scopes.flat_map(|scope| scope.spans) {
            let part = u64::from_be_bytes(span.span_id.try_into().unwrap()) - 1;
            if part == 0 {
                let waited = export.unix_nanos.saturating_sub(span.start_time_unix_nano);
                assert!(Duration::from_nanos(waited) >= wait, "{waited} ns");
            }
            parts.entry(span.trace_id).or_default().push(part);
        }
    }
    for (trace, parts) in &mut parts {
        parts.sort_unstable();
        assert_eq!(*parts, (0..PARTS).collect::<Vec<_>>(), "{trace:?}");
    }
    parts.len()
}
