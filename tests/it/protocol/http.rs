//! A table of requests over HTTP/1.1 and of the answers that they get.

use std::io::Write;

use prost::Message;

use super::traces_only;
use crate::rig::exchange::{Reply, Status};
use crate::rig::http1::{self, Connection, request};
use crate::rig::{load, requests};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
const TRACES: &str = "/v1/traces";

const SPAN_JSON: &str = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a",
    "traceId":"00000000000000000000000000000001","spanId":"0000000000000001"}]}]}]}"#;

/// What is expected of an answer: its status, the type of its body, and what stands in it.
type Row<'a> = (&'a str, Vec<u8>, u16, &'a str, &'a str);

/// Asks each row over a connection of its own.
fn check(rows: &[Row<'_>], ask: impl Fn(&[u8]) -> Reply) {
    for (what, request, status, kind, said) in rows {
        let reply = ask(request);
        assert_eq!(reply.status, *status, "{what}: {}", reply.text());
        assert_eq!(reply.header("content-type"), *kind, "{what}");
        let text = match Status::decode(&reply.body[..]) {
            Ok(decoded) if *kind == PROTOBUF && *status != 200 => decoded.message,
            _ => reply.text(),
        };
        assert!(text.contains(said), "{what}: {text:?}");
    }
}

fn typed(kind: &str, body: &[u8]) -> Vec<u8> {
    request("POST", TRACES, &[("content-type", kind)], body)
}

#[test]
fn every_request_over_http_gets_the_answer_that_the_collector_gives() {
    let (service, sink) = traces_only("");
    let span = requests::one_span();
    let empty: &[u8] = b"";
    let none = |method, path| request(method, path, &[("content-type", PROTOBUF)], &span);
    let coded = |kind: &str, coding: &str, body: &[u8]| {
        request(
            "POST",
            TRACES,
            &[("content-type", kind), ("content-encoding", coding)],
            body,
        )
    };
    let unsupported = "415 unsupported media type, supported: \
        [application/json, application/x-protobuf]";
    let not_allowed = "405 method not allowed, supported: [POST]";
    let success = "\n\0";
    let rows: &[Row<'_>] = &[
        ("protobuf", typed(PROTOBUF, &span), 200, PROTOBUF, success),
        (
            "json",
            typed(JSON, SPAN_JSON.as_bytes()),
            200,
            JSON,
            r#"{"partialSuccess":{}}"#,
        ),
        (
            "a parameter",
            typed("application/json; charset=utf-8", b"{}"),
            200,
            JSON,
            "{",
        ),
        (
            "capitals",
            typed("Application/X-Protobuf", &span),
            200,
            PROTOBUF,
            success,
        ),
        (
            "nothing in protobuf",
            typed(PROTOBUF, empty),
            200,
            PROTOBUF,
            success,
        ),
        (
            "nothing in json",
            typed(JSON, b"{}"),
            200,
            JSON,
            "{\"partialSuccess\":{}}",
        ),
        (
            "identity",
            coded(PROTOBUF, "identity", &span),
            200,
            PROTOBUF,
            success,
        ),
        (
            "no type",
            request("POST", TRACES, &[], &span),
            415,
            "text/plain",
            unsupported,
        ),
        (
            "text",
            typed("text/plain", &span),
            415,
            "text/plain",
            unsupported,
        ),
        ("get", none("GET", TRACES), 405, "text/plain", not_allowed),
        ("put", none("PUT", TRACES), 405, "text/plain", not_allowed),
        (
            "options",
            none("OPTIONS", TRACES),
            405,
            "text/plain",
            not_allowed,
        ),
        (
            "unknown path",
            none("POST", "/v1/spans"),
            404,
            "text/plain",
            "404",
        ),
        (
            "a slash more",
            none("POST", "/v1/traces/"),
            404,
            "text/plain",
            "404",
        ),
        (
            "no pipeline",
            none("POST", "/v1/logs"),
            404,
            "text/plain",
            "404",
        ),
        (
            "broken protobuf",
            typed(PROTOBUF, b"\x0a\x05ab"),
            400,
            PROTOBUF,
            "",
        ),
        (
            "broken json",
            typed(JSON, b"{\"resourceSpans\":"),
            400,
            JSON,
            "\"code\":3",
        ),
        (
            "json of another kind",
            typed(JSON, b"{\"spans\":[]}"),
            400,
            JSON,
            "\"code\":3",
        ),
        (
            "short id",
            typed(
                JSON,
                br#"{"resourceSpans":[{"scopeSpans":[{"spans":
            [{"traceId":"01"}]}]}]}"#,
            ),
            400,
            JSON,
            "\"code\":3",
        ),
        (
            "unknown encoding",
            coded(PROTOBUF, "br", &span),
            400,
            PROTOBUF,
            "unsupported Content-Encoding: \"br\"",
        ),
        (
            "unknown encoding of json",
            coded(JSON, "br", b"{}"),
            400,
            JSON,
            "unsupported Content-Encoding",
        ),
        (
            "unknown encoding and type",
            coded("text/plain", "br", b"{}"),
            500,
            JSON,
            r#"{"code": 13, "message": "failed to marshal error message"}"#,
        ),
        (
            "two encodings",
            coded(PROTOBUF, "gzip, zstd", &span),
            400,
            PROTOBUF,
            "unsupported",
        ),
        (
            "corrupt gzip",
            coded(PROTOBUF, "gzip", &span),
            400,
            PROTOBUF,
            "",
        ),
        (
            "corrupt zstd of json",
            coded(JSON, "zstd", b"{}"),
            400,
            JSON,
            "\"code\":3",
        ),
    ];
    check(rows, |request| http1::exchange(service.http(), request));

    load::arrived(&sink, 4);
    let receiver = service.stop().account.spans("receiver", "otlp");
    assert_eq!((receiver.taken, receiver.passed), (4, 4));
}

#[test]
fn a_body_over_the_limit_is_413_whether_it_says_its_length_or_not() {
    let (service, sink) = traces_only(", max_request_body_size: 1048576");
    let http = service.http();
    let large = requests::span_with(vec![requests::text("pad", &"x".repeat(8 << 20))]);
    let large = large.encode_to_vec();
    let head = format!(
        "POST {TRACES} HTTP/1.1\r\nhost: a\r\ncontent-type: {PROTOBUF}\r\n\
         transfer-encoding: chunked\r\n\r\n{:x}\r\n",
        large.len()
    );
    let chunked = [head.as_bytes(), &large, b"\r\n0\r\n\r\n"].concat();
    let inflating = encoded("gzip", &large);
    let gzip = [("content-type", PROTOBUF), ("content-encoding", "gzip")];
    let rows: &[Row<'_>] = &[
        (
            "with a length",
            typed(PROTOBUF, &large),
            413,
            PROTOBUF,
            "1048576",
        ),
        (
            "in chunks",
            chunked,
            413,
            PROTOBUF,
            "1048576 bytes (the receiver's max_request_body_size)",
        ),
        (
            "inflated",
            request("POST", TRACES, &gzip, &inflating),
            413,
            PROTOBUF,
            "1048576",
        ),
        (
            "within it",
            typed(PROTOBUF, &requests::one_span()),
            200,
            PROTOBUF,
            "",
        ),
    ];
    check(rows, |request| http1::exchange(http, request));
    load::arrived(&sink, 1);
    assert_eq!(service.stop().account.spans("receiver", "otlp").passed, 1);
}

#[test]
fn every_encoding_of_the_collector_is_read() {
    let (service, sink) = traces_only("");
    let span = requests::one_span();
    let encodings = [
        "gzip",
        "zstd",
        "zlib",
        "deflate",
        "snappy",
        "x-snappy-framed",
        "lz4",
    ];
    for encoding in encodings {
        let headers = [("content-type", PROTOBUF), ("content-encoding", encoding)];
        let request = request("POST", TRACES, &headers, &encoded(encoding, &span));
        let reply = http1::exchange(service.http(), &request);
        assert_eq!(reply.status, 200, "{encoding}: {}", reply.text());
    }
    // Old collectors send the framed format under the name of the block format.
    let headers = [("content-type", PROTOBUF), ("content-encoding", "snappy")];
    let body = encoded("x-snappy-framed", &span);
    let reply = http1::exchange(service.http(), &request("POST", TRACES, &headers, &body));
    assert_eq!(reply.status, 200, "{}", reply.text());

    load::arrived(&sink, 8);
    for received in sink.received() {
        assert_eq!(&received.payload[..], span);
    }
    service.stop();
}

#[test]
fn one_connection_serves_request_after_request() {
    let (service, sink) = traces_only("");
    let mut connection = Connection::open(service.http());
    for status in [200, 400, 404, 200] {
        let request = match status {
            400 => http1::post(TRACES, b"\x0a\x05ab"),
            404 => http1::post("/", b""),
            _ => http1::post(TRACES, &requests::one_span()),
        };
        connection.send(&request).unwrap();
        assert_eq!(connection.reply().unwrap().status, status);
    }
    load::arrived(&sink, 2);
    service.stop();
}

/// Compresses with the libraries that other clients use.
fn encoded(encoding: &str, body: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::fast();
    let written = match encoding {
        "gzip" => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), level);
            writer.write_all(body).and_then(|()| writer.finish())
        }
        "zlib" | "deflate" => {
            let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), level);
            writer.write_all(body).and_then(|()| writer.finish())
        }
        "zstd" => zstd::stream::encode_all(body, 1),
        "snappy" => Ok(snap::raw::Encoder::new().compress_vec(body).unwrap()),
        "x-snappy-framed" => {
            let mut writer = snap::write::FrameEncoder::new(Vec::new());
            writer.write_all(body).unwrap();
            Ok(writer.into_inner().unwrap())
        }
        "lz4" => {
            let mut writer = lz4_flex::frame::FrameEncoder::new(Vec::new());
            writer.write_all(body).unwrap();
            Ok(writer.finish().unwrap())
        }
        other => panic!("no encoder for {other}"),
    };
    written.unwrap()
}
