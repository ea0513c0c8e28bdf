//! Exemplars of metrics that are taken before the sampling: a click on one must lead to a trace that is there.

use std::collections::BTreeSet;

use benches::clock;
use benches::sink::Sink;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use prost::Message;

use crate::rig::example;
use crate::rig::load::keeping_sink;
use crate::rig::{PATIENCE, Service, http1, requests};

/// The configuration is that of the gallery: what failed is kept, and a tenth of the rest.
const YAML: &str = include_str!("../../examples/05-red-metrics/collector.yaml");

/// In each request, of one span each. One of fifty fails.
const TRACES: u64 = 50;

/// What must have been shown, so that what is said of all of them says something.
const SHOWN_MIN: usize = 20;

type TraceId = [u8; 16];

/// A service, its back end for traces, and what was shown of it.
struct Bench {
    service: Service,
    back_end: Sink,
    sent: u64,
    /// Of exemplars of series without an error, and of those with one.
    shown: [BTreeSet<TraceId>; 2],
}

impl Bench {
    /// With this to set beside the ports and what makes it quick.
    fn start(yaml: &str, set: &[&str]) -> Self {
        let back_end = keeping_sink();
        let endpoint = format!("exporters.otlp_grpc.endpoint={}", back_end.address());
        let quick = [
            "exporters.prometheus.endpoint=127.0.0.1:0",
            "connectors.span_metrics.metrics_flush_interval=200ms",
            "processors.tail_sampling.decision_wait=1s",
            &endpoint,
        ];
        Self {
            service: example::start(yaml, &[&quick, set].concat()),
            back_end,
            sent: 0,
            shown: Default::default(),
        }
    }

    fn send(&mut self) {
        let spans = (0..TRACES).map(|at| span(self.sent + at)).collect();
        self.sent += TRACES;
        let body = requests::spans(spans).encode_to_vec();
        let reply = http1::exchange(self.service.http(), &http1::post("/v1/traces", &body));
        assert_eq!(reply.status, 200);
    }

    /// Notes the traces that the page shows now.
    fn look(&mut self) {
        let accept = [("accept", "application/openmetrics-text;version=1.0.0")];
        let request = http1::request("GET", "/metrics", &accept, b"");
        let page = http1::exchange(self.service.extension("prometheus"), &request).text();
        for line in page.lines() {
            let Some((_, exemplar)) = line.split_once(" # {") else {
                continue;
            };
            let (_, id) = exemplar.split_once("trace_id=\"").unwrap();
            let id = u128::from_str_radix(id.split('"').next().unwrap(), 16).unwrap();
            let is_error = line.contains("STATUS_CODE_ERROR");
            self.shown[usize::from(is_error)].insert(id.to_be_bytes());
        }
    }

    /// Sends and looks until enough has been seen of both kinds, and then until all that was kept has arrived.
    fn run(&mut self) {
        let more = || {
            self.send();
            self.look();
            let is_enough = self.shown.iter().all(|shown| shown.len() >= SHOWN_MIN);
            is_enough.then_some(())
        };
        clock::poll(4 * PATIENCE, more).unwrap();
        let decided = || {
            let page = self.service.page();
            let family = "otelcol_processor_tail_sampling_global_count_traces_sampled";
            (page.sum(family, &[]) == self.sent).then(|| page.sum(family, &["sampled=\"true\""]))
        };
        let kept = clock::poll(PATIENCE, decided).unwrap();
        let arrived = self
            .back_end
            .wait(PATIENCE, |counts| counts.items() == kept);
        arrived.unwrap();
    }

    /// The traces that have arrived.
    fn arrived(&self) -> BTreeSet<TraceId> {
        let mut ids = BTreeSet::new();
        for received in self.back_end.received() {
            let request = ExportTraceServiceRequest::decode(received.payload).unwrap();
            let resources = request.resource_spans.iter();
            let spans = resources
                .flat_map(|resource| &resource.scope_spans)
                .flat_map(|scope| &scope.spans);
            ids.extend(spans.map(|span| TraceId::try_from(&*span.trace_id).unwrap()));
        }
        ids
    }
}

fn span(number: u64) -> Span {
    // Odd, so that no two are alike, and large, so that the bits are mixed.
    let factor = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    let id = u128::from(number + 1).wrapping_mul(factor).to_be_bytes();
    // Each operation has candidates of its own.
    let span = requests::named(&format!("GET /cart/{}", number % 10));
    let code = if number.is_multiple_of(TRACES) { 2 } else { 0 };
    Span {
        trace_id: id.to_vec(),
        kind: 2,
        end_time_unix_nano: span.start_time_unix_nano + (1 + number % 30) * 1_000_000,
        status: Some(Status {
            code,
            ..Status::default()
        }),
        ..span
    }
}

fn check_all_are_there(set: &[&str]) {
    let mut bench = Bench::start(YAML, set);
    bench.run();
    let arrived = bench.arrived();
    assert!((arrived.len() as u64) < bench.sent / 4, "few are kept");
    for (shown, what) in bench.shown.iter().zip(["well", "failed"]) {
        let lost: Vec<_> = shown.difference(&arrived).collect();
        assert!(lost.is_empty(), "{what}: {} of {}", lost.len(), shown.len());
    }
    let page = bench.service.page();
    let asked = |verdict| page.sum("tracegate_span_metrics_exemplar_traces", &[verdict]);
    assert!(asked("verdict=\"dropped\"") > 0 && asked("verdict=\"kept\"") > 0);
    assert_eq!(asked("verdict=\"unknown\""), 0);
    bench.service.stop();
}

#[test]
fn every_trace_that_an_exemplar_names_is_in_the_back_end() {
    check_all_are_there(&[]);
}

#[test]
fn so_it_is_where_several_shards_decide() {
    check_all_are_there(&["processors.tail_sampling.num_shards=4"]);
}

#[test]
fn exemplars_that_do_not_wait_are_mostly_of_traces_that_were_dropped() {
    let mut bench = Bench::start(YAML, &["connectors.span_metrics.exemplars.kept_only=false"]);
    bench.run();
    let arrived = bench.arrived();
    let lost = bench.shown[0].difference(&arrived).count();
    assert!(lost > bench.shown[0].len() / 2, "{lost} are lost");
    bench.service.stop();
}

#[test]
fn a_sampler_that_comes_in_a_reload_is_asked_from_then_on() {
    let (receivers, rest) = YAML.split_once("processors: [tail_sampling], ").unwrap();
    let without = format!("{receivers}{rest}");
    let mut bench = Bench::start(&without, &[]);
    bench.send();
    let shown = || {
        bench.look();
        (!bench.shown[0].is_empty()).then_some(())
    };
    clock::poll(PATIENCE, shown).unwrap();
    bench.service.rewrite(YAML);
    bench.service.reload().unwrap();
    // All that were sent so far have arrived; from now on those are shown that are kept.
    let before = bench.sent;
    let all = bench
        .back_end
        .wait(PATIENCE, |counts| counts.items() == before);
    all.unwrap();
    let kept_later = || {
        bench.send();
        bench.look();
        let arrived = bench.arrived();
        let later = (before..bench.sent).map(|number| span(number).trace_id);
        let later: BTreeSet<TraceId> = later.map(|id| id.try_into().unwrap()).collect();
        let shown = bench.shown[0].intersection(&later).count();
        (shown > 3 && bench.shown[0].is_subset(&arrived)).then_some(())
    };
    clock::poll(PATIENCE, kept_later).unwrap();
    // The books of the sampler began later than those before it, so that they are not compared.
}

#[test]
fn who_insists_where_nothing_samples_is_told_what_to_do() {
    let yaml = YAML
        .replace("processors: [tail_sampling], ", "")
        .replace("{enabled: true}", "{enabled: true, kept_only: true}");
    let (code, said) = crate::rig::failed_start(&yaml);
    assert_eq!(code, Some(1));
    for words in [
        "exemplars::kept_only",
        "nothing decides which traces of receiver `otlp` are kept",
        "name the same receiver in a pipeline with `tail_sampling`",
    ] {
        assert!(said.contains(words), "{said}");
    }
}
