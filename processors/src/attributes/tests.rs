use bytes::Bytes;
use ledger::{Budget, Reason};
use otlp::json;
use pipeline::component::Outbox;
use pipeline::testkit::sample;
use pipeline::{Chunk, Outcome, Sender, Share};

use super::*;
use crate::fixture::{at, build, faults, host};

fn run(host: &Host, yaml: &str, batch: Batch) -> Outbox {
    let mut out = Outbox::default();
    build("attributes", yaml, host).process(batch, at(0), &mut out);
    out
}

#[test]
fn a_request_in_which_nothing_changes_is_not_copied() {
    let host = host();
    let batch = sample(Signal::Traces, 3, 0);
    let before = batch.chunks()[0].bytes.clone();
    for yaml in [
        "actions: [{key: absent, action: delete}]",
        "actions: [{key: http.method, value: GET, action: upsert}]",
        "{actions: [{pattern: ., action: delete}], include: {match_type: strict, services: [x]}}",
    ] {
        let mut out = run(&host, yaml, batch.clone());
        let sent: Vec<_> = out.drain().collect();
        assert_eq!(
            sent[0].chunks()[0].bytes.as_ptr(),
            before.as_ptr(),
            "{yaml}"
        );
    }
    assert_eq!(host.budget.used(), 0);
}

#[test]
fn what_an_edit_has_written_is_charged_until_it_is_gone() {
    let budget = Budget::new(1 << 20);
    let host = Host {
        budget: Arc::clone(&budget),
        ..host()
    };
    let yaml = "actions: [{key: new, value: x, action: insert}]";
    let mut out = run(&host, yaml, sample(Signal::Traces, 3, 0));
    let sent: Vec<_> = out.drain().collect();
    assert_eq!(budget.used(), sent[0].bytes() as u64);
    drop(sent);
    assert_eq!(budget.used(), 0);
}

#[test]
fn requests_of_a_batch_stay_apart_and_keep_their_shares() {
    let (share, mut answer) = Share::new(5);
    let mut batch = sample(Signal::Traces, 2, 0);
    let (chunks, _) = sample(Signal::Traces, 3, 1).into_parts();
    for chunk in chunks {
        batch.push(Chunk {
            share: Some(share.clone()),
            ..chunk
        });
    }
    share.release();
    let yaml = "actions: [{key: new, value: x, action: insert}]";
    let mut out = run(&host(), yaml, batch);
    let sent: Vec<_> = out.drain().collect();
    let items: Vec<_> = sent[0].chunks().iter().map(|chunk| chunk.items).collect();
    assert_eq!(items, [2, 3]);
    assert!(answer.try_recv().is_err());
    sent.into_iter()
        .for_each(|batch| batch.resolve(Outcome::Delivered));
    assert_eq!(answer.try_recv(), Ok(Outcome::Delivered));
}

#[test]
fn a_request_that_is_not_otlp_is_dropped_and_the_others_go_on() {
    let (share, mut answer) = Share::new(5);
    let mut batch = sample(Signal::Traces, 2, 0);
    let broken = Bytes::from_static(&[0x0a, 0x7f]);
    batch.push(Chunk {
        bytes: broken,
        items: 5,
        share: Some(share),
        sender: Sender::default(),
        selection: None,
    });
    let mut out = run(&host(), "actions: [{key: a, action: delete}]", batch);
    assert_eq!(
        out.drain_dropped().collect::<Vec<_>>(),
        [(5, Reason::Invalid)]
    );
    assert_eq!(
        out.drain().map(|batch| batch.items()).collect::<Vec<_>>(),
        [2]
    );
    assert_eq!(answer.try_recv(), Ok(Outcome::Permanent(Reason::Invalid)));
}

#[test]
fn a_batch_of_nothing_but_broken_requests_ends() {
    let batch = Batch::new(Signal::Logs, Bytes::from_static(&[0x0a, 0x7f]), 5);
    let label = pipeline::component::Label {
        signal: Some(Signal::Logs),
        ..host().label
    };
    let host = Host { label, ..host() };
    let mut out = run(&host, "actions: [{key: a, action: delete}]", batch);
    assert_eq!(
        out.drain_dropped().collect::<Vec<_>>(),
        [(5, Reason::Invalid)]
    );
    assert_eq!(out.drain().count(), 0);
}

#[test]
fn of_several_attributes_with_one_key_a_change_leaves_none_behind() {
    let check = |action: &str, expected: &[&str]| {
        let text = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":[
            {"key":"card","value":{"stringValue":"4111"}},
            {"key":"card","value":{"stringValue":"5500"}}]}]}]}]}"#;
        let batch = crate::fixture::batch(Signal::Traces, text);
        let mut out = run(
            &host(),
            &format!("actions: [{{key: card, {action}}}]"),
            batch,
        );
        let sent: Vec<_> = out.drain().collect();
        let bytes = json::encode(Signal::Traces, &sent[0].chunks()[0].bytes).unwrap();
        let sent: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let span = &sent["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        let values: Vec<_> = span["attributes"]
            .as_array()
            .into_iter()
            .flatten()
            .collect();
        let values: Vec<_> = values
            .iter()
            .map(|pair| pair["value"]["stringValue"].as_str().unwrap())
            .collect();
        assert_eq!(values, expected, "{action}");
    };
    check("action: delete", &[]);
    check("action: update, value: hidden", &["hidden"]);
    check(
        "action: hash",
        &["1f58dbec71994620de8abe61e744f76da60667b7b277ed4bead710a4b8e31ad0"],
    );
}

#[test]
fn all_wrong_actions_and_properties_are_named_at_once_with_their_places() {
    let yaml = "{actions: [{key: a, action: drop}, {key: b, value: x, action: insert}, {key: c, \
                action: insert}], include: {match_type: glob, services: [a]}}";
    let paths: Vec<_> = faults("attributes", yaml)
        .iter()
        .map(|fault| fault.split(": ").next().unwrap().to_owned())
        .collect();
    let expected = [
        "attributes::actions[0]",
        "attributes::actions[2]",
        "attributes::include",
    ]
    .map(|path| format!("processors::{path}"));
    assert_eq!(paths, expected);
}
