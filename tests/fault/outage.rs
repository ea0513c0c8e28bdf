//! A back end that is away for a while.

use std::time::Duration;

use benches::{Protocol, clock};

use super::{PROTOCOLS, Way};
use crate::rig::{self, Service, load};

/// A load runs all the time; in the midst of it the back end goes, and comes back on its port.
fn check(protocol: Protocol) {
    let outage = rig::nightly(Duration::from_secs(2), Duration::from_secs(30));
    let sink = load::sink();
    let way = Way {
        processors: "batch",
        keys: "sending_queue: {queue_size: 100000}",
        ..Way::over(protocol)
    };
    let service = Service::start(&way.yaml(sink.address()));
    let running = load::begin(benches::generator::Options {
        requests: None,
        rate: 2000.0,
        duration: outage + Duration::from_secs(1),
        ..load::load(&service, protocol, 0)
    });
    load::arrived(&sink, 100);
    sink.close().unwrap();
    clock::pause(outage);
    assert!(!running.is_over(), "the load outlasts the outage");
    sink.reopen().unwrap();

    let report = running.report();
    // The queue has room for all of it: nobody had to be refused.
    assert_eq!(report.refusals(), 0, "{:?}", report.refused);
    let verdict = load::all_arrived(&sink, &report.acked);
    assert_eq!((verdict.lost, verdict.invented), (0, 0), "{verdict}");
    let exporter = service.stop().account.spans("exporter", way.exporter());
    assert_eq!((exporter.passed, exporter.dropped), (report.items, 0));
}

#[test]
fn nothing_acknowledged_is_lost_while_a_grpc_back_end_is_away() {
    check(Protocol::Grpc);
}

#[test]
fn nothing_acknowledged_is_lost_while_an_http_back_end_is_away() {
    check(Protocol::Http);
}

#[test]
fn a_back_end_that_comes_later_gets_what_was_sent_before() {
    for protocol in PROTOCOLS {
        let sink = load::closed_sink();
        let way = Way::over(protocol);
        let service = Service::start(&way.yaml(sink.address()));
        let report = load::run(load::load(&service, protocol, 50));
        assert_eq!((report.requests, report.refusals()), (50, 0));
        sink.reopen().unwrap();
        let verdict = load::all_arrived(&sink, &report.acked);
        assert!(
            verdict.is_exact() && verdict.unacknowledged == 0,
            "{verdict}"
        );
        service.stop();
    }
}
