//! What holds whatever comes, in whichever order.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use otlp::view::Request;
use otlp::{Malformed, Signal, json, survey};
use pipeline::component::{Flush, Outbox};
use pipeline::{Batch, Now};

use super::traces::{self, Feed, Random};
use super::{build, judged, sets};

const TRACES: usize = 120;

/// What the order decides on purpose: when the root comes.
const BY_ORDER: &str = "root";

#[test]
fn a_verdict_does_not_depend_on_the_order_or_the_grouping_of_spans() {
    let sets: Vec<_> = sets::all()
        .into_iter()
        .filter(|set| set.name != BY_ORDER)
        .collect();
    let expected = judged(&sets, &traces::feed(TRACES, 0));
    let found = judged(&sets, &traces::feed(TRACES, 1));
    for ((set, expected), found) in sets.iter().zip(&expected).zip(&found) {
        let differ = expected
            .iter()
            .zip(found)
            .filter(|(one, other)| one != other);
        assert_eq!(differ.count(), 0, "{}", set.name);
    }
}

#[test]
fn every_span_goes_on_once_or_ends_for_one_reason() {
    let policies = r#""policies":[
        {"name":"errors","type":"status_code","status_code":{"status_codes":["ERROR"]}},
        {"name":"some","type":"probabilistic","probabilistic":{"sampling_percentage":30}},
        {"name":"drop","type":"drop","drop":{"drop_sub_policy":[
            {"name":"ok","type":"status_code","status_code":{"status_codes":["OK"]}}]}}]"#;
    let settings = [
        "",
        r#""num_traces":10,"#,
        r#""num_traces":10,"on_overflow":"drop_oldest","#,
        r#""num_traces":10,"block_on_overflow":true,"#,
        r#""maximum_trace_size_bytes":600,"decision_wait_after_root_received":"1s","#,
        r#""decision_cache":{"sampled_cache_size":5,"non_sampled_cache_size":5},"#,
        r#""drop_pending_traces_on_shutdown":true,"sample_on_first_match":true,"#,
    ];
    for (at, setting) in settings.into_iter().enumerate() {
        let config = format!(r#"{{"decision_wait":"3s",{setting}{policies}}}"#);
        for seed in 0..2 {
            account(&config, at as u64 * 2 + seed);
        }
    }
}

/// Sends at random times, and accounts for what came.
fn account(config: &str, seed: u64) {
    let mut random = Random(seed);
    let mut processor = build(config);
    let mut out = Outbox::default();
    let Feed { requests, .. } = traces::feed(TRACES, seed + 2);
    let mut now = Duration::ZERO;
    let mut received = 0;
    let mut gone_on = HashSet::new();
    let mut ended = 0;
    let mut waiting: Vec<Vec<u8>> = requests
        .into_iter()
        .flatten()
        .chain([without_id()])
        .collect();
    waiting.reverse();
    while let Some(request) = waiting.pop() {
        let bytes = Bytes::from(request);
        let items = survey(Signal::Traces, &bytes).unwrap().items as u64;
        let batch = Batch::new(Signal::Traces, bytes.clone(), items);
        now += Duration::from_millis(random.below(700));
        if processor.admit(&batch, Now::at(now)).is_ok() {
            processor.process(batch, Now::at(now), &mut out);
            received += items;
        } else {
            waiting.push(bytes.to_vec());
        }
        while processor.deadline().is_some_and(|due| due <= now) {
            processor.tick(Now::at(now), &mut out);
        }
        drain(&mut out, &mut gone_on, &mut ended);
    }
    while processor.flush(Now::at(now), &mut out) == Flush::More {}
    drain(&mut out, &mut gone_on, &mut ended);
    assert!(ended > 0, "{config}");
    assert_eq!(gone_on.len() as u64 + ended, received, "{config}");
}

fn drain(out: &mut Outbox, gone_on: &mut HashSet<Vec<u8>>, ended: &mut u64) {
    for batch in out.drain() {
        let mut items = 0;
        for chunk in batch.chunks() {
            let each = Request::new(Signal::Traces, &chunk.bytes).for_each_item(|entry| {
                let id = entry.item.span()?.unwrap().span_id.to_vec();
                assert!(gone_on.insert(id), "a span goes on twice");
                items += 1;
                Ok::<_, Malformed>(())
            });
            each.unwrap();
        }
        assert_eq!(items, batch.items());
    }
    *ended += out.drain_dropped().map(|(items, _)| items).sum::<u64>();
}

/// Spans whose trace nobody knows.
fn without_id() -> Vec<u8> {
    let spans = r#"{"spanId":"0000000000000001"},{"traceId":"00000000000000000000000000000000"}"#;
    let request = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#);
    json::decode(Signal::Traces, request.as_bytes()).unwrap()
}
