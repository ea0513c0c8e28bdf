//! A table of gRPC calls and of the statuses that they get, with the framing made by hand.

use benches::grpc::{INVALID_ARGUMENT, OK, RESOURCE_EXHAUSTED, UNIMPLEMENTED};
use prost::Message;

use super::traces_only;
use crate::rig::exchange::Reply;
use crate::rig::http2::{self, GRPC, framed};
use crate::rig::{Service, block_on, load, requests};

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

struct Call<'a> {
    path: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: Vec<u8>,
}

/// A plain call of the trace service.
fn traces(body: Vec<u8>) -> Call<'static> {
    Call {
        path: TRACES,
        headers: &[],
        body,
    }
}

/// All calls over one connection, each with its expected status and a part of its message.
fn check(service: &Service, rows: Vec<(&str, Call<'_>, u32, &str)>) -> Vec<Reply> {
    block_on(async {
        let mut sender = http2::connect(service.grpc()).await;
        let mut replies = Vec::new();
        for (what, call, status, message) in rows {
            let headers = [&[GRPC, ("te", "trailers")], call.headers].concat();
            let reply = http2::post(&mut sender, call.path, &headers, call.body).await;
            assert_eq!(reply.status, 200, "{what}");
            assert_eq!(reply.header("content-type"), "application/grpc", "{what}");
            assert_eq!(reply.grpc_status(), status, "{what}: {reply:?}");
            let said = reply.header("grpc-message");
            assert!(said.contains(message), "{what}: {said:?}");
            replies.push(reply);
        }
        replies
    })
}

#[test]
fn every_call_gets_its_status() {
    let (service, sink) = traces_only("");
    let span = requests::one_span();
    let gzip = &[("grpc-encoding", "gzip")];
    let call = |path, headers, body| Call {
        path,
        headers,
        body,
    };
    let mut short = framed(false, &span);
    short.truncate(short.len() - 1);
    let mut odd = framed(false, &span);
    odd[0] = 7;
    let twice = framed(false, &span).repeat(2);
    let rows = vec![
        ("a span", traces(framed(false, &span)), OK, ""),
        ("nothing", traces(framed(false, b"")), OK, ""),
        (
            "not compressed",
            call(TRACES, gzip, framed(false, &span)),
            OK,
            "",
        ),
        (
            "no such service",
            call("/x.Y/Export", &[], framed(false, b"")),
            UNIMPLEMENTED,
            "unknown service x.Y",
        ),
        (
            "no such method",
            call("/x.Y/Z", &[], framed(false, b"")),
            UNIMPLEMENTED,
            "",
        ),
        (
            "no pipeline",
            call(LOGS, &[], framed(false, b"")),
            UNIMPLEMENTED,
            "unknown service opentelemetry.proto.collector.logs.v1.LogsService",
        ),
        (
            "unknown encoding",
            call(TRACES, &[("grpc-encoding", "br")], framed(true, &span)),
            UNIMPLEMENTED,
            "grpc-encoding",
        ),
        (
            "corrupt gzip",
            call(TRACES, gzip, framed(true, &span)),
            INVALID_ARGUMENT,
            "",
        ),
        (
            "corrupt protobuf",
            traces(framed(false, b"\x0a\x05ab")),
            INVALID_ARGUMENT,
            "",
        ),
        ("no prefix", traces(Vec::new()), INVALID_ARGUMENT, "prefix"),
        (
            "half a prefix",
            traces(vec![0, 0]),
            INVALID_ARGUMENT,
            "prefix",
        ),
        ("too short", traces(short), INVALID_ARGUMENT, "length"),
        ("two messages", traces(twice), INVALID_ARGUMENT, "length"),
        ("unknown flag", traces(odd), INVALID_ARGUMENT, "flag"),
        ("the next span", traces(framed(false, &span)), OK, ""),
    ];
    for reply in check(&service, rows) {
        let accepted = reply.header("grpc-accept-encoding");
        let unknown = reply.header("grpc-message").contains("grpc-encoding");
        assert!(!unknown || accepted.contains("gzip"), "{reply:?}");
        // None of these would end differently if it were sent again.
        assert!(
            !reply.headers.contains_key("grpc-status-details-bin"),
            "{reply:?}"
        );
        assert!(
            !reply.headers.contains_key("google.rpc.retryinfo-bin"),
            "{reply:?}"
        );
    }
    load::arrived(&sink, 3);
    assert_eq!(service.stop().account.spans("receiver", "otlp").passed, 3);
}

#[test]
fn a_message_over_the_limit_is_exhausted_and_not_to_be_sent_again() {
    let (service, sink) = traces_only(", max_request_body_size: 1048576");
    let large = requests::span_with(vec![requests::text("pad", &"x".repeat(8 << 20))]);
    let large = large.encode_to_vec();
    let mut gzip = Vec::new();
    benches::coding::Coding::Gzip
        .encode(&large, 1, &mut gzip)
        .unwrap();
    let inflating = Call {
        headers: &[("grpc-encoding", "gzip")],
        ..traces(framed(true, &gzip))
    };
    let rows = vec![
        (
            "as it is",
            traces(framed(false, &large)),
            RESOURCE_EXHAUSTED,
            "1048576 bytes (the receiver's max_recv_msg_size_mib)",
        ),
        ("inflated", inflating, RESOURCE_EXHAUSTED, "1048576"),
        (
            "within it",
            traces(framed(false, &requests::one_span())),
            OK,
            "",
        ),
    ];
    for reply in check(&service, rows) {
        assert!(
            !reply.headers.contains_key("grpc-status-details-bin"),
            "{reply:?}"
        );
        assert!(
            !reply.headers.contains_key("google.rpc.retryinfo-bin"),
            "{reply:?}"
        );
    }
    load::arrived(&sink, 1);
    service.stop();
}

#[test]
fn the_http_port_speaks_http2_too() {
    let (service, sink) = traces_only("");
    let reply = block_on(async {
        let mut sender = http2::connect(service.http()).await;
        let kind = [("content-type", "application/x-protobuf")];
        http2::post(&mut sender, "/v1/traces", &kind, requests::one_span()).await
    });
    assert_eq!((reply.status, &reply.body[..]), (200, &b"\n\0"[..]));
    load::arrived(&sink, 1);
    service.stop();
}
