//! What a span costs in `tail_sampling`, all in, how much memory it takes while it waits, and how much more two shards
//! do than one, by the CPU clock of each thread and with simulated time:
//! `cargo bench -p processors --bench tail_sampling`.
//!
//! 50,000 spans a second in requests of 512, traces of 10 spans in three requests, a wait of 10 s and four policies
//! that keep about an eighth.

use std::io::{self, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use config::Faults;
use otlp::Signal;
use otlp::wire::{put_fixed64, put_len, put_uint};
use pipeline::component::{Host, Outbox, Processor};
use pipeline::testkit::bench::{attribute, cpu_nanos, text};
use pipeline::{Batch, Chunk, Now, Sender, Shards, testkit};

const RATE: u64 = 50_000;
const SPANS: u64 = 512;
const TRACE_SPANS: u64 = 10;
/// Requests over which a trace is spread, and the traces in them.
const SPREAD: u64 = 3;
const TRACES: u64 = SPANS * SPREAD / TRACE_SPANS;
/// The wait is over several times, so that memory is used again.
const SECONDS: u64 = 60;

const YAML: &str = "
processors:
  tail_sampling:
    decision_wait: 10s
    num_traces: 200000
    policies:
    - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
    - {name: slow, type: latency, latency: {threshold_ms: 1500}}
    - {name: platinum, type: string_attribute, string_attribute: {key: customer.tier, values: [platinum]}}
    - {name: baseline, type: probabilistic, probabilistic: {sampling_percentage: 10}}
";

fn main() -> io::Result<()> {
    let one = measure(1)?;
    let two = measure(2)?;
    let spans = one.spans as f64;
    let slowest = |runs: &[Run]| runs.iter().map(|run| run.nanos).max().unwrap_or(1) as f64;
    let kept: u64 = one.runs.iter().map(|run| run.kept).sum();
    writeln!(
        io::stdout(),
        "{:.0} ns a span, {:.0} bytes a pending span, {:.1} % kept; two shards do {:.2} times as much",
        slowest(&one.runs) / spans,
        one.bytes as f64 / (10 * RATE) as f64,
        kept as f64 / spans * 100.0,
        slowest(&one.runs) / slowest(&two.runs),
    )
}

struct Measured {
    /// By shard.
    runs: Vec<Run>,
    spans: u64,
    /// Of the budget, at the end.
    bytes: u64,
}

/// All traces among so many shards, on as many threads at a time.
fn measure(shards: usize) -> io::Result<Measured> {
    let host = testkit::host(
        ledger::Kind::Processor,
        "tail_sampling",
        Some(Signal::Traces),
    );
    let shards = Shards::new(shards);
    let runs = thread::scope(|scope| {
        let begin = |own| {
            scope.spawn({
                let host = &host;
                move || run(host, shards, own)
            })
        };
        let threads: Vec<_> = (0..shards.count()).map(begin).collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        let ended = ended.map(|ended| ended.map_err(|_| io::Error::other("a shard has failed"))?);
        ended.collect::<io::Result<Vec<_>>>()
    })?;
    Ok(Measured {
        spans: runs.first().map_or(0, |(_, spans, _)| *spans),
        bytes: runs.iter().map(|(_, _, bytes)| *bytes).max().unwrap_or(0),
        runs: runs.into_iter().map(|(run, _, _)| run).collect(),
    })
}

/// One shard's part of all requests, which are divided before its time counts; how many spans all have, and the bytes
/// of the budget at the end.
fn run(host: &Host, shards: Shards, own: usize) -> io::Result<(Run, u64, u64)> {
    let Some(mut processor) = build(host, shards) else {
        return Err(io::Error::other("the configuration is faulty"));
    };
    let mut run = Run::default();
    let (mut requests, mut next) = (0, 0);
    for second in 0..SECONDS {
        while requests * SPANS < (second + 1) * RATE {
            let now = Duration::from_micros(requests * SPANS * 1_000_000 / RATE);
            let batch = part(request(requests), shards, own);
            run.step(|out| processor.process(batch, Now::at(now), out));
            while let Some(due) = processor.deadline().filter(|due| *due <= now) {
                run.step(|out| processor.tick(Now::at(due), out));
            }
            requests += 1;
        }
        // From here on memory is only used again.
        if second == 20 {
            next = requests;
            run = Run::default();
        }
    }
    Ok((run, (requests - next) * SPANS, host.budget.used()))
}

/// What one shard is given of a request.
fn part(body: Vec<u8>, shards: Shards, own: usize) -> Batch {
    let body = Bytes::from(body);
    if shards.count() == 1 {
        return Batch::new(Signal::Traces, body, SPANS);
    }
    let divided = otlp::divide(&body, shards.count(), |id| shards.of(id));
    let selection = divided.into_iter().nth(own).unwrap_or_default();
    let mut batch = Batch::empty(Signal::Traces);
    batch.push(Chunk {
        items: selection.len() as u64,
        bytes: body,
        share: None,
        sender: Sender::default(),
        selection: Some(Arc::new(selection)),
    });
    batch
}

#[derive(Default)]
struct Run {
    nanos: u64,
    kept: u64,
    out: Outbox,
}

impl Run {
    fn step(&mut self, step: impl FnOnce(&mut Outbox)) {
        let start = cpu_nanos();
        step(&mut self.out);
        self.kept += self.out.drain().map(|batch| batch.items()).sum::<u64>();
        self.out.drain_dropped().for_each(drop);
        self.nanos += cpu_nanos() - start;
    }
}

fn build(host: &Host, shards: Shards) -> Option<Box<dyn Processor>> {
    let mut faults = Faults::default();
    let count = format!("num_shards: {}\n    num_traces", shards.count());
    let document = testkit::document(&YAML.replace("num_traces", &count), &mut faults)?;
    let component = document.processors.iter().next()?;
    let row = processors::ALL
        .iter()
        .find(|row| row.is_called("tail_sampling"))?;
    let planned = (row.plan)(component, &mut faults)?;
    (planned.build.make)(host).ok()
}

/// A request, the spans of which belong to other traces each time.
fn request(number: u64) -> Vec<u8> {
    let mut resource = Vec::new();
    for (key, value) in [
        ("service.name", "checkout"),
        ("service.namespace", "shop"),
        ("service.version", "2.14.3"),
        (
            "service.instance.id",
            "627cc493-f310-47de-96bd-71410b7dec04",
        ),
        ("telemetry.sdk.name", "opentelemetry"),
        ("telemetry.sdk.language", "rust"),
        ("host.name", "node-4"),
        ("k8s.pod.name", "checkout-7d9f8c6b5-00004"),
    ] {
        put_len(&mut resource, 1, &attribute(key, &text(value)));
    }
    let mut scope = Vec::new();
    put_len(&mut scope, 1, b"io.example.lib");
    put_len(&mut scope, 2, b"1.2.3");
    let mut scope_spans = Vec::new();
    put_len(&mut scope_spans, 1, &scope);
    for at in 0..SPANS {
        let global = number % SPREAD * SPANS + at;
        let trace = number / SPREAD * TRACES + global % TRACES;
        put_len(&mut scope_spans, 2, &span(trace, global / TRACES, at));
    }
    let mut resource_spans = Vec::new();
    put_len(&mut resource_spans, 1, &resource);
    put_len(&mut resource_spans, 2, &scope_spans);
    let mut request = Vec::new();
    put_len(&mut request, 1, &resource_spans);
    request
}

fn span(trace: u64, nth: u64, at: u64) -> Vec<u8> {
    let mut span = Vec::with_capacity(600);
    // Ids are as good as random, and the same in every run.
    let mixed = (u128::from(trace) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    put_len(&mut span, 1, &(mixed ^ mixed >> 71).to_be_bytes());
    put_len(&mut span, 2, &(trace << 8 | nth).to_be_bytes());
    if nth > 0 {
        put_len(&mut span, 4, &[7; 8]);
    }
    put_len(
        &mut span,
        5,
        format!("GET /api/v1/items/{}", at % 40).as_bytes(),
    );
    put_uint(&mut span, 6, 1 + at % 5);
    let start = 1_700_000_000_000_000_000 + trace * 1000;
    let millis = if trace % 100 == 1 { 2000 } else { 20 + at % 50 };
    put_fixed64(&mut span, 7, start);
    put_fixed64(&mut span, 8, start + millis * 1_000_000);
    let mut number = Vec::new();
    put_uint(&mut number, 3, 40_000 + at);
    let tier = if at.is_multiple_of(10) {
        "gold"
    } else {
        "standard"
    };
    for (key, value) in [
        ("http.request.method", text("GET")),
        ("url.scheme", text("https")),
        ("url.path", text(&format!("/api/v1/items/{}", at * 7))),
        ("server.address", text("shop.example.internal")),
        ("http.response.status_code", number.clone()),
        (
            "user_agent.original",
            text("Mozilla/5.0 (X11; Linux x86_64)"),
        ),
        ("network.peer.port", number),
        ("cached", vec![0x10, 1]),
        ("thread.name", text("worker-thread-03")),
        ("customer.tier", text(tier)),
    ] {
        put_len(&mut span, 9, &attribute(key, &value));
    }
    let mut event = Vec::new();
    put_fixed64(&mut event, 1, start);
    put_len(&mut event, 2, b"cache.lookup");
    put_len(&mut event, 3, &attribute("cache.key", &text("item:1234")));
    put_len(&mut event, 3, &attribute("cache.hit", &[0x10, 1]));
    put_len(&mut span, 11, &event);
    if trace.is_multiple_of(50) && nth == 1 {
        put_len(&mut span, 15, &[0x18, 2]);
    } else if at.is_multiple_of(2) {
        put_len(&mut span, 15, &[0x18, 1]);
    }
    span
}
