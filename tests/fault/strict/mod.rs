//! One client in a hundred sends what no strict back end can read. It pays for that, and nobody else.

mod sink;

use benches::Protocol;
use prost::Message;

use super::PROTOCOLS;
use crate::rig::{Service, http1, requests};
use sink::Strict;

const CLIENTS: usize = 100;
const CULPRIT: usize = 42;
const REQUESTS: usize = 12;

/// Everything that arrives within a third of a second is one export.
const YAML: &str = "\
receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}
processors: {batch: {timeout: 300ms}}
exporters:
  otlp_grpc: {endpoint: GRPC, compression: none, tls: {insecure: true}}
  otlp_http: {endpoint: 'http://HTTP', compression: none}
service: {pipelines: {traces: {receivers: [otlp], processors: [batch], exporters: [EXPORTER]}}}
";

/// A request of one span that this client has named after itself.
fn request(client: usize) -> Vec<u8> {
    let span = requests::named(&format!("client {client:02}"));
    requests::spans(vec![span]).encode_to_vec()
}

/// As [`request`], with something in the span that prost refuses and that is whole by its lengths.
fn bad(at: usize) -> Vec<u8> {
    let name = requests::named("");
    let faults: [&[u8]; 4] = [
        // Field 5, the name: not UTF-8.
        &[0x2a, 3, b'a', 0xff, b'b'],
        // Field 5 as a varint.
        &[0x28, 1],
        // Field 6, the kind: a varint of eleven bytes.
        &[
            0x30, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1,
        ],
        // Field 9, an attribute whose key is not UTF-8.
        &[0x4a, 4, 0x0a, 2, 0xc3, 0x28],
    ];
    let mut span = name.encode_to_vec();
    span.extend_from_slice(faults[at % faults.len()]);
    // A span is field 2 of its scope, which is field 2 of its resource, which is field 1.
    [2, 2, 1].into_iter().fold(span, |inner, number: u8| {
        let mut outer = vec![number << 3 | 2];
        prost::encode_length_delimiter(inner.len(), &mut outer).unwrap();
        outer.extend(inner);
        outer
    })
}

fn send(service: &Service, agent: &str, body: &[u8]) -> u16 {
    let headers = [
        ("content-type", "application/x-protobuf"),
        ("user-agent", agent),
    ];
    let request = http1::request("POST", "/v1/traces", &headers, body);
    http1::exchange(service.http(), &request).status
}

#[test]
fn of_a_hundred_clients_one_who_sends_bad_spans_is_the_only_one_who_loses_any() {
    for protocol in PROTOCOLS {
        let sink = Strict::start();
        let exporter = match protocol {
            Protocol::Grpc => "otlp_grpc",
            Protocol::Http => "otlp_http",
        };
        let yaml = YAML
            .replace("GRPC", &sink.grpc.to_string())
            .replace("HTTP", &sink.http.to_string())
            .replace("EXPORTER", exporter);
        let service = Service::start(&yaml);
        for at in 0..REQUESTS {
            for client in 0..CLIENTS {
                let (agent, body) = match client {
                    CULPRIT => ("bad-sdk/1.0", bad(at)),
                    client => ("good-sdk/2.3", request(client)),
                };
                assert_eq!(send(&service, agent, &body), 200);
            }
        }
        let good = (CLIENTS - 1) * REQUESTS;
        let spans = sink.spans(good);
        for client in (0..CLIENTS).filter(|client| *client != CULPRIT) {
            let name = format!("client {client:02}");
            assert_eq!(spans.get(&name), Some(&REQUESTS), "{protocol:?}: {name}");
        }
        let ended = service.stop();
        let figures = ended.account.spans("exporter", exporter);
        let bad = REQUESTS as u64;
        assert_eq!((figures.passed, figures.dropped), (good as u64, bad));
        let lines = ended
            .log
            .lines()
            .filter(|line| line.contains("Dropping data"));
        let named = lines.filter(|line| {
            line.contains("bad-sdk/1.0") && line.contains("127.0.0.1") && !line.contains("good-sdk")
        });
        assert!(named.count() > 0, "the log does not name the sender");
    }
}

#[test]
fn what_the_survey_sees_is_refused_to_the_culprit_before_anybody_shares_his_fate() {
    let sink = Strict::start();
    let yaml = YAML
        .replace("GRPC", &sink.grpc.to_string())
        .replace("HTTP", &sink.http.to_string())
        .replace("EXPORTER", "otlp_grpc");
    let service = Service::start(&yaml);
    let bad: [(&str, &[u8]); 5] = [
        ("resource_spans as a varint", &[0x08, 1]),
        ("scope_spans as a varint", &[0x0a, 2, 0x10, 1]),
        (
            "spans as a fixed64",
            &[0x0a, 11, 0x12, 9, 0x11, 0, 0, 0, 0, 0, 0, 0, 0],
        ),
        (
            "a tag of eleven bytes",
            &[
                0x8a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0,
            ],
        ),
        ("a length beyond the end", &[0x0a, 0x7f, 0x12]),
    ];
    for (what, body) in bad {
        assert_eq!(send(&service, "bad-sdk/1.0", body), 400, "{what}");
    }
    assert_eq!(send(&service, "good-sdk/2.3", &request(1)), 200);
    assert_eq!(sink.spans(1).len(), 1);
    let labels = [
        "transport=\"http\"",
        "reason=\"invalid\"",
        "user_agent=\"bad-sdk/1.0\"",
    ];
    let page = service.page();
    assert_eq!(page.sum("tracegate_receiver_refused_requests", &labels), 5);
    assert_eq!(page.sum("tracegate_receiver_refused_requests", &[]), 5);
    service.stop();
}
