//! Five times what the back end takes, from clients that do not wait: memory stays within the
//! limiter's bound, the back end is kept busy, and what was acknowledged arrives.

use std::time::Duration;

use benches::generator::Options;
use benches::sink::Script;
use benches::{Protocol, clock};

use crate::rig::{Service, load, nightly};

const LIMIT_MIB: u64 = 256;

const LIMITED: &str = "\
receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: '127.0.0.1:0'}}}}
processors:
  memory_limiter: {check_interval: 100ms, limit_mib: 256, spike_limit_mib: SPIKE}
  batch: {send_batch_size: BATCH}
exporters: {otlp_grpc: {endpoint: SINK, compression: none, tls: {insecure: true}}}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlp_grpc]}
";

/// Beyond what the limiter lets in: the program itself, and what its sockets and workers hold.
const BESIDE: u64 = 64 << 20;

/// Spans a second that the back end takes. A build without optimisation must not be the bottleneck.
const TAKES: u64 = match cfg!(debug_assertions) {
    true => 4_000,
    false => 50_000,
};

/// The limiter refuses beyond the limit less this; by default it is a fifth. A short run must come
/// to it too.
const SPIKE_MIB: u64 = match cfg!(debug_assertions) {
    true => 253,
    false => LIMIT_MIB / 5,
};

/// As long a time in batches for either speed; by default a batch is 8192 spans.
const BATCH: u64 = TAKES / 6;

/// Spans of one request.
const ITEMS: usize = match cfg!(debug_assertions) {
    true => 50,
    false => 512,
};

const OFFERED: f64 = 5.0 * TAKES as f64;

/// Until the queue is full and clients are held back.
const RAMP: Duration = Duration::from_secs(1);

fn overloaded(protocol: Protocol) -> String {
    let length = nightly(Duration::from_secs(4), Duration::from_secs(60));
    let sink = load::sink();
    sink.script(Script::default().slowed(TAKES));
    let yaml = LIMITED.replace("SINK", &sink.address().to_string());
    let yaml = yaml.replace("BATCH", &BATCH.to_string());
    let service = Service::start(&yaml.replace("SPIKE", &SPIKE_MIB.to_string()));
    let running = load::begin(Options {
        requests: None,
        duration: RAMP + length,
        connections: 8,
        in_flight: 8,
        items: ITEMS,
        rate: OFFERED,
        open: true,
        ..load::load(&service, protocol, 0)
    });
    let began = clock::now();
    let ramped = sink.wait(RAMP, |_| began.elapsed() >= RAMP);
    let before = ramped.unwrap_or_else(|counts| counts).items();
    let measured = clock::now();
    while !running.is_over() && measured.elapsed() < length {
        // Whatever arrives, or a moment in which nothing does.
        let seen = sink.counts().items();
        let _ = sink.wait(Duration::from_millis(50), |counts| counts.items() > seen);
    }
    let taken = sink.counts().items() - before;
    let goodput = taken as f64 / measured.elapsed().as_secs_f64() / TAKES as f64;
    let report = running.report();
    let usage = service.usage();

    let verdict = load::all_arrived(&sink, &report.acked);
    assert_eq!((verdict.lost, verdict.invented), (0, 0), "{verdict}");
    let story = format!(
        "{protocol:?}: goodput {:.1} %, peak {} MiB, {} requests taken, refused {:?}",
        goodput * 100.0,
        usage.peak >> 20,
        report.requests,
        report.refused
    );
    assert!(goodput >= 0.9, "{story}");
    assert!(usage.peak <= (LIMIT_MIB << 20) + BESIDE, "{story}");
    // Of senders that wait for their answers, as those over HTTP/1.1 must, nobody needs to be refused.
    let offered = OFFERED * (RAMP + length).as_secs_f64();
    assert!(
        report.items as f64 <= offered / 2.0,
        "that was no overload: {story}"
    );
    if protocol == Protocol::Grpc {
        assert!(report.refusals() > 0, "there was room for all: {story}");
    }
    sink.script(Script::default());
    let ended = service.stop();
    let exporter = ended.account.spans("exporter", "otlp_grpc");
    assert_eq!(exporter.dropped, 0, "{story}");
    story
}

#[test]
fn five_times_what_the_back_end_takes_over_grpc() {
    println!("{}", overloaded(Protocol::Grpc));
}

#[test]
fn five_times_what_the_back_end_takes_over_http() {
    println!("{}", overloaded(Protocol::Http));
}
