//! What comes out, when, and what is counted.

use ledger::Reason;
use otlp::view::Request;
use otlp::wire::put_len;
use otlp::{Malformed, Signal};
use pipeline::component::{Answer, Flush, Outbox, Processor, Verdict};
use pipeline::{Batch, Shards, testkit};

use crate::fixture::{at, batch, build, host};

const ERRORS: &str = "
decision_wait: 10s
policies:
- {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
";

/// Spans as `trace:name`, an error where the name ends in `!`, a root where it begins with `^`.
fn spans(list: &str) -> Batch {
    let spans = list.split_whitespace().map(|span| {
        let (trace, name) = span.split_once(':').unwrap();
        let code = if name.ends_with('!') { 2 } else { 0 };
        let parent = if name.starts_with('^') { "" } else { "0102030405060708" };
        format!(
            r#"{{"traceId":"{trace:0>32}","name":"{name}","parentSpanId":"{parent}","status":{{"code":{code}}}}}"#
        )
    });
    let text = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
        spans.collect::<Vec<_>>().join(",")
    );
    batch(Signal::Traces, &text)
}

/// What went on, as names in order, and what was dropped, by reason.
fn drained(out: &mut Outbox) -> (Vec<String>, Vec<(u64, Reason)>) {
    let mut names = Vec::new();
    for batch in out.drain() {
        let mut items = 0;
        for chunk in batch.chunks() {
            Request::new(Signal::Traces, &chunk.bytes)
                .for_each_item(|entry| {
                    items += 1;
                    names.push(entry.item.span()?.unwrap().name.to_string());
                    Ok::<_, Malformed>(())
                })
                .unwrap();
        }
        assert_eq!(items, batch.items());
    }
    let mut dropped: Vec<(u64, Reason)> = Vec::new();
    for (items, reason) in out.drain_dropped() {
        match dropped.iter_mut().find(|(_, known)| *known == reason) {
            Some((sum, _)) => *sum += items,
            None => dropped.push((items, reason)),
        }
    }
    (names, dropped)
}

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

    fn send(&mut self, millis: u64, list: &str) {
        let batch = spans(list);
        assert!(self.processor.admit(&batch, at(millis)).is_ok());
        self.processor.process(batch, at(millis), &mut self.out);
    }

    /// Ticks whenever the processor asks for it, up to a time.
    fn until(&mut self, millis: u64) {
        while let Some(due) = self
            .processor
            .deadline()
            .filter(|due| *due <= at(millis).mono)
        {
            self.processor
                .tick(at(due.as_millis() as u64), &mut self.out);
        }
    }

    fn check(&mut self, names: &[&str], dropped: &[(u64, Reason)]) {
        assert_eq!(
            drained(&mut self.out),
            (
                names.iter().map(|&n| n.to_owned()).collect(),
                dropped.to_vec()
            )
        );
    }
}

#[test]
fn a_trace_goes_on_whole_or_not_at_all_once_its_time_has_come() {
    let mut bench = Bench::new(ERRORS);
    bench.send(0, "a:one b:two");
    bench.send(9000, "a:three! b:four c:five!");
    bench.until(9999);
    bench.check(&[], &[]);
    bench.until(10_250);
    bench.check(&["one", "three!"], &[(2, Reason::NotSampled)]);
    bench.until(19_250);
    bench.check(&["five!"], &[]);
    assert_eq!(bench.processor.deadline(), None);
}

#[test]
fn late_spans_follow_the_decision() {
    let mut bench = Bench::new(ERRORS);
    bench.send(0, "a:one! b:two");
    bench.until(10_250);
    bench.check(&["one!"], &[(1, Reason::NotSampled)]);
    bench.send(600_000, "a:late b:late!");
    bench.check(&["late"], &[(1, Reason::NotSampled)]);
}

#[test]
fn a_trace_is_decided_when_the_span_comes_that_settles_it_if_it_is_to() {
    let mut bench = Bench::new(&format!("{ERRORS}sampling_strategy: span-ingest\n"));
    bench.send(0, "a:one b:two");
    bench.check(&[], &[]);
    bench.send(1000, "a:three! b:four c:five! c:six");
    bench.check(&["five!", "six", "one", "three!"], &[]);
    bench.send(2000, "a:late");
    bench.check(&["late"], &[]);
    bench.until(10_250);
    bench.check(&[], &[(2, Reason::NotSampled)]);
    bench.send(11_000, "b:late!");
    bench.check(&[], &[(1, Reason::NotSampled)]);
    assert_eq!(bench.processor.deadline(), None);
}

#[test]
fn on_arrival_the_policies_see_all_spans_that_have_come() {
    let both = "
sampling_strategy: span-ingest
policies:
- name: both
  type: and
  and:
    and_sub_policy:
    - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
    - {name: three, type: span_count, span_count: {min_spans: 3}}
";
    let mut bench = Bench::new(both);
    bench.send(0, "a:one! b:two!");
    bench.send(1000, "a:three b:four");
    bench.check(&[], &[]);
    bench.send(2000, "b:five");
    bench.check(&["two!", "four", "five"], &[]);
}

#[test]
fn what_a_policy_may_still_drop_is_kept_when_its_time_has_come() {
    let dropping = format!(
        "{ERRORS}
- name: health
  type: drop
  drop:
    drop_sub_policy: [{{name: named, type: ottl_condition, ottl_condition: {{span: ['name == \"health\"']}}}}]
sampling_strategy: span-ingest
"
    );
    let mut bench = Bench::new(&dropping);
    bench.send(0, "a:one! b:two!");
    bench.check(&[], &[]);
    bench.send(1000, "a:health b:three");
    bench.check(&[], &[(2, Reason::NotSampled)]);
    bench.until(10_250);
    bench.check(&["two!", "three"], &[]);
}

#[test]
fn on_arrival_every_policy_must_be_stateless() {
    let check = |policy: &str, key: Option<&str>| {
        let policies = format!("policies: [{{name: p, {policy}}}]");
        assert!(
            crate::fixture::faults("tail_sampling", &policies).is_empty(),
            "{policy}"
        );
        let found = crate::fixture::faults(
            "tail_sampling",
            &format!("{policies}\nsampling_strategy: span-ingest\n"),
        );
        let expected = key.map(|key| {
            format!(
                "processors::tail_sampling::policies[0]::{key}: sampling_strategy \"span-ingest\" requires all \
                 policies to be stateless, but policy \"p\" is stateful by this: do without it, or write \
                 sampling_strategy: trace-complete"
            )
        });
        assert_eq!(found, Vec::from_iter(expected), "{policy}");
    };
    let rate = "type: rate_limiting, rate_limiting: {spans_per_second: 1}";
    check(rate, Some("type"));
    check(
        "type: bytes_limiting, bytes_limiting: {bytes_per_second: 1}",
        Some("type"),
    );
    check("type: latency, latency: {threshold_ms: 1}", None);
    let bounded = "type: latency, latency: {threshold_ms: 1, upper_threshold_ms: 2}";
    check(bounded, Some("latency::upper_threshold_ms"));
    check("type: span_count, span_count: {min_spans: 2}", None);
    let bounded = "type: span_count, span_count: {min_spans: 2, max_spans: 3}";
    check(bounded, Some("span_count::max_spans"));
    for kind in ["and", "drop", "composite"] {
        let list = |inner: &str| {
            format!(
                "type: {kind}, {kind}: {{{kind}_sub_policy: [{{name: a, type: always_sample}}, {{name: b, {inner}}}]}}"
            )
        };
        check(&list("type: trace_flags"), None);
        check(
            &list(rate),
            Some(&format!("{kind}::{kind}_sub_policy[1]::type")),
        );
    }
    let not = |inner: &str| format!("type: not, not: {{not_sub_policy: {{name: b, {inner}}}}}");
    check(&not("type: trace_flags"), None);
    check(&not(rate), Some("not::not_sub_policy::type"));
}

#[test]
fn a_root_hastens_the_decision() {
    let mut bench = Bench::new(&format!("{ERRORS}decision_wait_after_root_received: 1s\n"));
    bench.send(0, "a:one! b:two!");
    bench.send(3000, "a:^root");
    bench.send(3900, "a:three");
    bench.until(4250);
    bench.check(&["one!", "^root", "three"], &[]);
    bench.until(10_250);
    bench.check(&["two!"], &[]);
}

#[test]
fn a_root_close_to_the_end_does_not_put_it_off() {
    let mut bench = Bench::new(&format!("{ERRORS}decision_wait_after_root_received: 5s\n"));
    bench.send(0, "a:one!");
    bench.send(9000, "a:^root");
    bench.until(10_250);
    bench.check(&["one!", "^root"], &[]);
}

#[test]
fn room_is_made_as_the_configuration_says() {
    let full = |policy: &str| {
        let mut bench = Bench::new(&format!("{ERRORS}num_traces: 2\n{policy}\n"));
        bench.send(0, "a:one! b:two");
        bench
    };
    let mut early = full("");
    early.send(1, "c:three d:four");
    early.check(&["one!"], &[(1, Reason::NotSampled)]);
    let mut oldest = full("on_overflow: drop_oldest");
    oldest.send(1, "c:three d:four a:more!");
    oldest.check(&[], &[(3, Reason::Evicted)]);
    let mut block = full("block_on_overflow: true");
    assert!(block.processor.admit(&spans("c:three"), at(1)).is_err());
    block.until(10_250);
    assert!(block.processor.admit(&spans("c:three"), at(10_250)).is_ok());
}

#[test]
fn little_room_for_bytes_decides_the_oldest_and_no_others() {
    let mut bench = Bench::new(&format!("{ERRORS}max_pending_bytes: 8MiB\n"));
    let fat = "x".repeat(1 << 20);
    for trace in 1..=20 {
        bench.send(trace, &format!("{trace:x}:{fat}"));
        let (_, dropped) = drained(&mut bench.out);
        let decided: u64 = dropped.iter().map(|(spans, _)| spans).sum();
        // A segment holds three of them.
        assert!(decided <= 3, "{decided} for the sake of trace {trace}");
    }
    bench.send(21, "21:small");
    bench.until(20_000);
    let (_, dropped) = drained(&mut bench.out);
    assert!(
        dropped
            .iter()
            .all(|(_, reason)| *reason == Reason::NotSampled)
    );
}

#[test]
fn a_bound_on_bytes_that_is_too_low_to_work_is_a_fault() {
    let found = |bytes: &str| {
        crate::fixture::faults(
            "tail_sampling",
            &format!("{ERRORS}max_pending_bytes: {bytes}\n"),
        )
    };
    assert_eq!(
        found("8388607"),
        [concat!(
            "processors::tail_sampling::max_pending_bytes: max_pending_bytes (8388607) must be at least 8388608, ",
            "two segments of 4 MiB, or 0 for half of the memory budget"
        )]
    );
    assert!(found("8388608").is_empty() && found("0").is_empty());
}

#[test]
fn traces_that_are_decided_after_their_root_leave_nothing_until_their_time_would_have_come() {
    let host = host();
    let yaml = ERRORS.replace("10s", "1h\ndecision_wait_after_root_received: 1s");
    let cache =
        "decision_cache: {sampled_cache_size: 1, non_sampled_cache_size: 1}\nwhy: {max_bytes: 0}";
    let mut processor = build("tail_sampling", &format!("{yaml}{cache}"), &host);
    let mut out = Outbox::default();
    let mut most = [0; 2];
    for second in 0..200 {
        let list: Vec<String> = (0..100)
            .map(|at| format!("{:x}:^root", second * 100 + at + 1))
            .collect();
        processor.process(spans(&list.join(" ")), at(second * 1000), &mut out);
        while let Some(due) = processor.deadline().filter(|due| due.as_secs() <= second) {
            processor.tick(at(due.as_millis() as u64), &mut out);
        }
        drop(drained(&mut out));
        let half = &mut most[usize::from(second >= 100)];
        *half = host.budget.used().max(*half);
    }
    assert!(most[1] <= most[0] + (64 << 10), "{most:?}");
}

#[test]
fn a_trace_that_is_too_large_is_not_sampled_and_its_rest_neither() {
    let mut bench = Bench::new(&format!("{ERRORS}maximum_trace_size_bytes: 100\n"));
    bench.send(0, "a:one! a:two! a:three! a:four! a:five! b:six!");
    bench.until(10_250);
    let (names, dropped) = drained(&mut bench.out);
    assert_eq!(names, ["six!"]);
    assert_eq!(
        dropped.iter().map(|(items, _)| items).sum::<u64>(),
        5,
        "{dropped:?}"
    );
    assert_eq!(dropped[0].1, Reason::TooLarge);
}

#[test]
fn spans_without_a_valid_trace_id_are_counted_and_never_pooled() {
    let mut bench = Bench::new(ERRORS);
    bench.send(0, "0:zero! a:one!");
    bench.check(&[], &[(1, Reason::InvalidTraceId)]);
}

/// The id stands in front, where everybody writes it, and again at the end.
#[test]
fn of_two_trace_ids_of_a_span_the_last_one_counts() {
    let id = |last: u8| {
        let mut id = [0; 16];
        id[15] = last;
        id
    };
    let mut span = Vec::new();
    put_len(&mut span, 1, &id(0xa));
    put_len(&mut span, 5, b"both!");
    put_len(&mut span, 15, &[0x18, 2]);
    put_len(&mut span, 1, &id(0xb));
    let within = |number, body: &[u8]| {
        let mut message = Vec::new();
        put_len(&mut message, number, body);
        message
    };
    let request = within(1, &within(2, &within(2, &span)));
    let mut bench = Bench::new(ERRORS);
    bench.send(0, "a:one b:two");
    let batch = Batch::new(Signal::Traces, request.into(), 1);
    bench.processor.process(batch, at(1), &mut bench.out);
    bench.until(10_250);
    bench.check(&["two", "both!"], &[(1, Reason::NotSampled)]);
}

/// Spans of a request are looked up together, and a trace may end by the span before its own.
#[test]
fn a_trace_that_makes_room_within_a_request_is_followed_by_its_spans_behind() {
    let mut bench = Bench::new(&format!("{ERRORS}num_traces: 2\n"));
    bench.send(0, "a:one b:two!");
    bench.send(1, "c:three a:four! b:five d:six! a:seven b:eight c:nine");
    bench.until(10_250);
    let (mut names, dropped) = drained(&mut bench.out);
    names.sort();
    assert_eq!(names, ["eight", "five", "six!", "two!"]);
    assert_eq!(dropped, [(5, Reason::NotSampled)]);
}

#[test]
fn the_end_decides_what_waits_unless_it_is_to_drop_it() {
    let end = |yaml: &str| {
        let mut bench = Bench::new(yaml);
        bench.send(0, "a:one! b:two");
        while bench.processor.flush(at(5), &mut bench.out) == Flush::More {}
        bench
    };
    end(ERRORS).check(&["one!"], &[(1, Reason::NotSampled)]);
    let drop = format!("{ERRORS}drop_pending_traces_on_shutdown: true\n");
    end(&drop).check(&[], &[(2, Reason::Shutdown)]);
}

#[test]
fn memory_is_given_back_when_traces_are_decided() {
    let host = host();
    let mut processor = build("tail_sampling", ERRORS, &host);
    let mut out = Outbox::default();
    for second in 0..100 {
        for trace in 0..100 {
            processor.process(
                spans(&format!(
                    "{:x}:{}!",
                    second * 100 + trace + 1,
                    "x".repeat(1000)
                )),
                at(second * 1000),
                &mut out,
            );
        }
        while let Some(due) = processor.deadline().filter(|due| due.as_secs() <= second) {
            processor.tick(at(due.as_millis() as u64), &mut out);
            drop(drained(&mut out));
        }
        assert!(host.budget.used() <= 4 << 22, "{}", host.budget.used());
    }
}

#[test]
fn the_number_of_shards_has_a_bound() {
    let faults = |count: u32| {
        crate::fixture::faults("tail_sampling", &format!("{ERRORS}num_shards: {count}\n"))
    };
    assert!(faults(256).is_empty());
    let fault = "processors::tail_sampling::num_shards: num_shards (999) must not exceed 256";
    assert_eq!(faults(999), [fault]);
}

#[test]
fn a_shard_has_its_part_of_the_traces_that_may_wait() {
    let yaml = format!("{ERRORS}num_traces: 10\nnum_shards: 4\n");
    let mut bench = Bench::new(&yaml);
    bench.send(0, "a:1! b:2! c:3!");
    bench.check(&["1!"], &[]);
    // One trace may wait in each, also of fewer.
    let yaml = yaml.replace("num_traces: 10", "num_traces: 3");
    let mut bench = Bench::new(&yaml);
    bench.send(0, "a:1! b:2!");
    bench.check(&["1!"], &[]);
}

// === what a reload takes over ===

/// As many samplers as the text has shards.
fn shards(yaml: &str, count: usize) -> Vec<Bench> {
    let yaml = format!("{yaml}num_shards: {count}\n");
    (0..count).map(|_| Bench::new(&yaml)).collect()
}

/// Gives each span to the shard of its trace.
fn send_to(shards: &mut [Bench], millis: u64, list: &str) {
    let owners = Shards::new(shards.len());
    for span in list.split_whitespace() {
        let (trace, _) = span.split_once(':').unwrap();
        let id = u128::from_str_radix(trace, 16).unwrap().to_be_bytes();
        shards[owners.of(&id)].send(millis, span);
    }
}

/// Others take over from these, and nothing comes out.
fn handed_over(mut old: Vec<Bench>, mut new: Vec<Bench>, millis: u64) -> Vec<Bench> {
    for bench in &mut old {
        let states = bench.processor.yield_state(Shards::new(new.len()));
        for (heir, state) in new.iter_mut().zip(states) {
            heir.processor.adopt(state, at(millis), &mut heir.out);
        }
        assert_eq!(bench.processor.deadline(), None, "it holds nothing more");
        assert_eq!(
            bench.processor.flush(at(millis), &mut bench.out),
            Flush::Done
        );
    }
    for bench in old.iter_mut().chain(&mut new) {
        bench.check(&[], &[]);
    }
    new
}

/// What comes out of all of them up to a time: the names in order, and how many were not sampled.
fn decided_until(shards: &mut [Bench], millis: u64) -> (String, u64) {
    let (mut names, mut dropped) = (Vec::new(), 0);
    for bench in shards {
        bench.until(millis);
        let (some, others) = drained(&mut bench.out);
        names.extend(some);
        dropped += others.iter().map(|(items, _)| items).sum::<u64>();
    }
    names.sort();
    (names.join(" "), dropped)
}

const OTHERS: &str = "
decision_wait: 10s
policies:
- {name: long, type: span_count, span_count: {min_spans: 4}}
- {name: second, type: ottl_condition, ottl_condition: {span: ['name == \"a2\"']}}
- {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}
";

#[test]
fn what_waits_is_judged_by_the_policies_in_force_and_at_its_time() {
    let mut shards = shards(ERRORS, 1);
    send_to(&mut shards, 0, "a:a1 b:b1 c:c1!");
    send_to(&mut shards, 1000, "d:d1 a:a2 c:c2");
    let mut shards = handed_over(shards, vec![Bench::new(OTHERS)], 5000);
    send_to(&mut shards, 6000, "a:a3 b:b2 e:e1!");
    assert_eq!(decided_until(&mut shards, 9999), (String::new(), 0));
    // What the first policies had no question for was found in the spans that waited.
    let first = ("a1 a2 a3 c1! c2".to_owned(), 2);
    assert_eq!(decided_until(&mut shards, 10_000), first);
    assert_eq!(decided_until(&mut shards, 11_000), (String::new(), 1));
    assert_eq!(decided_until(&mut shards, 16_000), ("e1!".to_owned(), 0));
}

#[test]
fn traces_find_their_new_homes_whole_when_the_number_of_shards_changes() {
    let mut all = shards(ERRORS, 1);
    for (turn, count) in [3, 2, 7, 1, 4].into_iter().enumerate() {
        let millis = turn as u64 * 1000;
        let spans: Vec<_> = (1..40)
            .map(|trace| format!("{trace:x}:{trace:02}-{turn}!"))
            .collect();
        send_to(&mut all, millis, &spans.join(" "));
        let new = shards([ERRORS, OTHERS][turn % 2], count);
        all = handed_over(all, new, millis + 500);
    }
    assert_eq!(decided_until(&mut all, 9999), (String::new(), 0));
    let spans = (1..40).flat_map(|trace| (0..5).map(move |turn| format!("{trace:02}-{turn}!")));
    let whole: Vec<_> = spans.collect();
    assert_eq!(decided_until(&mut all, 10_000), (whole.join(" "), 0));
}

#[test]
fn what_was_decided_is_remembered_by_the_shards_that_follow() {
    let mut all = shards(ERRORS, 2);
    send_to(&mut all, 0, "a:a1! b:b1 c:c1! d:d1");
    assert_eq!(decided_until(&mut all, 10_000), ("a1! c1!".to_owned(), 2));
    let mut all = handed_over(all, shards(OTHERS, 3), 11_000);
    send_to(&mut all, 12_000, "a:a2 b:b2! c:c2 d:d2!");
    assert_eq!(decided_until(&mut all, 12_000), ("a2 c2".to_owned(), 2));
}

const RATES: &str = "
decision_wait: 1s
policies:
- name: both
  type: and
  and:
    and_sub_policy:
    - {name: all, type: always_sample}
    - {name: few, type: rate_limiting, rate_limiting: {spans_per_second: 1, burst_capacity: 3}}
";

#[test]
fn a_rate_that_is_used_up_stays_used_up() {
    let mut all = shards(RATES, 1);
    send_to(&mut all, 0, "a:1 b:2 c:3 d:4");
    assert_eq!(decided_until(&mut all, 1000), ("1 2 3".to_owned(), 1));
    let yaml = format!("{RATES}decision_cache: {{sampled_cache_size: 9}}\n");
    let mut all = handed_over(all, vec![Bench::new(&yaml)], 1000);
    send_to(&mut all, 1001, "e:5 f:6 10:7");
    assert_eq!(decided_until(&mut all, 2250), ("5".to_owned(), 2));
}

const COMPOSITE: &str = "
decision_wait: 1s
policies:
- name: mix
  type: composite
  composite:
    max_total_spans_per_second: 12
    composite_sub_policy:
    - {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}
    - {name: rest, type: always_sample}
    rate_allocation: [{policy: failed, percent: 25}]
";

#[test]
fn a_share_of_a_second_that_is_used_up_stays_used_up() {
    let used_up = || {
        let mut all = shards(COMPOSITE, 1);
        send_to(&mut all, 0, "a:1! b:2! c:3! d:4! e:5");
        assert_eq!(decided_until(&mut all, 1000), ("1! 2! 3! 5".to_owned(), 1));
        send_to(&mut all, 100, "1:6 2:7! 3:8");
        all
    };
    // What other policies have used up is nothing to those that come in their place.
    let others = COMPOSITE.replace("rest, type: always_sample", "most, type: always_sample");
    let mut all = handed_over(used_up(), vec![Bench::new(&others)], 1050);
    assert_eq!(decided_until(&mut all, 1250), ("6 7! 8".to_owned(), 0));
    let more = COMPOSITE.replace("second: 12", "second: 16");
    let mut all = handed_over(used_up(), vec![Bench::new(&more)], 1050);
    assert_eq!(decided_until(&mut all, 1250), ("6 8".to_owned(), 1));
    // The next second has all of it.
    send_to(&mut all, 1300, "4:9!");
    assert_eq!(decided_until(&mut all, 2500), ("9!".to_owned(), 0));
}

#[test]
fn the_metrics_tell_who_keeps_what_and_what_came_late() {
    let host = host();
    let mut bench = Bench {
        processor: build(
            "tail_sampling",
            &format!(
                "{ERRORS}
- {{name: several, type: span_count, span_count: {{min_spans: 2}}}}
- {{name: dry, type: always_sample, dry_run: true}}
"
            ),
            &host,
        ),
        out: Outbox::default(),
    };
    bench.send(0, "a:one! a:two b:three! c:four");
    // It was due at 10 s.
    bench.processor.tick(at(10_500), &mut bench.out);
    bench.send(15_000, "a:late b:late! c:late! c:late!");
    let page = telemetry::metrics::Page {
        level: telemetry::metrics::Level::Detailed,
        ..Default::default()
    };
    let text = host.metrics.render(&page);
    for line in [
        r#"tracegate_TS_policy_kept_traces{alone="false",policy="errors",processor="under_test"} 1"#,
        r#"tracegate_TS_policy_kept_traces{alone="true",policy="errors",processor="under_test"} 1"#,
        r#"tracegate_TS_policy_kept_traces{alone="false",policy="several",processor="under_test"} 1"#,
        r#"tracegate_TS_error_traces{processor="under_test",sampled="true"} 2"#,
        r#"tracegate_TS_late_error_spans{processor="under_test",sampled="true"} 1"#,
        r#"tracegate_TS_late_error_spans{processor="under_test",sampled="false"} 2"#,
        r#"otelcol_processor_TS_sampling_policy_execution_count{policy="dry"} 3"#,
        r#"otelcol_processor_TS_count_spans_sampled{decision="sampled",policy="errors",sampled="true"} 3"#,
        r#"otelcol_processor_TS_count_spans_sampled{decision="not_sampled",policy="errors",sampled="false"} 1"#,
        "otelcol_processor_TS_sampling_trace_removal_age_sum 31.5",
        "otelcol_processor_TS_sampling_trace_removal_age_count 3",
        "otelcol_processor_TS_sampling_late_span_age_sum 20",
        "otelcol_processor_TS_sampling_late_span_age_count 4",
        "otelcol_processor_TS_sampling_decision_timer_latency_sum 500",
        "otelcol_processor_TS_sampling_decision_timer_latency_count 1",
    ] {
        let line = line.replace("TS", "tail_sampling");
        assert!(text.lines().any(|own| own == line), "no {line} in\n{text}");
    }
    assert!(!text.contains(r#"policy_kept_traces{alone="false",policy="dry""#));
    assert!(!text.contains(r#"policy_kept_traces{alone="true",policy="dry""#));
}

#[test]
fn only_the_time_of_arrival_decides_when_whatever_the_spans_say() {
    let far = u64::MAX;
    for (start, end) in [(0, 0), (0, far), (far, 0), (far, far), (5, 1), (1 << 63, 1)] {
        let mut bench = Bench::new(ERRORS);
        let text = format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{:032x}","name":"one",
            "startTimeUnixNano":"{start}","endTimeUnixNano":"{end}","status":{{"code":2}}}}]}}]}}]}}"#,
            10
        );
        let batch = batch(Signal::Traces, &text);
        bench.processor.process(batch, at(0), &mut bench.out);
        bench.send(5000, "b:two!");
        bench.until(9999);
        bench.check(&[], &[]);
        bench.until(10_250);
        bench.check(&["one"], &[]);
        bench.until(15_250);
        bench.check(&["two!"], &[]);
    }
}

#[test]
fn a_giant_trace_is_decided_early_with_its_errors_and_hurts_no_other() {
    let mut bench = Bench::new(ERRORS);
    bench.send(0, "b:before! c:before");
    let thousand = |name: &str| format!("a:{name} ").repeat(1000);
    bench.send(1, "a:error!");
    for _ in 0..5 {
        bench.send(2, &thousand("x"));
    }
    // The one whose error has been seen is kept, and what comes later follows.
    let (names, dropped) = drained(&mut bench.out);
    assert_eq!((names.len(), dropped), (5001, vec![]));
    bench.send(3, &format!("{}d:after!", thousand("x")));
    bench.check(&vec!["x"; 1000], &[]);
    bench.until(10_500);
    bench.check(&["before!", "after!"], &[(1, Reason::NotSampled)]);
}

/// A kept trace of 20 MiB that is too long to wait, and another one that waits.
fn kept_giant() -> Bench {
    let mut bench = Bench::new(ERRORS);
    bench.send(0, "b:other!");
    let rest = format!("a:{} ", "x".repeat(4096)).repeat(999);
    for _ in 0..5 {
        bench.send(1000, &format!("a:error! {rest}"));
    }
    bench
}

#[test]
fn who_saw_a_trace_before_its_decision_is_told_what_became_of_it() {
    use Verdict::{Dropped, Kept, Unknown, Waiting};
    let mut bench = Bench::new(ERRORS);
    let ids = [1, 2, 3].map(|trace: u128| trace.to_be_bytes());
    let check = |bench: &Bench, millis: u64, expected: [Verdict; 3]| {
        let query = testkit::ask_about(&host().label, &ids);
        let answer = bench.processor.ask(&query, at(millis));
        assert_eq!(answer, Answer::Verdicts(expected.to_vec()), "{millis}");
    };
    check(&bench, 0, [Unknown; 3]);
    bench.send(0, "1:a! 2:b");
    let until = at(10_000).mono;
    check(&bench, 0, [Waiting { until }, Waiting { until }, Unknown]);
    bench.until(10_250);
    check(&bench, 10_250, [Kept, Dropped, Unknown]);
    let mut stranger = host().label;
    stranger.id.push('2');
    let query = testkit::ask_about(&stranger, &ids);
    assert_eq!(bench.processor.ask(&query, at(10_250)), Answer::None);
}

/// What has come out of a giant.
fn spans_in_requests(out: &mut Outbox) -> u64 {
    let requests: Vec<Batch> = out.drain().collect();
    let largest = requests.iter().map(Batch::bytes).max();
    assert!(largest < Some(2100 << 10), "{largest:?}");
    requests.iter().map(Batch::items).sum()
}

#[test]
fn a_kept_giant_goes_on_in_many_requests_and_lets_others_in_between() {
    let mut bench = kept_giant();
    let mut spans = vec![spans_in_requests(&mut bench.out)];
    while bench.processor.deadline() == Some(at(1000).mono) {
        bench.processor.tick(at(1000), &mut bench.out);
        spans.push(spans_in_requests(&mut bench.out));
    }
    assert_eq!(spans.iter().sum::<u64>(), 5000);
    assert!(spans.len() > 1, "all at one go: {spans:?}");
    bench.until(9999);
    bench.check(&[], &[]);
    bench.until(10_250);
    bench.check(&["other!"], &[]);
}

#[test]
fn what_is_left_of_a_kept_giant_is_written_at_the_end() {
    let mut bench = kept_giant();
    let mut spans = spans_in_requests(&mut bench.out);
    while bench.processor.flush(at(1000), &mut bench.out) == Flush::More {
        spans += spans_in_requests(&mut bench.out);
    }
    assert_eq!(spans + spans_in_requests(&mut bench.out), 5001);
}

#[test]
fn what_is_left_of_a_kept_giant_is_handed_over() {
    for heirs in [1, 2] {
        let mut old = kept_giant();
        let spans = spans_in_requests(&mut old.out);
        let mut new: Vec<Bench> = (0..heirs).map(|_| Bench::new(ERRORS)).collect();
        let states = old.processor.yield_state(Shards::new(heirs));
        for (heir, state) in new.iter_mut().zip(states) {
            heir.processor.adopt(state, at(1000), &mut heir.out);
        }
        let handed_over = new.iter_mut().map(|heir| spans_in_requests(&mut heir.out));
        assert_eq!(spans + handed_over.sum::<u64>(), 5000);
        assert_eq!(old.processor.deadline(), None);
    }
}
