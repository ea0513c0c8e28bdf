//! A Go Collector as agent before us, and as gateway behind us.

use std::net::SocketAddr;
use std::time::Duration;

use benches::generator::Options;
use benches::process::{Collector, Launch};
use benches::sink::Sink;
use benches::{Acked, Protocol};

use super::{built, free_address};
use crate::rig::{PATIENCE, Service, load};

const READY: &str = "Everything is ready";

/// The Go Collector: whatever it is told to do between its receiver and this destination.
const GO: &str = "\
receivers: {otlp: {protocols: {grpc: {endpoint: 'LISTEN'}}}}
processors:
  batch: {send_batch_size: 8192, timeout: 200ms}
  memory_limiter: {check_interval: 100ms, limit_mib: LIMIT, spike_limit_mib: 1}
exporters:
  otlp:
    endpoint: DESTINATION
    compression: none
    tls: {insecure: true}
    retry_on_failure: {initial_interval: 100ms, max_interval: 500ms}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], processors: [PROCESSORS], exporters: [otlp]}}
";

/// Our own part, with the same batches.
const OURS: &str = "\
receivers: {otlp: {protocols: {grpc: {endpoint: 'LISTEN'}}}}
processors: {batch: {send_batch_size: 8192, timeout: 200ms}}
exporters:
  otlp:
    endpoint: DESTINATION
    compression: none
    tls: {insecure: true}
    retry_on_failure: {initial_interval: 100ms, max_interval: 500ms}
service: {pipelines: {traces: {receivers: [otlp], processors: [batch], exporters: [otlp]}}}
";

/// Enough heap for anything here, and less than a Go program has at its start.
const ROOMY: u64 = 2048;
const NO_ROOM: u64 = 2;

fn go(processors: &str, limit_mib: u64, listen: SocketAddr, to: SocketAddr) -> Collector {
    let yaml = GO
        .replace("LISTEN", &listen.to_string())
        .replace("DESTINATION", &to.to_string())
        .replace("LIMIT", &limit_mib.to_string())
        .replace("PROCESSORS", processors);
    let process = Collector::start(&Launch::new(built("otelcol/otelcol")), &yaml).unwrap();
    process.wait_line(READY, PATIENCE).unwrap();
    process
}

fn ours(listen: SocketAddr, to: SocketAddr) -> Service {
    let yaml = OURS
        .replace("LISTEN", &listen.to_string())
        .replace("DESTINATION", &to.to_string());
    Service::start(&yaml)
}

/// Stops a Collector as Kubernetes does, so that it brings away what it holds.
fn stop(mut collector: Collector) {
    collector.terminate().unwrap();
    let status = collector.wait_exit(PATIENCE).unwrap();
    assert!(status.success(), "{status}: {:?}", collector.lines());
}

/// Ten thousand spans a second for so long, by clients that come back.
fn begin(target: SocketAddr, length: Duration) -> load::Running {
    load::begin(Options {
        target,
        protocol: Protocol::Grpc,
        connections: 4,
        in_flight: 4,
        items: 512,
        rate: 10_000.0,
        duration: length,
        record: true,
        persist: true,
        ..Options::default()
    })
}

/// Everything acknowledged has arrived; whoever tried again may have sent it twice.
fn nothing_lost(sink: &Sink, acked: &[Acked]) {
    assert!(acked.len() > 10, "only {} requests", acked.len());
    let verdict = load::all_arrived(sink, acked);
    assert_eq!((verdict.lost, verdict.invented), (0, 0), "{verdict}");
}

const LENGTH: Duration = Duration::from_secs(10);

#[test]
#[ignore = "needs a Go Collector: tests/neighbours/run"]
fn an_agent_before_us_loses_nothing_while_we_restart() {
    let (sink, listen, at) = (load::sink(), free_address(), free_address());
    let service = ours(at, sink.address());
    let agent = go("memory_limiter, batch", ROOMY, listen, at);
    let running = begin(listen, LENGTH);
    load::arrived(&sink, 20_000);
    service.stop();
    let service = ours(at, sink.address());
    load::arrived(&sink, 60_000);
    let report = running.report();
    stop(agent);
    nothing_lost(&sink, &report.acked);
    service.stop();
}

#[test]
#[ignore = "needs a Go Collector: tests/neighbours/run"]
fn a_gateway_behind_us_with_its_defaults_takes_all_that_we_batch() {
    // Our batches are about the 4 MiB that it takes by default.
    let (sink, listen, at) = (load::sink(), free_address(), free_address());
    let gateway = go("batch", ROOMY, at, sink.address());
    let service = ours(listen, at);
    let report = begin(listen, LENGTH).report();
    assert_eq!(report.refusals(), 0, "{:?}", report.refused);
    let ended = service.stop();
    assert_eq!(ended.account.spans("exporter", "otlp").dropped, 0);
    stop(gateway);
    nothing_lost(&sink, &report.acked);
}

#[test]
#[ignore = "needs a Go Collector: tests/neighbours/run"]
fn a_gateway_behind_us_may_restart() {
    let (sink, listen, at) = (load::sink(), free_address(), free_address());
    let gateway = go("memory_limiter, batch", ROOMY, at, sink.address());
    let service = ours(listen, at);
    let running = begin(listen, LENGTH);
    load::arrived(&sink, 20_000);
    stop(gateway);
    let gateway = go("memory_limiter, batch", ROOMY, at, sink.address());
    let report = running.report();
    service.stop();
    stop(gateway);
    nothing_lost(&sink, &report.acked);
}

#[test]
#[ignore = "needs a Go Collector: tests/neighbours/run"]
fn a_gateway_behind_us_may_refuse_for_want_of_memory() {
    let (sink, listen, at) = (load::sink(), free_address(), free_address());
    let gateway = go("memory_limiter, batch", NO_ROOM, at, sink.address());
    let service = ours(listen, at);
    let running = begin(listen, LENGTH);
    service.logs("Will retry the request after interval");
    assert_eq!(sink.counts().items(), 0, "its limiter let something in");
    stop(gateway);
    let gateway = go("memory_limiter, batch", ROOMY, at, sink.address());
    let report = running.report();
    service.stop();
    stop(gateway);
    nothing_lost(&sink, &report.acked);
}
