//! The demo: a shop whose telemetry goes through the service.

use std::io::BufRead;

use super::start::{FREE_PORTS, Running, account};
use super::{file, path, tracegate};

/// The numbers of a line: seconds, spans, points, records, delivered, then traces by policy and dropped ones.
fn figures(line: &str) -> Vec<u64> {
    let words = line
        .split_whitespace()
        .filter(|word| !["|", "s"].contains(word));
    words
        .map(|word| word.replace(',', "").parse().unwrap())
        .collect()
}

#[test]
fn it_ends_by_itself_with_everything_delivered() {
    let ended = tracegate(&[&["demo", "--seconds", "2"], &FREE_PORTS[..]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let lines: Vec<&str> = ended.out.lines().collect();
    assert_eq!(lines.len(), 3, "{}", ended.out);
    assert!(lines.iter().all(|line| line.len() <= 80), "{}", ended.out);
    assert!(
        lines[0].ends_with("| errors   slow  tenth dropped"),
        "{}",
        ended.out
    );
    let last = figures(lines[2]);
    assert_eq!((last[0], last.len()), (2, 9));
    assert!(last[1..5].iter().all(|figure| *figure > 0), "{}", ended.out);
    // Most of the traces that are decided by now are nothing special.
    assert!(last[8] > 0, "{}", ended.out);
    for signal in ["traces", "metrics", "logs"] {
        let received = account(&ended.err, &format!("receiver otlp {signal} grpc"));
        assert!(received[0] > 0, "{}", ended.err);
        let delivered = account(&ended.err, &format!("exporter debug {signal}"));
        let all = delivered[0] == received[0];
        assert_eq!(all, signal != "traces", "{}", ended.err);
        assert_eq!(delivered, [delivered[0], delivered[0], 0, 0, 0]);
    }
    // The debug exporter's own lines would hide the figures.
    assert!(!ended.err.contains("\tinfo\t"), "{}", ended.err);
}

#[test]
fn it_can_be_interrupted_and_still_gives_the_account() {
    let mut running = Running::start(&[&["demo"], &FREE_PORTS[..]].concat());
    let mut lines = running.stdout().lines();
    assert!(lines.next().unwrap().unwrap().contains("delivered"));
    assert_eq!(figures(&lines.next().unwrap().unwrap())[0], 1);
    let (code, err) = running.end("INT");
    assert_eq!(code, Some(0));
    let sent = account(&err, "exporter debug traces");
    assert_eq!((sent[0] > 0, sent[1], sent[4]), (true, sent[0], 0), "{err}");
}

#[test]
fn it_sends_what_the_configuration_takes() {
    let file = file(
        "receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}}}}\n\
         exporters: {nop: }\n\
         service:\n  telemetry: {metrics: {level: none}}\n  \
         pipelines: {traces: {receivers: [otlp], exporters: [nop]}}\n",
    );
    let ended = tracegate(&["demo", "--seconds", "1", "--config", path(&file)]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    // Once for logs and, after a second, perhaps for metrics.
    let told = ended.err.matches("No pipeline takes this signal").count();
    assert!((1..=2).contains(&told), "{}", ended.err);
    assert!(!ended.err.contains("was not taken"), "{}", ended.err);
    assert!(
        account(&ended.err, "exporter nop traces")[1] > 0,
        "{}",
        ended.err
    );
}

#[test]
fn it_needs_a_receiver_for_grpc() {
    let file = file(
        "receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}\n\
         exporters: {nop: }\n\
         service:\n  telemetry: {metrics: {level: none}}\n  \
         pipelines: {traces: {receivers: [otlp], exporters: [nop]}}\n",
    );
    let ended = tracegate(&["demo", "--config", path(&file)]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    assert!(
        ended
            .err
            .contains("give an `otlp` receiver with `protocols::grpc`"),
        "{}",
        ended.err
    );
}
