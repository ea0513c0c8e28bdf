//! What the file exporter leaves on disk: requests in, files out, over the life of a service.

use std::fs;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use otlp::{Signal, json};
use prost::Message;

use crate::rig::{Service, failed_start, http1, requests};

const SERVICE: &str = "\
receivers:
  otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}
exporters: {file: {path: 'DIR/out', KEYS}}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [file]}
    logs: {receivers: [otlp], exporters: [file]}
";

fn post(service: &Service, path: &str, body: &[u8]) -> u16 {
    let headers = [("content-type", "application/x-protobuf")];
    let request = http1::request("POST", path, &headers, body);
    http1::exchange(service.http(), &request).status
}

/// What a service with these keys leaves in its file: it is sent one request of traces with full
/// content, one of logs, and one small span, and then ended by SIGTERM.
fn written(keys: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().display().to_string();
    let yaml = SERVICE.replace("DIR", &directory).replace("KEYS", keys);
    let service = Service::start(&yaml);
    let (traces, logs) = (requests::full_traces(), requests::full_logs());
    for (path, body) in [
        ("/v1/traces", traces.encode_to_vec()),
        ("/v1/logs", logs.encode_to_vec()),
        ("/v1/traces", requests::one_span()),
    ] {
        assert_eq!(post(&service, path, &body), 200, "{path}");
    }
    let before = fs::read(folder.path().join("out")).unwrap();
    let ended = service.stop();
    assert_eq!(ended.account.spans("exporter", "file").passed, 3);
    let after = fs::read(folder.path().join("out")).unwrap();
    assert!(before == after, "what was acknowledged was in the file");
    after
}

#[test]
fn each_line_of_a_file_is_the_request_that_was_sent() {
    let file = String::from_utf8(written("format: json")).unwrap();
    let lines: Vec<_> = file.lines().collect();
    assert!(file.ends_with('\n') && lines.len() == 3, "{file}");
    let read = |signal, line: &str| json::decode(signal, line.as_bytes()).unwrap();
    let traces = ExportTraceServiceRequest::decode(&read(Signal::Traces, lines[0])[..]);
    assert_eq!(traces.unwrap(), requests::full_traces());
    let logs = ExportLogsServiceRequest::decode(&read(Signal::Logs, lines[1])[..]);
    assert_eq!(logs.unwrap(), requests::full_logs());
    let span = ExportTraceServiceRequest::decode(&read(Signal::Traces, lines[2])[..]);
    assert_eq!(span.unwrap(), requests::span_with(Vec::new()));
}

#[test]
fn a_binary_file_is_read_by_the_lengths_in_it() {
    let file = written("format: proto");
    let mut rest = &file[..];
    let mut messages = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let (message, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        messages.push(message);
        rest = after;
    }
    assert!(rest.is_empty() && messages.len() == 3);
    let traces = ExportTraceServiceRequest::decode(messages[0]).unwrap();
    assert_eq!(traces, requests::full_traces());
    let logs = ExportLogsServiceRequest::decode(messages[1]).unwrap();
    assert_eq!(logs, requests::full_logs());
    assert_eq!(messages[2], requests::one_span());
}

#[test]
fn a_full_disk_is_told_to_the_sender_who_may_try_again() {
    let yaml = SERVICE.replace("DIR/out", "/dev/full");
    let service = Service::start(&yaml.replace("KEYS", ""));
    assert_eq!(post(&service, "/v1/traces", &requests::one_span()), 503);
    service.logs("No space left on device");
    let ended = service.stop();
    assert_eq!(ended.account.spans("exporter", "file").passed, 0);
}

#[test]
fn a_file_that_cannot_be_opened_stops_the_start() {
    let yaml = SERVICE.replace("DIR/out", "/nonexistent/out");
    let (code, log) = failed_start(&yaml.replace("KEYS", ""));
    assert_ne!(code, Some(0));
    let text = "cannot open \"/nonexistent/out\": No such file or directory";
    assert!(log.replace('\\', "").contains(text), "{log}");
}
