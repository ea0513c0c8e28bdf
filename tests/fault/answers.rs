//! What the answers of a back end mean, end to end: sent again, or dropped with a reason that the
//! books show.

use std::time::Duration;

use benches::sink::{Answer, Script, Sink};
use benches::{Protocol, clock};

use super::Way;
use crate::rig::http1;
use crate::rig::{PATIENCE, Service, load, requests};

const SPANS: u64 = 10;

enum Meaning {
    /// The second attempt arrives.
    Again,
    /// Both halves arrive.
    Halved,
    /// So many spans are dropped for this reason.
    Dropped(&'static str, u64),
}

use Meaning::{Again, Dropped, Halved};

/// Sends one request for each row, which the back end answers as the row says, once.
fn check(way: &Way, rows: &[(Answer, Meaning)]) {
    let sink = load::sink();
    let service = Service::start(&way.yaml(sink.address()));
    let mut dropped = 0;
    for (number, (answer, meaning)) in (1..).zip(rows) {
        sink.forget();
        sink.script(Script::next(1, answer.clone()));
        send(&service, number);
        match meaning {
            Again => {
                let counts = load::arrived(&sink, SPANS);
                assert_eq!((counts.requests, counts.refused), (2, 1), "{answer:?}");
            }
            Halved => {
                let counts = load::arrived(&sink, SPANS);
                assert_eq!((counts.requests, counts.refused), (3, 1), "{answer:?}");
            }
            Dropped(reason, spans) => {
                let drops = || is_dropped(&service, reason, *spans);
                let before = dropped;
                dropped = clock::poll(PATIENCE, drops)
                    .unwrap_or_else(|| panic!("{answer:?}: not {spans} dropped as {reason}"));
                assert!(dropped > before, "{answer:?}");
                assert_eq!(sink.counts().requests, 1, "{answer:?}: sent again");
            }
        }
    }
    let sent = SPANS * rows.len() as u64;
    let exporter = service.stop().account.spans("exporter", way.exporter());
    assert_eq!((exporter.taken, exporter.dropped), (sent, dropped));
}

fn send(service: &Service, number: u64) {
    let request = requests::numbered(number, SPANS as usize);
    let reply = http1::exchange(service.http(), &http1::post("/v1/traces", &request));
    assert_eq!(reply.status, 200);
}

/// All drops so far, once those for this reason are as many.
fn is_dropped(service: &Service, reason: &str, spans: u64) -> Option<u64> {
    let page = service.page();
    let all = page.sum("tracegate_items_dropped_total", &["kind=\"exporter\""]);
    (page.dropped(reason) == spans).then_some(all)
}

#[test]
fn a_grpc_back_end_decides_by_its_status() {
    let code = |code| Answer::refuse(code, 500);
    let soon = Some(Duration::from_millis(50));
    check(
        &Way::over(Protocol::Grpc),
        &[
            (code(1), Again),
            (code(4), Again),
            (code(10), Again),
            (code(11), Again),
            (code(14), Again),
            (code(15), Again),
            (Answer::exhausted(soon), Again),
            (Answer::exhausted(None), Halved),
            (code(3), Dropped("invalid", 10)),
            (code(2), Dropped("permanent", 10)),
            (code(7), Dropped("permanent", 20)),
            (code(12), Dropped("permanent", 30)),
            (code(13), Dropped("permanent", 40)),
            (code(16), Dropped("permanent", 50)),
            (
                Answer::Partial { rejected: 3 },
                Dropped("partial_success", 3),
            ),
        ],
    );
}

#[test]
fn an_http_back_end_decides_by_its_status() {
    let status = |status| Answer::refuse(14, status);
    check(
        &Way::over(Protocol::Http),
        &[
            (status(429), Again),
            (status(502), Again),
            (status(503), Again),
            (status(504), Again),
            (status(400), Dropped("invalid", 10)),
            (status(413), Halved),
            (status(401), Dropped("permanent", 10)),
            (status(404), Dropped("permanent", 20)),
            (status(408), Dropped("permanent", 30)),
            (status(500), Dropped("permanent", 40)),
            (
                Answer::Partial { rejected: 10 },
                Dropped("partial_success", 10),
            ),
        ],
    );
}

#[test]
fn without_retry_the_first_failure_is_final() {
    let way = Way {
        keys: "retry_on_failure: {enabled: false}",
        ..Way::over(Protocol::Grpc)
    };
    check(
        &way,
        &[(Answer::unavailable(), Dropped("retries_exhausted", 10))],
    );
}

#[test]
fn retries_end_with_their_time() {
    let sink = load::sink();
    sink.script(Script::always(Answer::unavailable()));
    let way = Way {
        keys: "retry_on_failure: {initial_interval: 20ms, max_interval: 40ms, \
               max_elapsed_time: 200ms}",
        ..Way::over(Protocol::Grpc)
    };
    let service = Service::start(&way.yaml(sink.address()));
    send(&service, 1);
    clock::poll(PATIENCE, || {
        is_dropped(&service, "retries_exhausted", SPANS)
    })
    .unwrap();
    assert!(sink.counts().refused > 2, "{:?}", sink.counts());
    service.stop();
}

#[test]
fn the_wish_of_a_back_end_to_wait_is_granted() {
    for (protocol, wait) in [(Protocol::Grpc, 700), (Protocol::Http, 1000)] {
        let wait = Duration::from_millis(wait);
        let sink = load::sink();
        sink.script(Script::next(
            1,
            Answer::unavailable().with_retry_after(Some(wait)),
        ));
        let service = Service::start(&Way::over(protocol).yaml(sink.address()));
        send(&service, 1);
        refused_once(&sink);
        let refused = clock::now();
        load::arrived(&sink, SPANS);
        let waited = refused.elapsed();
        // The clock here starts a little after the refusal.
        assert!(
            waited + Duration::from_millis(100) >= wait,
            "{protocol:?}: {waited:?}"
        );
        service.stop();
    }
}

fn refused_once(sink: &Sink) {
    load::until(sink, |counts| counts.refused == 1);
}
