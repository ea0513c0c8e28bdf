//! Two exporters behind one pipeline, one of them dead.

use std::net::SocketAddr;
use std::time::Duration;

use benches::generator::{Options, Report};
use benches::sink::Sink;
use benches::{Protocol, clock};

use crate::rig::{self, Ended, Service, load};

const TWO: &str = "\
receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}}}}
processors: {batch: {send_batch_size: 50, timeout: 10ms}}
exporters:
  otlp_grpc/one: &exporter
    endpoint: ONE
    compression: none
    tls: {insecure: true}
    retry_on_failure: {initial_interval: 20ms, max_interval: 100ms, max_elapsed_time: 0s}
    sending_queue: {queue_size: 100000}
  otlp_grpc/two: {<<: *exporter, endpoint: TWO, sending_queue: QUEUE}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [batch], exporters: [otlp_grpc/one, otlp_grpc/two]}
";

fn start(one: SocketAddr, two: SocketAddr, queue: &str) -> Service {
    let yaml = TWO
        .replace("ONE", &one.to_string())
        .replace("TWO", &two.to_string())
        .replace("QUEUE", queue);
    Service::start(&yaml)
}

fn steady(service: &Service) -> Options {
    Options {
        requests: None,
        rate: 5000.0,
        duration: rig::nightly(Duration::from_secs(2), Duration::from_secs(60)),
        ..load::load(service, Protocol::Grpc, 0)
    }
}

/// Runs the steady load while `two` is open or not.
fn run(two_is_dead: bool) -> (Report, Service, [Sink; 2]) {
    let sinks = [load::sink(), load::sink()];
    let [one, two] = &sinks;
    if two_is_dead {
        two.close().unwrap();
    }
    let service = start(one.address(), two.address(), "{queue_size: 100000}");
    let report = load::run(steady(&service));
    assert_eq!(report.refusals(), 0, "{:?}", report.refused);
    (report, service, sinks)
}

#[test]
fn a_dead_sibling_neither_delays_the_healthy_exporter_nor_loses_what_its_queue_holds() {
    let (alone, service, sinks) = run(false);
    sinks
        .iter()
        .for_each(|sink| drop(load::all_arrived(sink, &alone.acked)));
    service.stop();

    let (report, service, [healthy, dead]) = run(true);
    let verdict = load::all_arrived(&healthy, &report.acked);
    assert!(
        verdict.is_exact() && verdict.unacknowledged == 0,
        "{verdict}"
    );
    assert_eq!(dead.counts().items(), 0);
    // Wide, because other tests share the machine; a wait for the dead one would take seconds.
    let bound = alone.latency.quantile(0.99) * 3 + Duration::from_millis(200);
    let p99 = report.latency.quantile(0.99);
    assert!(p99 <= bound, "p99 {p99:?} is beyond {bound:?}");

    dead.reopen().unwrap();
    let verdict = load::all_arrived(&dead, &report.acked);
    assert!(
        verdict.is_exact() && verdict.unacknowledged == 0,
        "{verdict}"
    );
    let account = service.stop().account;
    for exporter in ["otlp_grpc/one", "otlp_grpc/two"] {
        assert_eq!(account.spans("exporter", exporter).passed, report.items);
    }
}

#[test]
fn what_a_dead_sibling_has_no_room_for_is_dropped_for_it_alone_and_counted() {
    let (healthy, dead) = (load::sink(), load::closed_sink());
    let service = start(healthy.address(), dead.address(), "{queue_size: 2}");
    let report = load::run(Options {
        requests: Some(200),
        ..load::load(&service, Protocol::Grpc, 0)
    });
    assert_eq!(report.refusals(), 0, "{:?}", report.refused);
    let verdict = load::all_arrived(&healthy, &report.acked);
    assert!(verdict.is_exact(), "{verdict}");
    let everything_was_offered = || {
        let taken = service.page().sum(
            "tracegate_items_out_total",
            &["kind=\"processor\"", "component=\"batch\""],
        );
        (taken == report.items).then_some(())
    };
    clock::poll(rig::PATIENCE, everything_was_offered).unwrap();
    let dropped = service.page().dropped("queue_full");
    assert!(dropped > 0);

    dead.reopen().unwrap();
    let kept = load::until(&dead, |counts| counts.items() + dropped == report.items);
    assert!(kept.items() > 0);
    let Ended { account, .. } = service.stop();
    let (one, two) = (
        account.spans("exporter", "otlp_grpc/one"),
        account.spans("exporter", "otlp_grpc/two"),
    );
    assert_eq!((one.passed, one.dropped), (report.items, 0));
    assert_eq!((two.passed, two.dropped), (kept.items(), dropped));
}

#[test]
fn a_dead_exporter_behind_another_pipeline_of_the_same_receiver_stops_nobody_either() {
    let (healthy, dead) = (load::sink(), load::closed_sink());
    let (head, _) = TWO.split_once("    traces: ").unwrap();
    let pipeline = |name: &str| {
        let exporters = format!("exporters: [otlp_grpc/{name}]");
        format!("    traces/{name}: {{receivers: [otlp], processors: [batch], {exporters}}}\n")
    };
    let yaml = format!("{head}{}{}", pipeline("one"), pipeline("two"))
        .replace("ONE", &healthy.address().to_string())
        .replace("TWO", &dead.address().to_string())
        .replace("QUEUE", "{queue_size: 2}");
    let service = Service::start(&yaml);
    let report = load::run(Options {
        requests: Some(200),
        ..load::load(&service, Protocol::Grpc, 0)
    });
    assert_eq!(report.refusals(), 0, "{:?}", report.refused);
    let verdict = load::all_arrived(&healthy, &report.acked);
    assert!(verdict.is_exact(), "{verdict}");
    dead.reopen().unwrap();
    let account = service.stop().account;
    let two = account.spans("exporter", "otlp_grpc/two");
    assert!(two.dropped > 0, "everything fitted");
    assert_eq!(two.passed + two.dropped, report.items);
}

#[test]
fn a_sibling_that_blocks_when_it_is_full_makes_clients_wait_and_loses_nothing() {
    let (healthy, dead) = (load::sink(), load::closed_sink());
    let queue = "{queue_size: 2, block_on_overflow: true}";
    let service = start(healthy.address(), dead.address(), queue);
    let report = load::run(Options {
        in_flight: 10,
        ..load::load(&service, Protocol::Grpc, 100)
    });
    assert!(report.refusals() > 0, "everything fitted");
    dead.reopen().unwrap();
    for sink in [&healthy, &dead] {
        let verdict = load::all_arrived(sink, &report.acked);
        assert!(
            verdict.is_exact() && verdict.unacknowledged == 0,
            "{verdict}"
        );
    }
    let account = service.stop().account;
    for exporter in ["otlp_grpc/one", "otlp_grpc/two"] {
        assert_eq!(account.spans("exporter", exporter).passed, report.items);
    }
}
