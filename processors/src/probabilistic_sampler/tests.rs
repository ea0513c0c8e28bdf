use std::sync::Arc;

use ledger::{Budget, Reason};
use otlp::{Signal, json};
use pipeline::component::{Host, Outbox};
use pipeline::testkit::sample;
use pipeline::{Batch, Chunk, Outcome, Share};
use telemetry::metrics::Page;

use crate::fixture::{at, batch, build, faults, host};

fn run(host: &Host, yaml: &str, batch: Batch) -> Outbox {
    let mut out = Outbox::default();
    build("probabilistic_sampler", yaml, host).process(batch, at(0), &mut out);
    out
}

/// A span of a trace whose randomness is the number.
fn span(randomness: u64, state: &str) -> Batch {
    let text = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{:032x}","spanId":"0000000000000001",
            "traceState":"{state}"}}]}}]}}]}}"#,
        1_u128 << 100 | u128::from(randomness)
    );
    batch(Signal::Traces, &text)
}

const HALF: u64 = 1 << 55;

/// The trace state of the span that is kept.
fn kept_state(out: &mut Outbox) -> Option<String> {
    let sent = out.drain().next()?;
    let text = json::encode(Signal::Traces, &sent.chunks()[0].bytes).unwrap();
    let sent: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let span = &sent["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    Some(span["traceState"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_threshold_is_lowered_by_nobody_and_thresholds_multiply_where_they_are_proportional() {
    let check = |mode: &str, arrived: &str, randomness: u64, expected: Option<&str>| {
        let yaml = format!("{{mode: {mode}, sampling_percentage: 50}}");
        let mut out = run(&host(), &yaml, span(randomness, arrived));
        let actual = kept_state(&mut out);
        assert_eq!(actual.as_deref(), expected, "{mode}, {arrived:?}");
    };
    check("equalizing", "", HALF, Some("ot=th:8"));
    check("equalizing", "", HALF - 1, None);
    check("equalizing", "ot=th:c", HALF + HALF / 2, Some("ot=th:c"));
    check("proportional", "", HALF, Some("ot=th:8"));
    check("proportional", "ot=th:8", HALF + HALF / 2, Some("ot=th:c"));
    check("proportional", "ot=th:8", HALF + HALF / 2 - 1, None);
    check(
        "proportional",
        "v=x,ot=rv:ffffffffffffff",
        0,
        Some("ot=rv:ffffffffffffff;th:8,v=x"),
    );
}

#[test]
fn what_is_dropped_is_counted_and_ends_no_ones_wait_before_the_rest() {
    let (share, mut answer) = Share::new(2);
    let mut both = Batch::empty(Signal::Traces);
    for randomness in [0, HALF] {
        let (chunks, _) = span(randomness, "").into_parts();
        for chunk in chunks {
            both.push(Chunk {
                share: Some(share.clone()),
                ..chunk
            });
        }
    }
    share.release();
    let mut out = run(&host(), "{mode: equalizing, sampling_percentage: 50}", both);
    assert_eq!(
        out.drain_dropped().collect::<Vec<_>>(),
        [(1, Reason::NotSampled)]
    );
    assert!(answer.try_recv().is_err());
    for batch in out.drain() {
        batch.resolve(Outcome::Delivered);
    }
    assert_eq!(answer.try_recv(), Ok(Outcome::Delivered));
}

#[test]
fn a_sender_all_of_whose_items_are_dropped_has_delivered_them() {
    let (share, mut answer) = Share::new(3);
    let mut request = Batch::empty(Signal::Traces);
    let (chunks, _) = sample(Signal::Traces, 3, 0).into_parts();
    for chunk in chunks {
        request.push(Chunk {
            share: Some(share.clone()),
            ..chunk
        });
    }
    share.release();
    let mut out = run(&host(), "sampling_percentage: 0", request);
    assert_eq!(out.drain().count(), 0);
    assert_eq!(answer.try_recv(), Ok(Outcome::Delivered));
}

#[test]
fn a_request_whose_items_all_tell_what_they_should_is_not_copied() {
    let host = host();
    let request = span(HALF + HALF / 2, "ot=th:c,v=x");
    let before = request.chunks()[0].bytes.as_ptr();
    let mut out = run(
        &host,
        "{mode: equalizing, sampling_percentage: 50}",
        request,
    );
    let sent: Vec<_> = out.drain().collect();
    assert_eq!(sent[0].chunks()[0].bytes.as_ptr(), before);
    assert_eq!(host.budget.used(), 0);
}

#[test]
fn what_is_written_anew_is_charged() {
    let budget = Budget::new(1 << 20);
    let host = Host {
        budget: Arc::clone(&budget),
        ..host()
    };
    let mut out = run(
        &host,
        "sampling_percentage: 100",
        sample(Signal::Traces, 3, 0),
    );
    let sent: Vec<_> = out.drain().collect();
    assert_eq!(budget.used(), sent[0].bytes() as u64);
}

#[test]
fn a_trace_state_that_cannot_be_read_is_an_error_and_stays_as_it_is() {
    for (yaml, expected) in [
        ("{mode: equalizing, sampling_percentage: 100}", None),
        (
            "{mode: equalizing, sampling_percentage: 0, fail_closed: false}",
            Some("ot=th:x,v=1"),
        ),
        (
            "{sampling_percentage: 1, fail_closed: false}",
            Some("ot=th:x,v=1"),
        ),
    ] {
        let host = host();
        let mut out = run(&host, yaml, span(HALF, "ot=th:x,v=1"));
        assert_eq!(kept_state(&mut out).as_deref(), expected, "{yaml}");
    }
}

#[test]
fn choices_are_counted_by_what_they_were_made_by_and_errors_by_their_kind() {
    let host = host();
    let yaml = "{mode: proportional, sampling_percentage: 50}";
    let mut processor = build("probabilistic_sampler", yaml, &host);
    let mut out = Outbox::default();
    for (randomness, state) in [
        (0, ""),
        (HALF, ""),
        (0, "ot=rv:ffffffffffffff"),
        (0, "ot=th:8"),
        (0, "broken"),
    ] {
        processor.process(span(randomness, state), at(0), &mut out);
    }
    let page = host.metrics.render(&Page::default());
    let count = |metric: &str| {
        let line = page.lines().find_map(|line| line.strip_prefix(metric));
        line.unwrap_or_else(|| panic!("{metric} in {page}"))
            .trim()
            .to_owned()
    };
    let chosen = |policy: &str, sampled: bool| {
        count(&format!(
            "otelcol_processor_probabilistic_sampler_count_traces_sampled{{policy=\"{policy}\",sampled=\"{sampled}\"}}"
        ))
    };
    assert_eq!(chosen("trace_id_w3c", false), "2");
    assert_eq!(chosen("trace_id_w3c", true), "1");
    assert_eq!(chosen("sampling_randomness", true), "1");
    assert_eq!(chosen("missing_randomness", false), "1");
    for error in ["inconsistent_threshold", "unreadable"] {
        let series = format!(
            "tracegate_probabilistic_sampler_errors{{error=\"{error}\",processor=\"under_test\",signal=\"traces\"}}"
        );
        assert_eq!(count(&series), "1");
    }
}

#[test]
fn what_is_wrong_with_a_configuration_is_said_at_its_key() {
    let check = |yaml: &str, expected: &str| {
        let expected = format!("processors::probabilistic_sampler::{expected}");
        assert_eq!(faults("probabilistic_sampler", yaml), [expected]);
    };
    check(
        "sampling_percentage: .inf",
        "sampling_percentage: sampling rate is invalid: +Inf%",
    );
    check(
        "sampling_percentage: .nan",
        "sampling_percentage: sampling rate is invalid: NaN%",
    );
    check("mode: equalising", "mode: unknown value `equalising`");
    check(
        "attribute_source: traceid",
        "attribute_source: unknown value `traceid`",
    );
}
