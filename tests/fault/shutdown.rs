//! The end of the process: what it still delivers, how long it takes, and what it says of the rest.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use benches::generator::{Options, Refused};
use benches::sink::{Answer, Script};
use benches::{Protocol, clock, grpc};

use super::{PROTOCOLS, Way};
use crate::rig::http1::{self, Connection};
use crate::rig::{Service, load, requests};

/// What a clean end may take.
const SOON: Duration = Duration::from_secs(5);

#[test]
fn a_signal_under_load_loses_nothing_that_was_acknowledged() {
    for protocol in PROTOCOLS {
        for (processors, delay) in [("batch", 0), ("", 20)] {
            let sink = load::sink();
            sink.script(Script::default().delayed(Duration::from_millis(delay)));
            let way = Way {
                processors,
                ..Way::over(protocol)
            };
            let service = Service::start(&way.yaml(sink.address()));
            let running = load::begin(Options {
                requests: None,
                persist: false,
                ..load::load(&service, protocol, 0)
            });
            load::arrived(&sink, 500);
            let ended = service.stop();
            let report = running.report();
            let verdict = load::verdict(&sink, &report.acked);
            let case = format!("{protocol:?} {processors} {delay}: {verdict}");
            assert!(report.requests > 0 && verdict.is_exact(), "{case}");
            assert!(ended.took <= SOON, "{case}: {:?}", ended.took);
            let exporter = ended.account.spans("exporter", way.exporter());
            assert_eq!(exporter.dropped, 0, "{case}");
        }
    }
}

/// A service with ten acknowledged requests and nobody to take them.
fn with_a_dead_back_end(arguments: &[&str]) -> Service {
    let way = Way {
        processors: "batch",
        ..Way::over(Protocol::Grpc)
    };
    let sink = load::closed_sink();
    let service = Service::start_with(&way.yaml(sink.address()), arguments);
    let report = load::run(load::load(&service, Protocol::Grpc, 10));
    assert_eq!(report.requests, 10);
    service
}

#[test]
fn with_a_dead_back_end_the_end_comes_at_the_deadline_and_the_account_says_what_is_lost() {
    let ended = with_a_dead_back_end(&["--shutdown-timeout", "1s"]).stop();
    assert!(ended.took >= Duration::from_secs(1), "{:?}", ended.took);
    assert!(ended.took <= SOON, "{:?}", ended.took);
    assert_eq!(ended.account.spans("exporter", "otlp_grpc").dropped, 100);
    assert!(ended.log.contains("dropped: 100 shutdown"), "{}", ended.log);
}

#[test]
fn a_second_signal_ends_the_drain_at_once() {
    let service = with_a_dead_back_end(&[]);
    service.signal(libc::SIGTERM);
    service.logs("Starting shutdown...");
    service.signal(libc::SIGINT);
    let ended = service.ended(Duration::ZERO);
    assert_eq!(ended.status.code(), Some(0));
    assert!(ended.took <= SOON, "{:?}", ended.took);
    assert_eq!(ended.account.spans("exporter", "otlp_grpc").dropped, 100);
}

#[test]
fn connections_on_which_nothing_happens_do_not_delay_the_end() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let sink = load::sink();
    let service = Service::start(&Way::over(Protocol::Grpc).yaml(sink.address()));
    let open = |address| TcpStream::connect(address).unwrap();
    let say = |address, bytes: &[u8]| {
        let mut stream = open(address);
        stream.write_all(bytes).unwrap();
        stream
    };
    // They say nothing, or stop in the midst of something that is no request yet.
    let silent = [open(service.grpc()), open(service.http())];
    let begun = [
        say(service.http(), b"POST /v1/traces HTTP/1.1\r\nhost:"),
        say(service.http(), PREFACE),
        say(service.grpc(), PREFACE),
        say(service.grpc(), &PREFACE[..10]),
    ];
    let mut served = Connection::open(service.http());
    served
        .send(&http1::post("/v1/traces", &requests::one_span()))
        .unwrap();
    assert_eq!(served.reply().unwrap().status, 200);

    let ended = service.stop();
    assert!(ended.took <= SOON, "{:?}", ended.took);
    drop((silent, begun));
}

#[test]
fn a_request_that_has_begun_is_still_answered() {
    let sink = load::sink();
    let service = Service::start(&Way::over(Protocol::Grpc).yaml(sink.address()));
    let request = http1::post("/v1/traces", &requests::numbered(1, 10));
    let (begin, end) = request.split_at(request.len() - 100);
    let mut connection = Connection::open(service.http());
    // The first request shows that the connection is served before the signal comes.
    connection.send(&http1::post("/v1/traces", b"")).unwrap();
    assert_eq!(connection.reply().unwrap().status, 200);
    connection.send(begin).unwrap();
    let used = || service.page().sum("tracegate_budget_used_bytes", &[]);
    clock::poll(SOON, || (used() > 1000).then_some(())).unwrap();
    service.signal(libc::SIGTERM);
    service.logs("Starting shutdown...");
    connection.send(end).unwrap();
    assert_eq!(connection.reply().unwrap().status, 200);
    let ended = service.ended(Duration::ZERO);
    assert_eq!(sink.counts().items(), 10);
    assert_eq!(ended.account.spans("exporter", "otlp_grpc").passed, 10);
}

#[test]
fn a_caller_that_waits_for_its_result_is_told_that_the_end_came_first() {
    for protocol in PROTOCOLS {
        let sink = load::sink();
        sink.script(Script::always(Answer::Hang));
        let way = Way {
            keys: "sending_queue: {wait_for_result: true}",
            ..Way::over(protocol)
        };
        let arguments = ["--shutdown-timeout", "300ms"];
        let service = Service::start_with(&way.yaml(sink.address()), &arguments);
        let running = load::begin(Options {
            persist: false,
            connections: 1,
            ..load::load(&service, protocol, 2)
        });
        load::until(&sink, |counts| counts.requests >= 2);
        let ended = service.stop();
        let report = running.report();
        let why = match protocol {
            Protocol::Grpc => Refused::Grpc(grpc::UNAVAILABLE),
            Protocol::Http => Refused::Http(503),
        };
        assert_eq!(report.refused.get(&why), Some(&2), "{:?}", report.refused);
        let exporter = ended.account.spans("exporter", way.exporter());
        assert_eq!(
            (exporter.passed, exporter.rejected),
            (0, 20),
            "{}",
            ended.log
        );
    }
}
