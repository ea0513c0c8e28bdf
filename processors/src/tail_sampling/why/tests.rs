//! Decisions, as they are explained to whoever asks.

use otlp::Signal;
use pipeline::component::{Answer, Flush, Outbox, Processor, Query};
use serde_json::{Value, json};

use crate::fixture::{at, batch, build, host};

/// Asks one instance. Times are milliseconds after its start.
struct Bench {
    processor: Box<dyn Processor>,
    out: Outbox,
}

impl Bench {
    fn new(yaml: &str) -> Self {
        Self {
            processor: build("tail_sampling", yaml, &host()),
            out: Outbox::default(),
        }
    }

    /// One policy.
    fn with(policy: &str) -> Self {
        Self::new(&format!(
            "{{decision_wait: 10s, policies: [{{name: p, {policy}}}]}}"
        ))
    }

    fn send(&mut self, millis: u64, resource: &str, spans: &[&str]) {
        let spans = spans.join(",");
        let text = format!(
            r#"{{"resourceSpans":[{{"resource":{{{resource}}},"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#
        );
        let batch = batch(Signal::Traces, &text);
        self.processor.process(batch, at(millis), &mut self.out);
    }

    fn until(&mut self, millis: u64) {
        while let Some(due) = self
            .processor
            .deadline()
            .filter(|due| *due <= at(millis).mono)
        {
            let due = at(due.as_millis() as u64);
            self.processor.tick(due, &mut self.out);
        }
    }

    fn ask(&self, millis: u64, trace: u8, shows_values: bool) -> Answer {
        let trace_id = [trace; 16];
        let query = Query::Why {
            trace_id,
            shows_values,
        };
        self.processor.ask(&query, at(millis))
    }

    fn known(&self, millis: u64, trace: u8) -> Value {
        match self.ask(millis, trace, false) {
            Answer::Known(value) => value,
            other => panic!("{other:?}"),
        }
    }

    fn unknown(&self, millis: u64, trace: u8) -> Value {
        match self.ask(millis, trace, false) {
            Answer::Unknown(value) => value,
            other => panic!("{other:?}"),
        }
    }
}

/// A span of this trace with these fields.
fn span(trace: u8, fields: &str) -> String {
    let comma = if fields.is_empty() { "" } else { "," };
    format!(
        r#"{{"traceId":"{}"{comma}{fields}}}"#,
        format!("{trace:02x}").repeat(16)
    )
}

/// From `start` to `end`, milliseconds.
fn took(start: u64, end: u64) -> String {
    format!(r#""startTimeUnixNano":"{start}000000","endTimeUnixNano":"{end}000000""#)
}

fn attribute(key: &str, value: &str) -> String {
    format!(r#""attributes":[{{"key":"{key}","value":{{{value}}}}}]"#)
}

/// What the policy `p` says of a trace of these spans.
fn said(policy: &str, spans: &[&str], shows_values: bool) -> Value {
    let mut bench = Bench::with(policy);
    let spans: Vec<_> = spans.iter().map(|fields| span(7, fields)).collect();
    let spans: Vec<_> = spans.iter().map(String::as_str).collect();
    bench.send(0, "", &spans);
    bench.until(11_000);
    match bench.ask(11_000, 7, shows_values) {
        Answer::Known(value) => value["decisions"][0]["policies"][0].clone(),
        other => panic!("{other:?}"),
    }
}

fn check(policy: &str, spans: &[&str], text: &str) {
    assert_eq!(said(policy, spans, false)["text"], text, "{policy}");
}

#[test]
fn each_policy_says_what_it_looked_at_and_what_decided() {
    let latency = "type: latency, latency: {threshold_ms: 1000}";
    check(latency, &[&took(0, 812)], "latency 812 ms < 1 s → no");
    check(latency, &[&took(5, 1005)], "latency 1 s = 1 s → no");
    check(
        latency,
        &[&took(500, 1505), &took(5, 7)],
        "latency 1.5 s > 1 s → yes",
    );
    check(latency, &[&took(900, 0)], "latency −900 ms < 1 s → no");
    let between = "type: latency, latency: {threshold_ms: 100, upper_threshold_ms: 2000}";
    check(
        between,
        &[&took(0, 812)],
        "100 ms < latency 812 ms ≤ 2 s → yes",
    );
    check(
        between,
        &[&took(0, 90_000)],
        "latency 1 min 30 s > 2 s → no",
    );
    check("type: always_sample", &[""], "every trace is kept → yes");
    let errors = "type: status_code, status_code: {status_codes: [ERROR, UNSET]}";
    check(
        errors,
        &[r#""status":{"code":2}"#],
        "a span has status ERROR or UNSET → yes",
    );
    check(
        errors,
        &[r#""status":{"code":1}"#],
        "no span has status ERROR or UNSET → no",
    );
    let flags = "type: trace_flags";
    check(
        flags,
        &[r#""flags":1"#],
        "a span has the sampled flag → yes",
    );
    let state = "type: trace_state, trace_state: {key: k, values: [a, b]}";
    check(state, &[""], "no span has trace state k=a or k=b → no");
    let count = "type: span_count, span_count: {min_spans: 2, max_spans: 3}";
    check(count, &[""], "1 spans < 2 → no");
    check(count, &["", ""], "2 ≤ 2 spans ≤ 3 → yes");
    check(count, &["", "", "", ""], "4 spans > 3 → no");
    check(
        "type: span_count, span_count: {min_spans: 2}",
        &["", ""],
        "2 spans ≥ 2 → yes",
    );
    let tenth = "type: probabilistic, probabilistic: {sampling_percentage: 10}";
    check(tenth, &[""], "the trace id falls at 27.6000 % > 10 % → no");
    let rate = "type: rate_limiting, rate_limiting: {spans_per_second: 1}";
    check(
        rate,
        &["", ""],
        "2 spans ≤ 2 that the rate allowed at that time → yes",
    );
    check(
        rate,
        &["", "", ""],
        "3 spans > 2 that the rate allowed at that time → no",
    );
    let bytes = "type: bytes_limiting, bytes_limiting: {bytes_per_second: 10, burst_capacity: 15}";
    check(
        bytes,
        &[""],
        "18 bytes > 15 that the rate allowed at that time → no",
    );
    let ottl = r#"type: ottl_condition, ottl_condition: {span: ['name == "GET"']}"#;
    check(
        ottl,
        &[r#""name":"GET""#],
        r#"a span fulfils `name == "GET"` → yes"#,
    );
    check(ottl, &[""], r#"no span fulfils `name == "GET"` → no"#);
    let failing = r#"type: ottl_condition,
        ottl_condition: {error_mode: propagate, span: ['Len(attributes["no"]) > 1']}"#;
    check(
        failing,
        &[""],
        r#"`Len(attributes["no"]) > 1` had no answer for a span → error"#,
    );
    check(
        &format!("dry_run: true, {flags}"),
        &[""],
        "no span has the sampled flag → no (dry run: without effect)",
    );
}

#[test]
fn what_an_attribute_was_is_told_to_those_who_opted_in() {
    let check = |policy: &str, value: &str, opted_in: bool, text: &str| {
        let said = said(policy, &[&attribute("k", value)], opted_in);
        assert_eq!(said["text"], text, "{policy}");
    };
    let number =
        "type: numeric_attribute, numeric_attribute: {key: k, min_value: 400, max_value: 499}";
    check(
        number,
        r#""intValue":"404""#,
        false,
        "a span has attribute \"k\" from 400 to 499 → yes",
    );
    check(
        number,
        r#""intValue":"404""#,
        true,
        "a span has attribute \"k\" = 404, from 400 to 499 → yes",
    );
    check(
        number,
        r#""intValue":"500""#,
        true,
        "no span has attribute \"k\" from 400 to 499 → no",
    );
    let least =
        "type: numeric_attribute, numeric_attribute: {key: k, min_value: -4, invert_match: true}";
    check(
        least,
        r#""intValue":"-3""#,
        true,
        "a span has attribute \"k\" = -3, ≥ -4, which is inverted → no",
    );
    let text = "type: string_attribute, string_attribute: {key: k, values: [a, b]}";
    check(
        text,
        r#""stringValue":"b""#,
        false,
        "a span has attribute \"k\" with the value \"a\" or \"b\" → yes",
    );
    check(
        text,
        r#""stringValue":"b""#,
        true,
        "a span has attribute \"k\" with the value \"b\" → yes",
    );
    let regex = "type: string_attribute, string_attribute: \
                 {key: k, values: ['^x', 'b+', c, d, e, f], enabled_regex_matching: true}";
    check(
        regex,
        r#""stringValue":"abb""#,
        true,
        "a span has attribute \"k\" that matches \"b+\" → yes",
    );
    check(
        regex,
        r#""stringValue":"y""#,
        true,
        "no span has attribute \"k\" that matches \"^x\", \"b+\", \"c\", \"d\" or 2 more → no",
    );
    let boolean = "type: boolean_attribute, boolean_attribute: {key: k, value: true}";
    check(
        boolean,
        r#""boolValue":true"#,
        true,
        "a span has attribute \"k\" with the value true → yes",
    );
}

#[test]
fn what_a_resource_shows_is_remembered_with_its_number() {
    let policy = "type: numeric_attribute, numeric_attribute: {key: k, min_value: 1}";
    let mut bench = Bench::with(policy);
    bench.send(0, &attribute("k", r#""intValue":"9""#), &[&span(7, "")]);
    bench.until(11_000);
    let Answer::Known(value) = bench.ask(11_000, 7, true) else {
        panic!()
    };
    assert_eq!(value["decisions"][0]["policies"][0]["value"], 9.0);
}

#[test]
fn of_two_resources_that_show_a_value_the_first_is_told() {
    let values = ["zero", "one"];
    let policy = "type: string_attribute, string_attribute: {key: k, values: [zero, one]}";
    for order in [[0, 1], [1, 0]] {
        let mut bench = Bench::with(policy);
        for at in order {
            let resource = attribute("k", &format!(r#""stringValue":"{}""#, values[at]));
            bench.send(0, &resource, &[&span(7, "")]);
        }
        bench.until(11_000);
        let first = values[order[0]];
        let text = format!("a span has attribute \"k\" with the value \"{first}\" → yes");
        let Answer::Known(told) = bench.ask(11_000, 7, true) else {
            panic!("the trace was decided")
        };
        assert_eq!(told["decisions"][0]["policies"][0]["text"], text);
    }
}

#[test]
fn policies_within_policies_say_which_of_them_decided() {
    let errors = "{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}";
    let slow = "{name: slow, type: latency, latency: {threshold_ms: 1000}}";
    let and = format!("type: and, and: {{and_sub_policy: [{errors}, {slow}]}}");
    let error = r#""status":{"code":2}"#;
    let said_by = said(&and, &[error], false);
    assert_eq!(said_by["text"], "slow did not agree → no");
    let inner: Vec<_> = said_by["policies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| &p["text"])
        .collect();
    assert_eq!(
        inner,
        ["a span has status ERROR → yes", "latency 0 ms < 1 s → no"]
    );
    let said_by = said(&and, &[""], false);
    assert_eq!(
        said_by["policies"].as_array().unwrap().len(),
        1,
        "the rest was not asked"
    );
    check(
        &and,
        &[&format!("{error},{}", took(0, 2000))],
        "all 2 agreed → yes",
    );
    let not = format!("type: not, not: {{not_sub_policy: {errors}}}");
    check(&not, &[error], "errors said yes → no");
    let drop = format!("type: drop, drop: {{drop_sub_policy: [{errors}]}}");
    check(&drop, &[error], "all 1 agreed → drop");
    check(&drop, &[""], "errors did not agree → no");
    let composite = format!(
        "type: composite, composite: {{max_total_spans_per_second: 10, composite_sub_policy: [{errors}, {slow}], \
         rate_allocation: [{{policy: errors, percent: 10}}]}}"
    );
    check(
        &composite,
        &[error],
        "errors was the first to keep it: 0 spans of this second and its 1 ≤ 1 → yes",
    );
    check(
        &composite,
        &[error, ""],
        "errors was the first to keep it: 0 spans of this second and its 2 > 1 → no",
    );
    check(&composite, &[""], "no policy within kept it → no");
}

const TWO: &str = "
decision_wait: 10s
policies:
- {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
- {name: slow, type: latency, latency: {threshold_ms: 1000}}
";

fn error(trace: u8) -> String {
    span(trace, r#""status":{"code":2}"#)
}

#[test]
fn a_decision_is_told_with_all_that_was_known_of_the_trace() {
    let mut bench = Bench::new(TWO);
    bench.send(
        1_000,
        "",
        &[&error(1), &span(1, r#""parentSpanId":"0102030405060708""#)],
    );
    bench.send(3_500, "", &[&span(1, &took(0, 812))]);
    bench.until(20_000);
    bench.send(20_000, "", &[&span(1, ""), &span(1, "")]);
    let told = bench.known(21_000, 1);
    assert_eq!(told["processor"], "under_test");
    assert_eq!(
        (&told["state"], &told["verdict"]),
        (&json!("decided"), &json!("sampled"))
    );
    let text = "sampled by errors, 10 s after its first span, with 3 spans; 2 spans came later";
    assert_eq!(told["text"], text);
    let mut decision = told["decisions"][0].clone();
    let policies = decision
        .as_object_mut()
        .unwrap()
        .remove("policies")
        .unwrap();
    assert_eq!(
        decision,
        json!({
            "verdict": "sampled", "policy": "errors", "cause": "due", "text": text,
            "decided_unix_ms": 11_000, "first_span_unix_ms": 1_000, "last_span_unix_ms": 3_500,
            "decided_seconds_ago": 10.0, "waited_seconds": 10.0, "spans": 3, "late_spans": 2,
            "bytes": decision["bytes"], "latency_ms": 812, "root_seen": true,
        })
    );
    assert_eq!(
        policies,
        json!([
            {"name": "errors", "type": "status_code", "vote": "sampled",
             "text": "a span has status ERROR → yes"},
            {"name": "slow", "type": "latency", "vote": "not_sampled", "value": 812.0, "unit": "ms",
             "text": "latency 812 ms < 1 s → no"},
        ])
    );
}

#[test]
fn policies_that_were_not_asked_are_named() {
    let mut bench = Bench::new(&format!("{TWO}sample_on_first_match: true\n"));
    bench.send(0, "", &[&error(1)]);
    bench.until(11_000);
    let policies = &bench.known(11_000, 1)["decisions"][0]["policies"];
    assert_eq!(policies[1]["vote"], "not_asked");
    assert_eq!(
        policies[1]["text"],
        "not asked: the policies before it had decided"
    );
}

#[test]
fn whatever_ends_a_trace_is_told() {
    let check = |yaml: &str, act: &dyn Fn(&mut Bench), verdict: &str, cause: &str, text: &str| {
        let mut bench = Bench::new(&format!("{TWO}{yaml}\n"));
        bench.send(0, "", &[&span(1, "")]);
        act(&mut bench);
        let told = bench.known(5_000, 1);
        let decision = &told["decisions"][0];
        assert_eq!(
            (&decision["verdict"], &decision["cause"]),
            (&json!(verdict), &json!(cause))
        );
        assert!(told["text"].as_str().unwrap().starts_with(text), "{told}");
    };
    let more = |bench: &mut Bench| bench.send(1_000, "", &[&span(2, "")]);
    let flush = |bench: &mut Bench| {
        while bench.processor.flush(at(1_000), &mut bench.out) == Flush::More {}
    };
    check(
        "num_traces: 1",
        &more,
        "not_sampled",
        "overflow",
        "not sampled: no policy kept it, 1 s after its first span, with 1 span, before its time, to make room",
    );
    check(
        "{num_traces: 1, on_overflow: drop_oldest}"
            .trim_matches(['{', '}'])
            .replace(", ", "\n")
            .as_str(),
        &more,
        "evicted",
        "overflow",
        "dropped undecided, 1 s after",
    );
    check(
        "maximum_trace_size_bytes: 1",
        &|_| {},
        "too_large",
        "size_limit",
        "dropped: too large at 18 bytes, 0 ms",
    );
    check(
        "",
        &flush,
        "not_sampled",
        "shutdown",
        "not sampled: no policy kept it, 1 s after",
    );
    check(
        "drop_pending_traces_on_shutdown: true",
        &flush,
        "abandoned",
        "shutdown",
        "dropped undecided",
    );
}

#[test]
fn who_is_not_decided_is_pending_and_who_never_came_is_unknown() {
    let mut bench = Bench::new(TWO);
    let nothing = bench.unknown(500, 9);
    assert_eq!(
        (&nothing["state"], &nothing["text"]),
        (
            &json!("never_seen"),
            &json!("never seen; nothing has been decided here so far")
        )
    );
    bench.send(1_000, "", &[&span(1, ""), &span(1, "")]);
    let pending = bench.known(7_800, 1);
    assert_eq!(
        (&pending["state"], &pending["text"]),
        (
            &json!("pending"),
            &json!("pending with 2 spans so far, decided in 3.2 s")
        )
    );
    assert_eq!(pending["pending"]["decided_in_seconds"], 3.2);
    bench.until(11_000);
    let never = bench.unknown(71_000, 9);
    assert_eq!(
        never["text"],
        "never seen; every decision since the first, 1 min ago, is remembered"
    );
    assert_eq!(never["reaches_back_seconds"], 60.0);
}

#[test]
fn after_an_hour_only_the_verdict_is_left() {
    let mut bench = Bench::new(TWO);
    bench.send(0, "", &[&error(1)]);
    bench.until(10_000);
    assert_eq!(bench.known(3_610_000, 1)["state"], "decided");
    let aged = bench.unknown(3_610_001, 1);
    assert_eq!(
        (&aged["state"], &aged["verdict"]),
        (&json!("aged_out"), &json!("sampled"))
    );
    assert_eq!(
        aged["text"],
        "sampled, but why has aged out: memory reaches back 1 h"
    );
    assert_eq!(
        bench.unknown(3_610_001, 9)["text"],
        "never seen in the last 1 h; what was decided before that is forgotten"
    );
}

#[test]
fn memory_of_no_bytes_knows_verdicts_alone() {
    let mut bench = Bench::new(&format!("{TWO}why: {{max_bytes: 0}}\n"));
    bench.send(0, "", &[&error(1)]);
    bench.until(10_000);
    assert_eq!(
        bench.unknown(12_000, 1)["text"],
        "sampled, but why has aged out: memory reaches back 2 s"
    );
}

#[test]
fn a_trace_that_was_forgotten_and_came_again_has_two_decisions() {
    let mut bench = Bench::new(&format!("{TWO}decision_cache: {{sampled_cache_size: 1}}\n"));
    bench.send(0, "", &[&error(1), &error(2)]);
    bench.until(10_000);
    bench.send(20_000, "", &[&error(1)]);
    assert_eq!(bench.known(20_000, 1)["state"], "pending");
    bench.until(30_000);
    let told = bench.known(30_000, 1);
    let decided = told["decisions"].as_array().unwrap().iter();
    let decided: Vec<_> = decided
        .map(|d| d["decided_unix_ms"].as_u64().unwrap())
        .collect();
    assert_eq!(decided, [30_000, 10_000]);
}

#[test]
fn what_may_be_remembered_is_an_amount_of_memory() {
    let faults =
        crate::fixture::faults("tail_sampling", &format!("{TWO}why: {{max_bytes: 3GiB}}\n"));
    assert!(
        faults
            .iter()
            .any(|f| f.ends_with("why::max_bytes must not exceed 2GiB")),
        "{faults:?}"
    );
    let faults =
        crate::fixture::faults("tail_sampling", &format!("{TWO}why: {{max_bytes: much}}\n"));
    assert!(
        faults
            .iter()
            .any(|f| f.contains("an amount of memory such as 512KiB")),
        "{faults:?}"
    );
}

#[test]
fn a_processor_reaches_back_as_far_as_the_shard_that_forgets_first() {
    let host = host();
    let yaml = "{decision_wait: 1s, num_shards: 3, policies: [{name: p, type: always_sample}]}";
    let mut shards = [(); 3].map(|()| Bench {
        processor: build("tail_sampling", yaml, &host),
        out: Outbox::default(),
    });
    let reach = || {
        let page = host.metrics.render(&telemetry::metrics::Page::default());
        let family = "tracegate_tail_sampling_why_reach_seconds{";
        let line = page.lines().find(|line| line.starts_with(family));
        line.and_then(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok())
    };
    assert_eq!(reach(), None, "nothing is decided");
    for (shard, trace, millis) in [(0, 1, 0), (1, 2, 29_000), (0, 3, 60_000), (1, 4, 60_000)] {
        let bench = &mut shards[shard];
        bench.send(millis, "", &[&span(trace, "")]);
        bench.until(millis + 1000);
    }
    assert_eq!(reach(), Some(31), "the third has decided nothing");
}

#[test]
fn a_decision_on_arrival_says_so() {
    let mut bench = Bench::new(
        "{sampling_strategy: span-ingest, decision_wait: 10s, policies: [{name: errors, \
         type: status_code, status_code: {status_codes: [ERROR]}}]}",
    );
    bench.send(0, "", &[&span(7, ""), &span(8, "")]);
    assert_eq!(
        bench.known(500, 7)["text"],
        "pending with 1 span so far, decided in 9.5 s, or when a span settles it"
    );
    bench.send(600, "", &[&span(7, r#""status":{"code":2}"#)]);
    let sampled = bench.known(1000, 7);
    assert_eq!(
        sampled["text"],
        "sampled by errors, 600 ms after its first span, with 2 spans, on arrival"
    );
    assert_eq!(sampled["decisions"][0]["cause"], "arrival");
    let said = &sampled["decisions"][0]["policies"][0]["text"];
    assert_eq!(said, "a span has status ERROR → yes");
    bench.until(10_250);
    let dropped = bench.known(11_000, 8);
    assert_eq!(
        dropped["text"],
        "not sampled: no policy kept it, 10 s after its first span, with 1 span"
    );
    let said = &dropped["decisions"][0]["policies"][0]["text"];
    assert_eq!(said, "no span has status ERROR → no");
}
