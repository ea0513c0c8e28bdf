//! `ack: delivered`: an answer of success means that the back end has it, whatever stands between.

use std::time::Duration;

use benches::clock;
use benches::sink::{Answer, Script};

use crate::rig::{PATIENCE, Service, http1, load, requests};

const YAML: &str = "\
receivers: {otlp: {ack: delivered, protocols: {http: {endpoint: '127.0.0.1:0'}}}}
processors: {batch: {timeout: TIMEOUT}}
exporters:
  otlp_grpc:
    endpoint: SINK
    compression: none
    tls: {insecure: true}
    retry_on_failure: {initial_interval: 20ms, max_interval: 100ms, max_elapsed_time: 1s}
    sending_queue: {QUEUE}
service: {pipelines: {traces: {receivers: [otlp], processors: [batch], exporters: [otlp_grpc]}}}
";

fn start(sink: &benches::sink::Sink, timeout: &str, queue: &str) -> Service {
    let yaml = YAML
        .replace("TIMEOUT", timeout)
        .replace("SINK", &sink.address().to_string())
        .replace("QUEUE", queue);
    Service::start(&yaml)
}

/// Sends one request and returns at once.
fn send(service: &Service, number: u64) -> http1::Connection {
    let mut connection = http1::Connection::open(service.http());
    let request = http1::post("/v1/traces", &requests::numbered(number, 10));
    connection.send(&request).unwrap();
    connection
}

#[test]
fn a_sender_is_told_what_the_back_end_says_to_a_batch() {
    for (answer, expected, words) in [
        (Answer::Ok, 200, ""),
        (Answer::unavailable(), 503, "retries_exhausted"),
        (Answer::invalid(), 500, "invalid"),
        (
            Answer::Partial { rejected: 3 },
            200,
            "a destination has rejected",
        ),
    ] {
        let sink = load::sink();
        sink.script(Script::always(answer.clone()));
        let service = start(&sink, "50ms", "queue_size: 10");
        let reply = send(&service, 1).reply().unwrap();
        assert_eq!(reply.status, expected, "{answer:?}");
        assert!(reply.text().contains(words), "{answer:?}: {}", reply.text());
        let ended = service.stop();
        let exporter = ended.account.spans("exporter", "otlp_grpc");
        assert_eq!((exporter.taken, exporter.dropped), (10, 0), "{answer:?}");
    }
}

#[test]
fn nobody_is_answered_before_the_back_end_has_answered() {
    let sink = load::sink();
    sink.script(Script::always(Answer::Hang));
    let service = start(&sink, "10ms", "queue_size: 10");
    let mut waiting = send(&service, 1);
    let at_the_back_end = || {
        let page = service.page();
        let labels = ["exporter=\"otlp_grpc\""];
        (page.sum("otelcol_exporter_in_flight_requests", &labels) == 1).then_some(())
    };
    clock::poll(PATIENCE, at_the_back_end).unwrap();
    assert!(!waiting.has_reply());
    sink.script(Script::default());
    assert_eq!(waiting.reply().unwrap().status, 200);
    assert_eq!(sink.counts().items(), 10);
    service.stop();
}

#[test]
fn a_drain_sends_what_is_held_while_its_senders_wait() {
    for (timeout, queue) in [
        ("1h", "queue_size: 10"),
        (
            "10ms",
            "queue_size: 10000, sizer: items, batch: {flush_timeout: 1h}",
        ),
    ] {
        let sink = load::sink();
        let service = start(&sink, timeout, queue);
        let mut waiting = send(&service, 1);
        let taken = || {
            let labels = ["kind=\"receiver\""];
            (service.page().sum("tracegate_items_out_total", &labels) == 10).then_some(())
        };
        clock::poll(PATIENCE, taken).unwrap();
        let ended = service.stop();
        assert_eq!(waiting.reply().unwrap().status, 200);
        assert_eq!(sink.counts().items(), 10);
        // The drain deadline is 25 s.
        assert!(ended.took < Duration::from_secs(10), "{:?}", ended.took);
    }
}

#[test]
fn what_must_be_on_disk_is_refused_by_a_build_that_has_none() {
    let yaml = YAML.replace("ack: delivered", "ack: durable");
    let said = crate::rig::failed_start(&yaml);
    assert!(said.1.contains("needs the journal"), "{}", said.1);
}
