//! Clients that say little or nothing: cut at a named deadline, or held at no cost.

use std::io::Write;
use std::time::Duration;

use benches::grpc::DEADLINE_EXCEEDED;

use super::frames::{self, END_HEADERS, HEADERS, PREFACE, SETTINGS, export, frame};
use super::{EXPORT, SOON, Siege};
use crate::rig::http1::{self, Connection};
use crate::rig::http2::{self, framed};
use crate::rig::{block_on, nightly, requests};

/// The deadlines of first byte, header and body are ten seconds and are looked at every five.
const CUT: Duration = Duration::from_secs(20);

#[test]
fn whoever_sends_too_slowly_is_cut() {
    let siege = Siege::begin();
    siege.attack("slow", CUT, |service| {
        let said = |bytes: &[u8]| {
            let mut connection = Connection::open(service.http());
            connection.send(bytes).unwrap();
            connection
        };
        let post = http1::post("/v1/traces", &requests::one_span());
        let (silent, header) = (said(b""), said(b"POST /v1/traces HTTP/1.1\r\nhost:"));
        let (preface, body) = (said(&PREFACE[..9]), said(&post[..post.len() / 2]));
        let cut = [silent, header, preface, body].map(|mut connection| connection.rest());
        let cut = cut.map(|said| String::from_utf8_lossy(&said).into_owned());
        let [silent, header, preface, body] = &cut;
        assert_eq!([silent, header, preface], ["", "", ""]);
        // A body that was late got an answer; DEADLINE_EXCEEDED is 503 in OTLP over HTTP.
        assert!(body.starts_with("HTTP/1.1 503"), "{body}");
    });
    siege.end();
}

#[test]
fn a_message_that_never_ends_is_answered_at_its_deadline() {
    let siege = Siege::begin();
    siege.attack("half a message", CUT, |service| {
        let reply = block_on(async {
            let half = framed(false, &requests::one_span());
            http2::unfinished(service.grpc(), EXPORT, half[..9].to_vec()).await
        });
        assert_eq!(reply.grpc_status(), DEADLINE_EXCEEDED, "{reply:?}");
    });
    siege.end();
}

#[test]
fn whoever_does_not_finish_the_preface_is_cut() {
    let siege = Siege::begin();
    siege.attack("half a preface", CUT, |service| {
        let ports = [service.grpc(), service.http()];
        let mut held: Vec<_> = ports
            .iter()
            .flat_map(|port| [0, 9, PREFACE.len() - 1].map(|count| (port, count)))
            .map(|(port, count)| {
                let mut connection = frames::open(*port);
                connection.write_all(&PREFACE[..count]).unwrap();
                (format!("{count} bytes of a preface"), connection)
            })
            .collect();
        for (name, connection) in &mut held {
            frames::closed(name, connection, CUT);
        }
    });
    siege.end();
}

/// Nobody can tell it from a live connection that rests, but that it is one of those that go when
/// there are too many.
#[test]
fn half_a_frame_holds_its_connection_and_no_more() {
    let siege = Siege::begin();
    let settings = frame(SETTINGS, 0, 0, &[]);
    let half = frame(HEADERS, 0, 1, &export());
    let whole = frame(HEADERS, END_HEADERS, 1, &export());
    let rows = [&half[..], &whole[..20], &whole[..5]];
    siege.attack("half a frame", SOON, |service| {
        let held: Vec<_> = rows
            .iter()
            .cycle()
            .take(300)
            .map(|torn| {
                let mut connection = frames::open(service.grpc());
                let bytes = [PREFACE, &settings, torn].concat();
                connection.write_all(&bytes).unwrap();
                connection
            })
            .collect();
        siege.within_bounds("half a frame");
        drop(held);
    });
    siege.end();
}

#[test]
fn a_burst_of_connections_is_taken_at_once() {
    let siege = Siege::begin();
    // Whoever the kernel has no room for tries again after a second, and is seen by that.
    siege.attack("a burst", SOON, |service| {
        let connections: Vec<_> = (0..1000).map(|_| frames::open(service.http())).collect();
        drop(connections);
    });
    siege.end();
}

#[test]
fn connections_in_store_cost_little() {
    let count = match nightly(Duration::ZERO, CUT).is_zero() {
        true => 500,
        false => 2_000,
    };
    let siege = Siege::begin();
    siege.attack("a hoard", CUT, |service| {
        let post = http1::post("/v1/traces", &requests::one_span());
        let begin = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
        let mut served: Vec<_> = (0..count / 2)
            .map(|_| {
                let mut connection = Connection::open(service.http());
                connection.send(&post).unwrap();
                connection
            })
            .collect();
        for connection in &mut served {
            assert_eq!(connection.reply().unwrap().status, 200);
        }
        let idle: Vec<_> = (0..count / 2)
            .map(|_| {
                let mut connection = frames::open(service.grpc());
                connection.write_all(&begin).unwrap();
                connection
            })
            .collect();
        siege.within_bounds("a hoard");
        // A live connection may rest as long as it likes.
        for connection in &mut served {
            connection.send(&post).unwrap();
            assert_eq!(connection.reply().unwrap().status, 200);
        }
        drop(idle);
    });
    siege.end();
}
