//! Clients that lie, stall or send what only costs: each is answered or cut, memory stays bounded,
//! and everybody else is served as before.

use std::io::Read;
use std::time::Duration;

use benches::coding::Coding;
use benches::grpc::{INVALID_ARGUMENT, OK, RESOURCE_EXHAUSTED};
use benches::{Protocol, clock};
use opentelemetry_proto::tonic::trace::v1::Span;
use otlp::wire;
use prost::Message;

use super::Way;
use crate::rig::http1::{self, Connection, request};
use crate::rig::http2::{self, GRPC, framed};
use crate::rig::{Service, block_on, load, requests};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

/// What the process may grow by while it refuses. A decoder's buffer grows by moving to one twice
/// its size, up to the largest request of 64 MiB, and threads keep what they have used: 96 MiB for
/// each of two.
const GROWTH_MAX: u64 = 256 << 20;

/// Runs an attack against a fresh service, which afterwards serves a span as if nothing had been
/// and has not grown beyond the bound.
fn attack(name: &str, attack: impl FnOnce(&Service)) {
    let sink = load::sink();
    let service = Service::start(&Way::over(Protocol::Grpc).yaml(sink.address()));
    let before = service.usage().resident;
    attack(&service);
    let grown = service.usage().peak.saturating_sub(before);
    assert!(grown < GROWTH_MAX, "{name}: grown by {} MiB", grown >> 20);
    let post = http1::post("/v1/traces", &requests::one_span());
    assert_eq!(http1::exchange(service.http(), &post).status, 200, "{name}");
    load::arrived(&sink, 1);
    assert_eq!(sink.counts().items(), 1, "{name}");
    service.stop();
}

/// Sends one body over both protocols.
fn refused(service: &Service, body: &[u8], encoding: &str, http: u16, grpc: u32) {
    let (sent, flag) = (("content-encoding", encoding), encoding != "identity");
    let post = request("POST", "/v1/traces", &[PROTOBUF, sent], body);
    let reply = http1::exchange(service.http(), &post);
    assert_eq!(reply.status, http, "{}", reply.text());
    let reply = block_on(async {
        let headers = [GRPC, ("te", "trailers"), ("grpc-encoding", encoding)];
        let mut sender = http2::connect(service.grpc()).await;
        http2::post(&mut sender, EXPORT, &headers, framed(flag, body)).await
    });
    assert_eq!(reply.grpc_status(), grpc, "{reply:?}");
}

#[test]
fn a_value_nested_deeper_than_64_is_refused() {
    let nested = |depth| {
        let pad = requests::text("pad", &"x".repeat(3000));
        requests::span_with(vec![pad, requests::pair("deep", requests::nested(depth))])
    };
    attack("nesting", |service| {
        refused(
            service,
            &nested(65).encode_to_vec(),
            "identity",
            400,
            INVALID_ARGUMENT,
        );
    });
    // A hundred thousand levels would take every stack; each is a message that holds the next.
    attack("deep nesting", |service| {
        refused(service, &tower(100_000), "identity", 400, INVALID_ARGUMENT);
    });
    attack("deep nesting in JSON", |service| {
        let json = format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"a","value":{}"#,
            r#"{"arrayValue":{"values":["#.repeat(100_000)
        );
        let kind = [("content-type", "application/json")];
        let post = request("POST", "/v1/traces", &kind, json.as_bytes());
        assert_eq!(http1::exchange(service.http(), &post).status, 400);
    });

    let sink = load::sink();
    let service = Service::start(&Way::over(Protocol::Grpc).yaml(sink.address()));
    let allowed = framed(false, &nested(64).encode_to_vec());
    let reply = block_on(http2::call(service.grpc(), EXPORT, allowed));
    assert_eq!(reply.grpc_status(), OK, "{reply:?}");
    load::arrived(&sink, 1);
    service.stop();
}

/// A request with one span whose attribute nests arrays to this depth, built from the inside out.
fn tower(depth: usize) -> Vec<u8> {
    let mut inner = Vec::new();
    let mut headers = Vec::new();
    // Lengths must be known before they are written, so the headers are gathered in reverse.
    let mut length = 0;
    for _ in 0..depth {
        for number in [1, 5] {
            let mut header = Vec::new();
            wire::put_len_header(&mut header, number, length);
            length += header.len();
            headers.push(header);
        }
    }
    headers.iter().rev().for_each(|header| inner.extend(header));
    let wrap = |number, inner: &[u8]| {
        let mut outer = Vec::new();
        wire::put_len(&mut outer, number, inner);
        outer
    };
    // AnyValue in KeyValue in Span in ScopeSpans in ResourceSpans in the request.
    [2, 9, 2, 2, 1]
        .into_iter()
        .fold(inner, |inner, number| wrap(number, &inner))
}

#[test]
fn a_compression_bomb_is_refused_before_it_unfolds() {
    const UNFOLDED: u64 = 1 << 30;
    let zeros = std::io::repeat(0).take(UNFOLDED);
    let zstd = zstd::stream::encode_all(zeros, 1).unwrap();
    let mut gzip = Vec::new();
    Coding::Gzip
        .encode(&vec![0; 256 << 20], 1, &mut gzip)
        .unwrap();
    let snappy = snap::raw::Encoder::new()
        .compress_vec(&vec![0; 128 << 20])
        .unwrap();
    for (name, body) in [("zstd", zstd), ("gzip", gzip)] {
        attack(name, |service| {
            for _ in 0..4 {
                refused(service, &body, name, 413, RESOURCE_EXHAUSTED);
            }
        });
    }
    attack("snappy", |service| {
        let coded = [PROTOBUF, ("content-encoding", "snappy")];
        let post = request("POST", "/v1/traces", &coded, &snappy);
        assert_eq!(http1::exchange(service.http(), &post).status, 413);
    });
}

#[test]
fn empty_items_are_charged_what_they_cost() {
    let spans = requests::spans(vec![Span::default(); 300_000]);
    attack("empty spans", |service| {
        refused(
            service,
            &spans.encode_to_vec(),
            "identity",
            413,
            RESOURCE_EXHAUSTED,
        );
    });
}

#[test]
fn declared_lengths_are_not_trusted() {
    const HUGE: &str = "1099511627776";
    let declared = |length: &str, body: &[u8]| {
        let head = format!(
            "POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-protobuf\r\n\
             content-length: {length}\r\n\r\n"
        );
        [head.as_bytes(), body].concat()
    };
    attack("content-length", |service| {
        let mut connections: Vec<_> = (0..20)
            .map(|_| {
                let mut connection = Connection::open(service.http());
                connection.send(&declared(HUGE, b"\x0a")).unwrap();
                connection
            })
            .collect();
        // Those who hang up are forgotten.
        connections.truncate(1);
    });
    attack("prefix", |service| {
        let mut body = framed(false, &requests::one_span());
        body[1..5].copy_from_slice(&u32::MAX.to_be_bytes());
        let reply = block_on(http2::call(service.grpc(), EXPORT, body));
        assert_eq!(reply.grpc_status(), INVALID_ARGUMENT, "{reply:?}");
    });
    attack("field", |service| {
        for length in [&[0x7f][..], &[0xff, 0xff, 0xff, 0xff, 0x0f], &[0xff; 10]] {
            let body = [&[0x0a], length].concat();
            refused(service, &body, "identity", 400, INVALID_ARGUMENT);
        }
    });
    attack("snappy block", |service| {
        // Four gigabytes, says the varint in front.
        let coded = [PROTOBUF, ("content-encoding", "snappy")];
        let body = [0xff, 0xff, 0xff, 0xff, 0x0f, 0];
        let post = request("POST", "/v1/traces", &coded, &body);
        let status = http1::exchange(service.http(), &post).status;
        assert!([400, 413].contains(&status), "{status}");
    });
    attack("zstd frame", |service| {
        // A frame of a single segment that holds 2^40 bytes, says its header.
        let header = [0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 1, 0, 0];
        let coded = [PROTOBUF, ("content-encoding", "zstd")];
        let post = request("POST", "/v1/traces", &coded, &header);
        let status = http1::exchange(service.http(), &post).status;
        assert!([400, 413].contains(&status), "{status}");
    });
}

#[test]
fn whoever_sends_too_slowly_is_cut() {
    // The deadlines of first byte, header and body are ten seconds and are looked at every five.
    const CUT: Duration = Duration::from_secs(20);
    attack("slow", |service| {
        let begun = clock::now();
        let silent = Connection::open(service.http());
        let mut header = Connection::open(service.http());
        header.send(b"POST /v1/traces HTTP/1.1\r\nhost:").unwrap();
        let mut body = Connection::open(service.http());
        let post = http1::post("/v1/traces", &requests::one_span());
        body.send(&post[..post.len() / 2]).unwrap();
        let mut mute = Connection::open(service.grpc());
        mute.send(b"PRI * HTT").unwrap();
        let cut = [silent, header, body].map(|mut connection| connection.rest());
        assert!(begun.elapsed() < CUT, "{:?}", begun.elapsed());
        let [silent, header, body] = cut.map(|said| String::from_utf8_lossy(&said).into_owned());
        assert_eq!((silent.as_str(), header.as_str()), ("", ""));
        // A body that was late got an answer; DEADLINE_EXCEEDED is 503 in OTLP over HTTP.
        assert!(body.starts_with("HTTP/1.1 503"), "{body}");
        drop(mute);
    });
}
