use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::Bytes;
use ledger::{Budget, Reason};
use otlp::view::{ItemView, Request};
use pipeline::{Chunk, Context, Sender, Shards, Share};

use super::partitions::IDLE_MAX;
use super::*;
use crate::fixture::{at, batch, build, faults, host};

/// A request with spans of these names, all of one resource.
fn request(names: &str) -> Batch {
    let spans: Vec<_> = names
        .split(' ')
        .map(|name| format!(r#"{{"name": "{name}"}}"#))
        .collect();
    let text = format!(
        r#"{{"resourceSpans": [{{"resource": {{"attributes":
            [{{"key": "service.name", "value": {{"stringValue": "shop"}}}}]}},
            "scopeSpans": [{{"spans": [{}]}}]}}]}}"#,
        spans.join(",")
    );
    batch(Signal::Traces, &text)
}

/// The names of the spans, requests apart by `|`, behind the metadata if there is any.
fn show(batch: &Batch) -> String {
    let mut shown = String::new();
    for (key, value) in batch
        .context()
        .into_iter()
        .flat_map(|context| &context.metadata)
    {
        write!(shown, "{key}={value} ").unwrap();
    }
    let requests: Vec<_> = batch
        .chunks()
        .iter()
        .map(|chunk| names(&chunk.bytes).join(" "))
        .collect();
    shown + &requests.join("|")
}

fn names(bytes: &Bytes) -> Vec<String> {
    let mut names = Vec::new();
    let visit = |entry: &otlp::view::Entry<'_, '_>| {
        let service = entry.resource.attributes().get("service.name")?;
        assert!(service.is_some_and(|value| value.as_text().unwrap() == *"shop"));
        let ItemView::Span(span) = entry.item.read()? else {
            panic!("a span")
        };
        names.push(span.name.to_string());
        Ok::<_, otlp::Malformed>(())
    };
    Request::new(Signal::Traces, bytes)
        .for_each_item(visit)
        .unwrap();
    names
}

fn from_tenant(names: &str, tenant: &str) -> Batch {
    let context = Context {
        peer: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        metadata: vec![
            ("user-agent".to_owned(), "sdk".to_owned()),
            ("x-tenant".to_owned(), tenant.to_owned()),
        ],
        ..Context::default()
    };
    request(names).with_context(Some(Arc::new(context)))
}

/// What was sent, one line a batch.
fn sent(now: Now, out: &mut Outbox) -> Vec<String> {
    assert_eq!(out.drain_dropped().collect::<Vec<_>>(), []);
    let line = |batch: Batch| format!("{}ms {}", now.mono.as_millis(), show(&batch));
    out.drain().map(line).collect()
}

/// Gives the processor requests at these milliseconds and ticks it at every deadline, as the driver
/// does; after the last one until it holds nothing.
fn run(yaml: &str, arrivals: Vec<(u64, Batch)>) -> Vec<String> {
    let mut processor = build("batch", yaml, &host());
    let mut out = Outbox::default();
    let mut lines = Vec::new();
    let mut wait_until = |processor: &mut dyn Processor, end: Option<Duration>| {
        let mut lines = Vec::new();
        while let Some(deadline) = processor
            .deadline()
            .filter(|d| end.is_none_or(|end| *d <= end))
        {
            let now = Now::at(deadline);
            processor.tick(now, &mut out);
            lines.extend(sent(now, &mut out));
        }
        lines
    };
    for (millis, batch) in arrivals {
        let now = at(millis);
        lines.extend(wait_until(processor.as_mut(), Some(now.mono)));
        processor.admit(&batch, now).unwrap();
        let mut out = Outbox::default();
        processor.process(batch, now, &mut out);
        lines.extend(sent(now, &mut out));
    }
    lines.extend(wait_until(processor.as_mut(), None));
    lines
}

fn check(yaml: &str, arrivals: &[(u64, &str)], expected: &[&str]) {
    let arrivals = arrivals
        .iter()
        .map(|(millis, names)| (*millis, request(names)))
        .collect();
    assert_eq!(run(yaml, arrivals), expected, "with {yaml}");
}

// === when a batch is sent ===

#[test]
fn a_batch_is_sent_a_timeout_after_its_first_item() {
    check(
        "timeout: 200ms",
        &[(50, "a"), (100, "b"), (249, "c"), (251, "d")],
        &["250ms a|b|c", "451ms d"],
    );
}

#[test]
fn a_batch_is_sent_when_it_has_reached_its_size_and_keeps_requests_whole() {
    check(
        "{timeout: 1s, send_batch_size: 3}",
        &[(0, "a b"), (10, "c d"), (20, "e"), (30, "f")],
        &["10ms a b|c d", "1020ms e|f"],
    );
}

#[test]
fn without_a_timeout_or_a_size_nothing_waits() {
    for yaml in [
        "timeout: 0s",
        "send_batch_size: 0",
        "{timeout: 0s, send_batch_size: 0}",
    ] {
        check(yaml, &[(0, "a"), (1, "b c")], &["0ms a", "1ms b c"]);
    }
}

#[test]
fn a_request_without_items_is_not_held_and_its_sender_is_told_that_it_arrived() {
    let (share, mut answer) = Share::new(0);
    let mut empty = Batch::empty(Signal::Traces);
    empty.push(Chunk {
        bytes: Bytes::new(),
        items: 0,
        share: Some(share),
        sender: Sender::default(),
        selection: None,
    });
    let mut processor = build("batch", "{}", &host());
    let mut out = Outbox::default();
    processor.process(empty, at(0), &mut out);
    assert!(out.is_empty());
    assert_eq!(processor.deadline(), None);
    assert_eq!(answer.try_recv(), Ok(Outcome::Delivered));
}

#[test]
fn a_flush_sends_what_waits() {
    let mut processor = build("batch", "metadata_keys: [x-tenant]", &host());
    let mut out = Outbox::default();
    processor.process(from_tenant("a", "red"), at(0), &mut out);
    processor.process(from_tenant("b", "blue"), at(1), &mut out);
    assert_eq!(processor.flush(at(2), &mut out), Flush::More);
    assert_eq!(sent(at(2), &mut out), ["2ms x-tenant=red a"]);
    assert_eq!(processor.flush(at(3), &mut out), Flush::Done);
    assert_eq!(sent(at(3), &mut out), ["3ms x-tenant=blue b"]);
    assert_eq!(processor.deadline(), None);
    assert_eq!(processor.flush(at(4), &mut out), Flush::Done);
    assert!(out.is_empty());
}

// === the largest size ===

#[test]
fn batches_are_cut_to_exactly_the_largest_size() {
    let yaml = "{timeout: 1s, send_batch_size: 2, send_batch_max_size: 2}";
    check(
        yaml,
        &[(0, "a b c d e")],
        &["0ms a b", "0ms c d", "1000ms e"],
    );
    check(
        yaml,
        &[(0, "a"), (5, "b c d e")],
        &["5ms a|b", "5ms c d", "1005ms e"],
    );
    check(yaml, &[(0, "a"), (5, "b c")], &["5ms a|b", "1005ms c"]);
    check(
        yaml,
        &[(0, "a"), (5, "b"), (6, "c d")],
        &["5ms a|b", "6ms c d"],
    );
}

#[test]
fn a_rest_of_the_trigger_size_is_sent_too() {
    let yaml = "{timeout: 1s, send_batch_size: 2, send_batch_max_size: 3}";
    check(yaml, &[(0, "a b c d e")], &["0ms a b c", "0ms d e"]);
    check(yaml, &[(0, "a b c d")], &["0ms a b c", "1000ms d"]);
}

#[test]
fn what_is_sent_at_once_is_cut_too() {
    check(
        "{timeout: 0s, send_batch_size: 1, send_batch_max_size: 2}",
        &[(0, "a b c")],
        &["0ms a b", "0ms c"],
    );
}

#[test]
fn what_a_cut_has_made_is_charged_until_it_is_gone_and_its_sender_is_answered_once() {
    let budget = Budget::new(1 << 20);
    let yaml = "{send_batch_size: 2, send_batch_max_size: 2}";
    let host = Host {
        budget: Arc::clone(&budget),
        ..host()
    };
    let mut processor = build("batch", yaml, &host);
    let (share, mut answer) = Share::new(3);
    let (mut chunks, _) = request("a b c").into_parts();
    let mut batch = Batch::empty(Signal::Traces);
    batch.push(Chunk {
        share: Some(share),
        ..chunks.remove(0)
    });
    let mut out = Outbox::default();
    processor.process(batch, at(0), &mut out);
    processor.flush(at(0), &mut out);
    let pieces: Vec<_> = out.drain().collect();
    let bytes: usize = pieces.iter().map(Batch::bytes).sum();
    assert_eq!(budget.used(), bytes as u64);
    for piece in pieces {
        assert!(
            answer.try_recv().is_err(),
            "answered before the last piece ended"
        );
        piece.resolve(Outcome::Delivered);
    }
    assert_eq!(answer.try_recv(), Ok(Outcome::Delivered));
    assert_eq!(budget.used(), 0);
}

#[test]
fn a_request_that_must_be_cut_and_cannot_be_read_is_dropped_and_the_others_go_on() {
    let (share, mut answer) = Share::new(5);
    let mut batch = request("a");
    let broken = Bytes::from_static(&[0x0a, 0x7f]);
    batch.push(Chunk {
        bytes: broken,
        items: 5,
        share: Some(share),
        sender: Sender::default(),
        selection: None,
    });
    batch.append(request("b"));
    let mut processor = build(
        "batch",
        "{send_batch_size: 2, send_batch_max_size: 2}",
        &host(),
    );
    let mut out = Outbox::default();
    processor.process(batch, at(0), &mut out);
    assert_eq!(
        out.drain_dropped().collect::<Vec<_>>(),
        [(5, Reason::Invalid)]
    );
    assert_eq!(sent(at(0), &mut out), ["0ms a|b"]);
    assert_eq!(answer.try_recv(), Ok(Outcome::Permanent(Reason::Invalid)));
}

// === metadata ===

#[test]
fn senders_are_kept_apart_by_their_metadata_and_only_the_keys_go_on() {
    let arrivals = vec![
        (0, from_tenant("a", "red")),
        (1, from_tenant("b", "blue")),
        (2, from_tenant("c", "red")),
        (3, request("d")),
        (4, from_tenant("e", "blue")),
        (205, from_tenant("f", "red")),
    ];
    assert_eq!(
        run("{timeout: 200ms, metadata_keys: [X-Tenant]}", arrivals),
        [
            "200ms x-tenant=red a|c",
            "201ms x-tenant=blue b|e",
            "203ms d",
            "405ms x-tenant=red f",
        ]
    );
}

#[test]
fn without_keys_nothing_is_known_of_the_senders() {
    let mut processor = build("batch", "timeout: 0s", &host());
    let mut out = Outbox::default();
    processor.process(from_tenant("a", "red"), at(0), &mut out);
    assert!(out.drain().all(|batch| batch.context().is_none()));
}

#[test]
fn a_combination_over_the_limit_is_refused_for_good_until_another_has_long_been_idle() {
    let yaml = "{timeout: 1s, metadata_keys: [x-tenant], metadata_cardinality_limit: 2}";
    let mut processor = build("batch", yaml, &host());
    let mut out = Outbox::default();
    processor.process(from_tenant("a", "red"), at(0), &mut out);
    processor.process(from_tenant("b", "blue"), at(1), &mut out);
    let green = from_tenant("c", "green");
    let refusal = processor.admit(&green, at(2)).unwrap_err();
    assert_eq!(refusal.text, "too many batcher metadata-value combinations");
    assert_eq!(
        (refusal.reason, refusal.retry),
        (Reason::MetadataCardinality, None)
    );
    assert_eq!(processor.admit(&from_tenant("d", "red"), at(2)), Ok(()));

    processor.tick(at(1000), &mut out);
    assert_eq!(sent(at(1000), &mut out), ["1000ms x-tenant=red a"]);
    let forgotten = Now::at(Duration::from_secs(1) + IDLE_MAX);
    let before = Now::at(forgotten.mono - Duration::from_nanos(1));
    assert!(processor.admit(&green, before).is_err());
    assert_eq!(processor.admit(&green, forgotten), Ok(()));
    processor.process(green, forgotten, &mut out);
    assert!(
        processor
            .admit(&from_tenant("d", "red"), forgotten)
            .is_err()
    );
    assert_eq!(
        processor.admit(&from_tenant("e", "blue"), forgotten),
        Ok(())
    );
}

#[test]
fn what_another_processor_emits_over_the_limit_is_dropped_and_counted() {
    let yaml = "{metadata_keys: [x-tenant], metadata_cardinality_limit: 1}";
    let mut processor = build("batch", yaml, &host());
    let mut out = Outbox::default();
    processor.process(from_tenant("a", "red"), at(0), &mut out);
    processor.process(from_tenant("b c", "blue"), at(0), &mut out);
    assert_eq!(
        out.drain_dropped().collect::<Vec<_>>(),
        [(2, Reason::MetadataCardinality)]
    );
}

// === configuration ===

#[test]
fn wrong_settings_are_named_in_the_collectors_words() {
    let check = |yaml: &str, expected: &[&str]| {
        let expected: Vec<_> = expected
            .iter()
            .map(|text| format!("processors::batch::{text}"))
            .collect();
        assert_eq!(faults("batch", yaml), expected, "{yaml}");
    };
    check("{}", &[]);
    check(BatchProcessor::EXAMPLE, &[]);
    check(
        "{timeout: -1s}",
        &["timeout: timeout must be greater or equal to 0"],
    );
    check(
        "{send_batch_size: 10, send_batch_max_size: 9}",
        &["send_batch_max_size: send_batch_max_size must be greater or equal to send_batch_size"],
    );
    check(
        "{metadata_keys: [a, b, A]}",
        &[r#"metadata_keys[2]: duplicate entry in metadata_keys: "a" (case-insensitive)"#],
    );
    assert_eq!(faults("batch", "{send_batch_sizes: 10}").len(), 1);
}

// === metrics ===

#[test]
fn what_is_sent_is_measured_by_its_trigger_and_size() {
    let host = host();
    let mut processor = build(
        "batch",
        "{send_batch_size: 2, metadata_keys: [x-tenant]}",
        &host,
    );
    let mut out = Outbox::default();
    processor.process(from_tenant("a b c", "red"), at(0), &mut out);
    processor.process(from_tenant("d", "blue"), at(0), &mut out);
    processor.tick(at(200), &mut out);
    let bytes: usize = out.drain().map(|batch| batch.bytes()).sum();
    let page = telemetry::metrics::Page {
        level: telemetry::metrics::Level::Detailed,
        ..Default::default()
    };
    let text = host.metrics.render(&page);
    let check = |name: &str, value: String| {
        let line = format!("otelcol_processor_batch_{name}{{processor=\"under_test\"}} {value}\n");
        assert!(text.contains(&line), "no {line}in\n{text}");
    };
    check("batch_size_trigger_send", "1".to_owned());
    check("timeout_trigger_send", "1".to_owned());
    check("batch_send_size_sum", "4".to_owned());
    check("batch_send_size_count", "2".to_owned());
    check("batch_send_size_bytes_sum", bytes.to_string());
    check("metadata_cardinality", "2".to_owned());
}

// === reload ===

/// What a successor with another configuration sends of what its predecessor held, at 100 ms and in the end.
/// What a predecessor hands to its only heir.
fn handed_over(predecessor: &mut dyn Processor) -> State {
    let mut states = predecessor.yield_state(Shards::new(1));
    assert_eq!(states.len(), 1);
    states.remove(0)
}

fn check_handover(old: &str, new: &str, held: Vec<Batch>, expected: &[&str]) {
    let mut out = Outbox::default();
    let mut predecessor = build("batch", old, &host());
    for batch in held {
        predecessor.process(batch, at(0), &mut out);
    }
    assert!(out.is_empty(), "it is held");
    let state = handed_over(predecessor.as_mut());
    assert_eq!(predecessor.deadline(), None, "it holds nothing more");
    let mut successor = build("batch", new, &host());
    successor.adopt(state, at(100), &mut out);
    let mut lines = sent(at(100), &mut out);
    while let Some(deadline) = successor.deadline() {
        successor.tick(Now::at(deadline), &mut out);
        lines.extend(sent(Now::at(deadline), &mut out));
    }
    assert_eq!(lines, expected, "{old} → {new}");
}

#[test]
fn what_waits_goes_to_the_successor_and_by_its_rules() {
    let held = || vec![request("a b"), request("c")];
    let long = "{timeout: 10s, send_batch_size: 100}";
    check_handover(long, "{timeout: 50ms}", held(), &["150ms a b|c"]);
    check_handover(long, "{send_batch_size: 3}", held(), &["100ms a b|c"]);
    check_handover(
        long,
        "{metadata_keys: [x-tenant], timeout: 50ms}",
        held(),
        &["150ms a b|c"],
    );
}

#[test]
fn what_was_kept_apart_for_its_senders_goes_on_at_once() {
    let held = || vec![from_tenant("a", "1"), from_tenant("b", "2")];
    let old = "{timeout: 10s, metadata_keys: [x-tenant]}";
    let shown = |new: &str| {
        let mut out = Outbox::default();
        let mut predecessor = build("batch", old, &host());
        held()
            .into_iter()
            .for_each(|batch| predecessor.process(batch, at(0), &mut out));
        let state = handed_over(predecessor.as_mut());
        build("batch", new, &host()).adopt(state, at(100), &mut out);
        let mut lines = sent(at(100), &mut out);
        lines.sort();
        lines
    };
    let apart = ["100ms x-tenant=1 a", "100ms x-tenant=2 b"];
    assert_eq!(shown("{timeout: 10s}"), apart);
    assert_eq!(
        shown("{metadata_keys: [x-tenant], metadata_cardinality_limit: 1}"),
        apart
    );
}
