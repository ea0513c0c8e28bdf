//! What is asked of a sampler, and which exemplars go out, with the time as an argument and a test as the sampler.

use std::sync::Arc;
use std::time::Duration;

use ledger::Budget;
use otlp::{Signal, json};
use pipeline::component::{Outbox, Processor, Verdict};
use pipeline::testkit::{self, Desk};
use pipeline::{Batch, Now, Shards};

use super::{CANDIDATES_MAX, SHARE_MAX, SHARE_MIN, TRACES_MAX};
use crate::fixture::{self, SECOND, lines};

const CALLS: &str = "
exclude_dimensions: [span.kind, status.code, collector.instance.id]
histogram: {disable: true}
exemplars: {enabled: true, max_per_data_point: 2}
";

/// A connector with somebody who knows what became of traces.
struct Bench {
    connector: Box<dyn Processor>,
    desk: Desk,
    /// What went out, by the second.
    sent: Vec<(u64, String)>,
    /// How many traces were asked for, by the half second.
    asked: Vec<(f64, usize)>,
}

fn build(yaml: &str) -> (Box<dyn Processor>, Desk) {
    build_within(&Budget::new(1 << 30), yaml)
}

fn build_within(budget: &Arc<Budget>, yaml: &str) -> (Box<dyn Processor>, Desk) {
    let (verdicts, desk) = testkit::verdicts();
    let connector = fixture::build_asking("span_metrics", yaml, budget, Some(verdicts));
    (connector, desk)
}

fn number(id: &[u8; 16]) -> u32 {
    u128::from_be_bytes(*id) as u32
}

impl Bench {
    fn new(yaml: &str) -> Self {
        let (connector, desk) = build(yaml);
        Self {
            connector,
            desk,
            sent: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// A span of each of these traces, which took so long.
    fn take(&mut self, second: u32, traces: impl IntoIterator<Item = u32>, millis: u32) {
        self.take_of("get", second, traces, millis);
    }

    fn take_of(
        &mut self,
        name: &str,
        second: u32,
        traces: impl IntoIterator<Item = u32>,
        millis: u32,
    ) {
        let span = |trace| {
            format!(
                r#"{{"traceId":"{trace:032x}","spanId":"{trace:016x}","name":"{name}",
                "startTimeUnixNano":"0","endTimeUnixNano":"{millis}000000"}}"#
            )
        };
        let spans: Vec<_> = traces.into_iter().map(span).collect();
        let request = format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{}]}},"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
            fixture::text("service.name", "shop"),
            spans.join(",")
        );
        let bytes = json::decode(Signal::Traces, request.as_bytes()).expect("it is OTLP/JSON");
        let batch = Batch::new(Signal::Traces, bytes.into(), spans.len() as u64);
        let mut out = Outbox::default();
        let now = Now::at(SECOND * second);
        self.connector.process(batch, now, &mut out);
        assert!(out.is_empty());
    }

    /// Does what is to be done up to this second, with this to say of traces.
    fn run(&mut self, second: u32, verdict: impl Fn(u32) -> Verdict) {
        while let Some(deadline) = self.connector.deadline()
            && deadline <= SECOND * second
        {
            let mut out = Outbox::default();
            self.connector.tick(Now::at(deadline), &mut out);
            let sent = lines(&mut out).into_iter();
            self.sent
                .extend(sent.map(|line| (deadline.as_secs(), line)));
            let asked = self.desk.answer(|id| verdict(number(id)));
            if !asked.is_empty() {
                self.asked.push((deadline.as_secs_f64(), asked.len()));
            }
        }
    }

    /// The exemplars that have gone out since the last call, in the words of [`lines`].
    fn exemplars(&mut self) -> Vec<String> {
        let lines = std::mem::take(&mut self.sent).into_iter();
        let exemplars = lines.filter_map(|(second, line)| {
            let (_, exemplars) = line.split_once(" @")?;
            Some(format!("{second}: @{exemplars}"))
        });
        exemplars.collect()
    }
}

fn kept_from(second: u32, trace: u32) -> impl Fn(u32) -> Verdict {
    let until = SECOND * second;
    move |other| match other == trace {
        true => Verdict::Kept,
        false => Verdict::Waiting { until },
    }
}

#[test]
fn an_exemplar_waits_until_its_trace_is_kept() {
    let mut bench = Bench::new(CALLS);
    bench.take(1, [1, 2, 3], 10);
    bench.run(61, |_| Verdict::Waiting { until: SECOND * 70 });
    assert_eq!(bench.exemplars(), [""; 0]);
    bench.run(121, |trace| match trace {
        2 => Verdict::Kept,
        _ => Verdict::Dropped,
    });
    assert_eq!(bench.exemplars(), ["121: @2/2=10"]);
    // It is shown once, and nothing is asked any more.
    bench.asked.clear();
    bench.run(241, |_| Verdict::Kept);
    assert_eq!(bench.exemplars(), [""; 0]);
    assert_eq!(bench.asked, []);
}

#[test]
fn what_is_dropped_makes_room_for_another() {
    let mut bench = Bench::new(CALLS);
    for second in 1..50_u32 {
        let first = second * 1000;
        bench.take(second, first..first + 100, 10);
        bench.run(second, |trace| match trace % 1000 {
            99 => Verdict::Kept,
            _ => Verdict::Dropped,
        });
    }
    let most = bench.asked.iter().map(|(_, traces)| *traces).max();
    assert_eq!(most, Some(SHARE_MAX));
    // All of the share are of traces that are dropped, again and again: the spans that follow are others.
    assert!(bench.asked.len() > 10, "{:?}", bench.asked);
    bench.run(53, |_| Verdict::Dropped);
    bench.take(54, [7099], 10);
    bench.run(61, |trace| match trace {
        7099 => Verdict::Kept,
        _ => Verdict::Dropped,
    });
    assert_eq!(bench.exemplars(), ["61: @187/187=10"]);
}

#[test]
fn a_rare_duration_has_a_candidate_of_its_own() {
    let mut bench = Bench::new(CALLS);
    bench.take(1, 1..1000, 10);
    bench.take(1, [2001], 5000);
    bench.run(61, kept_from(2, 2001));
    assert_eq!(bench.asked[0].1, SHARE_MAX + 1);
    assert_eq!(bench.exemplars(), ["61: @209/209=5000"]);
}

#[test]
fn a_trace_is_asked_for_when_it_may_be_decided() {
    let mut bench = Bench::new(CALLS);
    bench.take(1, [1], 10);
    bench.run(40, |_| Verdict::Waiting { until: SECOND * 31 });
    let times: Vec<_> = bench.asked.iter().map(|(second, _)| *second).collect();
    // Soon, since it may be decided early; then at twice the time; and when it has to be decided.
    assert_eq!(times[..5], [2.0, 8.0, 18.0, 32.0, 34.0], "{times:?}");
}

#[test]
fn a_trace_that_nobody_knows_is_given_up() {
    let mut bench = Bench::new(CALLS);
    bench.take(1, 1..100, 10);
    bench.run(20, |_| Verdict::Unknown);
    assert!(bench.asked.iter().all(|(second, _)| *second < 13.0));
    assert!(bench.asked.len() >= 3, "{:?}", bench.asked);
    // There is room again.
    bench.take(21, [200], 10);
    bench.run(61, |_| Verdict::Kept);
    assert_eq!(bench.exemplars(), ["61: @200/200=10"]);
}

#[test]
fn who_gets_no_answer_gives_up_too() {
    let (connector, desk) = build(CALLS);
    let (_, other) = testkit::verdicts();
    drop(desk);
    let mut bench = Bench {
        connector,
        desk: other,
        sent: Vec::new(),
        asked: Vec::new(),
    };
    bench.take(1, 1..100, 10);
    bench.run(60, |_| Verdict::Kept);
    assert_eq!(bench.connector.deadline(), Some(SECOND * 61));
    bench.run(121, |_| Verdict::Kept);
    assert_eq!(bench.exemplars(), [""; 0]);
}

#[test]
fn a_span_of_a_trace_that_is_kept_need_not_wait() {
    let mut bench = Bench::new(CALLS);
    bench.take(1, [1], 10);
    bench.run(10, |_| Verdict::Kept);
    bench.take_of("put", 11, [1], 10);
    bench.run(61, |_| Verdict::Kept);
    assert_eq!(bench.exemplars(), ["61: @1/1=10", "61: @1/1=10"]);
    assert_eq!(bench.asked, [(2.0, 1)], "it was asked for once");
}

#[test]
fn however_many_series_there_are_so_many_traces_are_asked_for_at_most() {
    let mut bench = Bench::new(CALLS);
    let series = CANDIDATES_MAX as u32 / 8;
    let take = |bench: &mut Bench, second: u32| {
        for series in 0..series {
            let first = second * 1_000_000 + series * 100;
            bench.take_of(&series.to_string(), second, first..first + 16, 10);
        }
    };
    take(&mut bench, 1);
    bench.run(60, |_| Verdict::Dropped);
    let asked: usize = bench.asked.iter().map(|(_, traces)| traces).sum();
    assert_eq!(asked, CANDIDATES_MAX);
    // Now that it is known how many they are, each has a part.
    bench.run(61, |_| Verdict::Dropped);
    bench.asked.clear();
    take(&mut bench, 62);
    bench.run(119, |_| Verdict::Dropped);
    let asked: usize = bench.asked.iter().map(|(_, traces)| traces).sum();
    assert_eq!(
        asked,
        series as usize * SHARE_MIN.max(CANDIDATES_MAX / series as usize)
    );
}

#[test]
fn a_delta_series_shows_what_was_kept_since_when_it_comes_again() {
    let yaml = format!("{CALLS}\naggregation_temporality: AGGREGATION_TEMPORALITY_DELTA");
    let mut bench = Bench::new(&yaml);
    bench.take(1, [1, 2], 10);
    bench.run(61, |_| Verdict::Waiting { until: SECOND * 70 });
    assert_eq!(bench.sent.len(), 1);
    bench.run(80, |trace| match trace {
        1 => Verdict::Dropped,
        _ => Verdict::Kept,
    });
    bench.take(81, [3], 10);
    bench.run(141, |_| Verdict::Dropped);
    assert_eq!(bench.exemplars(), ["141: @2/2=10"]);
    bench.take(150, [4], 10);
    bench.run(300, |_| Verdict::Dropped);
    assert_eq!(bench.exemplars(), [""; 0]);
}

#[test]
fn candidates_outlive_a_reload_unless_they_are_no_more_wanted() {
    for (yaml, expected) in [
        (
            format!("{CALLS}\nmetrics_flush_interval: 50s"),
            &["56: @2/2=10"][..],
        ),
        (CALLS.replace("enabled: true", "enabled: false"), &[]),
    ] {
        let mut bench = Bench::new(CALLS);
        bench.take(1, [1, 2], 10);
        bench.run(5, |_| Verdict::Waiting { until: SECOND * 10 });
        let state = bench.connector.yield_state(Shards::new(1)).remove(0);
        (bench.connector, bench.desk) = build(&yaml);
        let mut out = Outbox::default();
        let now = Now::at(Duration::from_secs(6));
        bench.connector.adopt(state, now, &mut out);
        bench.run(61, |trace| match trace {
            1 => Verdict::Dropped,
            _ => Verdict::Kept,
        });
        assert_eq!(bench.exemplars(), expected, "{yaml}");
    }
}

#[test]
fn traces_that_are_dropped_at_once_take_no_more_room_than_others() {
    let mut bench = Bench::new(&format!("{CALLS}\nmetrics_flush_interval: 50s"));
    for second in 1..40 {
        for series in 0..40 {
            let first = (second * 40 + series) * 30;
            bench.take_of(&format!("get {series}"), second, first..first + 30, 10);
        }
        bench.run(second, |_| Verdict::Dropped);
    }
    let asked: usize = bench.asked.iter().map(|(_, asked)| asked).sum();
    assert!((CANDIDATES_MAX..=TRACES_MAX).contains(&asked), "{asked}");
}

#[test]
fn what_waited_gives_its_room_back_if_a_reload_ends_the_waiting() {
    let budget = Budget::new(1 << 30);
    let mut bench = Bench::new(CALLS);
    (bench.connector, bench.desk) = build_within(&budget, CALLS);
    bench.take(1, 1..20, 10);
    bench.run(5, |_| Verdict::Waiting { until: SECOND * 10 });
    let before = budget.used();
    let state = bench.connector.yield_state(Shards::new(1)).remove(0);
    let without = CALLS.replace("enabled: true", "enabled: false");
    (bench.connector, bench.desk) = build_within(&budget, &without);
    let now = Now::at(SECOND * 6);
    bench.connector.adopt(state, now, &mut Outbox::default());
    assert!(budget.used() < before, "{} of {before}", budget.used());
}

#[test]
fn what_was_kept_goes_out_with_the_last_points_of_other_series() {
    let mut bench = Bench::new(CALLS);
    bench.take(1, [1, 2], 10);
    bench.run(5, |trace| match trace {
        1 => Verdict::Dropped,
        _ => Verdict::Kept,
    });
    let state = bench.connector.yield_state(Shards::new(1)).remove(0);
    let others = format!("{CALLS}\ndimensions: [{{name: tier, default: none}}]");
    (bench.connector, bench.desk) = build(&others);
    let mut out = Outbox::default();
    bench.connector.adopt(state, Now::at(SECOND * 6), &mut out);
    let sent = lines(&mut out).join("\n");
    assert!(sent.contains("@2/2=10"), "{sent}");
}
