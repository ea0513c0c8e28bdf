//! The rim of the OTLP receiver as a client meets it: unix sockets, browsers, requests that are no calls.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use crate::rig::http1::{self, request};
use crate::rig::http2::{self, framed};
use crate::rig::{PATIENCE, Service, block_on, requests};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

const PIPELINE: &str =
    "exporters: {nop: }\nservice: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}\n";

fn started(protocols: &str) -> Service {
    Service::start(&format!(
        "receivers: {{otlp: {{protocols: {{{protocols}}}}}}}\n{PIPELINE}"
    ))
}

#[test]
fn a_unix_socket_is_served_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("otlp.sock");
    let service = started(&format!("http: {{endpoint: 'unix://{}'}}", path.display()));
    let mut client = UnixStream::connect(&path).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let post = http1::post("/v1/traces", &requests::one_span());
    client.write_all(&post).unwrap();
    let mut head = [0; 15];
    client.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    let ended = service.stop();
    assert_eq!(ended.account.spans("exporter", "nop").passed, 1);
    assert!(!path.exists());
}

#[test]
fn a_browser_is_told_what_it_may_send_and_may_read_the_answer() {
    let service = started(
        "http: {endpoint: '127.0.0.1:0', cors: {allowed_origins: ['https://*.shop.example'], \
         allowed_headers: [x-team], max_age: 600}}",
    );
    let origin = ("origin", "https://www.shop.example");
    let asks = [
        origin,
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "x-team"),
    ];
    let preflight = http1::exchange(
        service.http(),
        &request("OPTIONS", "/v1/traces", &asks, b""),
    );
    let header = |name| preflight.header(name);
    assert_eq!(preflight.status, 204);
    assert_eq!(header("access-control-allow-origin"), origin.1);
    assert_eq!(header("access-control-allow-headers"), "x-team");
    assert_eq!(header("access-control-max-age"), "600");

    let kind = ("content-type", "application/x-protobuf");
    for (origin, allowed) in [(origin, true), (("origin", "https://evil.example"), false)] {
        let post = request("POST", "/v1/traces", &[kind, origin], &requests::one_span());
        let answer = http1::exchange(service.http(), &post);
        let named = answer.headers.contains_key("access-control-allow-origin");
        assert_eq!((answer.status, named), (200, allowed), "{origin:?}");
    }
    service.stop();
}

#[test]
fn what_is_no_call_is_answered_as_grpc_servers_do() {
    let service = started("grpc: {endpoint: '127.0.0.1:0'}");
    block_on(async {
        let mut sender = http2::connect(service.grpc()).await;
        let body = framed(false, &requests::one_span());
        for (kind, expected) in [
            ("application/grpc+proto", 200),
            ("application/x-protobuf", 415),
            ("text/html", 415),
        ] {
            let kind = [("content-type", kind)];
            let reply = http2::post(&mut sender, EXPORT, &kind, body.clone()).await;
            assert_eq!(reply.status, expected, "{kind:?}");
        }
    });
    service.stop();
}
