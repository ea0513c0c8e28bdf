//! What a span costs in `span_metrics`, by the CPU time of one thread:
//! `cargo bench -p connectors --bench span_metrics`.
//!
//! Requests of 512 spans with ten attributes each, 40 operations, two dimensions of which one is a number, exponential
//! histograms and exemplars: once from one resource, once from 64, as behind a gateway that batches. Exemplars are
//! taken as they come, or wait for a sampler, who says nothing here.

use std::io::{self, Write};
use std::time::Duration;

use bytes::Bytes;
use config::Faults;
use otlp::Signal;
use otlp::wire::{put_fixed64, put_len, put_uint};
use pipeline::component::{Host, Outbox, Processor, Verdicts};
use pipeline::testkit::bench::{attribute, cpu_nanos, text};
use pipeline::{Batch, Now, testkit};

const SPANS: u64 = 512;
const ROUNDS: u32 = 2_000;

/// Requests until all series are there.
const WARM_UP: u32 = 20;

const YAML: &str = "
connectors:
  span_metrics:
    dimensions: [{name: http.request.method}, {name: http.response.status_code}]
    histogram: {exponential: {max_size: 160}}
    exemplars: {enabled: true}
";

fn main() -> io::Result<()> {
    for (resources, waits) in [(1, false), (1, true), (64, false), (64, true)] {
        let (verdicts, _desk) = testkit::verdicts();
        let Some(mut connector) = build(Some(verdicts).filter(|_| waits)) else {
            return Err(io::Error::other("the configuration is faulty"));
        };
        let body = Bytes::from(request(resources));
        let mut out = Outbox::default();
        let mut start = 0;
        for round in 0..WARM_UP + ROUNDS {
            if round == WARM_UP {
                start = cpu_nanos();
            }
            let now = Now::at(Duration::from_millis(u64::from(round)));
            let batch = Batch::new(Signal::Traces, body.clone(), SPANS);
            connector.process(batch, now, &mut out);
        }
        let nanos = cpu_nanos() - start;
        let spans = u64::from(ROUNDS) * SPANS;
        writeln!(
            io::stdout(),
            "{resources} resources a request, exemplars that {}: {:.0} ns a span",
            if waits { "wait" } else { "do not wait" },
            nanos as f64 / spans as f64
        )?;
    }
    Ok(())
}

fn build(verdicts: Option<Verdicts>) -> Option<Box<dyn Processor>> {
    let mut faults = Faults::default();
    let document = testkit::document(YAML, &mut faults)?;
    let component = document.connectors.iter().next()?;
    let row = connectors::ALL
        .iter()
        .find(|row| row.is_called("span_metrics"))?;
    let planned = (row.plan)(component, &mut faults)?;
    let host = Host {
        verdicts,
        ..testkit::host(
            ledger::Kind::Connector,
            "span_metrics",
            Some(Signal::Traces),
        )
    };
    (planned.build.maker?.make)(&host).ok()
}

fn request(resources: u64) -> Vec<u8> {
    let mut request = Vec::new();
    for at in 0..resources {
        let mut resource = Vec::new();
        let pod = format!("checkout-7d9f8c6b5-{at:05}");
        for (key, value) in [
            ("service.name", "checkout"),
            ("service.namespace", "shop"),
            ("service.version", "2.14.3"),
            ("service.instance.id", pod.as_str()),
            ("telemetry.sdk.name", "opentelemetry"),
            ("telemetry.sdk.language", "rust"),
            ("host.name", "node-4"),
            ("k8s.pod.name", pod.as_str()),
        ] {
            put_len(&mut resource, 1, &attribute(key, &text(value)));
        }
        let mut scope_spans = Vec::new();
        for nth in 0..SPANS / resources {
            put_len(&mut scope_spans, 2, &span(at * SPANS / resources + nth));
        }
        let mut resource_spans = Vec::new();
        put_len(&mut resource_spans, 1, &resource);
        put_len(&mut resource_spans, 2, &scope_spans);
        put_len(&mut request, 1, &resource_spans);
    }
    request
}

fn span(at: u64) -> Vec<u8> {
    let mut span = Vec::new();
    put_len(&mut span, 1, &u128::from(at + 1).to_be_bytes());
    put_len(&mut span, 2, &(at + 1).to_be_bytes());
    let name = format!("GET /api/v1/items/{}", at % 40);
    put_len(&mut span, 5, name.as_bytes());
    put_uint(&mut span, 6, 2);
    let start = 1_700_000_000_000_000_000;
    put_fixed64(&mut span, 7, start);
    put_fixed64(&mut span, 8, start + (20 + at % 50) * 1_000_000);
    let mut status = Vec::new();
    put_uint(
        &mut status,
        3,
        if at.is_multiple_of(100) { 500 } else { 200 },
    );
    let mut port = Vec::new();
    put_uint(&mut port, 3, 40_000 + at);
    for (key, value) in [
        ("http.request.method", text("GET")),
        ("url.scheme", text("https")),
        ("url.path", text(&format!("/api/v1/items/{}", at * 7))),
        ("server.address", text("shop.example.internal")),
        ("http.response.status_code", status),
        ("user_agent.original", text("Mozilla/5.0 (X11; Linux)")),
        ("network.peer.port", port),
        ("cached", vec![0x10, 1]),
        ("thread.name", text("worker-thread-03")),
        ("customer.tier", text("gold")),
    ] {
        put_len(&mut span, 9, &attribute(key, &value));
    }
    span
}
