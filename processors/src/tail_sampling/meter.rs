//! What `tail_sampling` tells of its decisions, under the Collector's names.

use std::time::Duration;

use pipeline::component::Host;
use telemetry::metrics::{Family, Gauge, Level, LocalCounter, LocalHistogram};

use super::cache::Verdict;
use super::policies::{Decision, Facts, Policies, Vote};

const BY_POLICY: Family = Family::counter(
    "otelcol_processor_tail_sampling_count_traces_sampled",
    "Count of traces that were sampled or not per sampling policy",
);

const SPANS_BY_POLICY: Family = Family::counter(
    "otelcol_processor_tail_sampling_count_spans_sampled",
    "Count of spans that were sampled or not per sampling policy",
)
.from(Level::Detailed);

const BYTES_BY_POLICY: Family = Family::counter(
    "otelcol_processor_tail_sampling_count_bytes_sampled",
    "Count of bytes that were sampled or not per sampling policy",
)
.bytes()
.from(Level::Detailed);

const ASKED: Family = Family::counter(
    "otelcol_processor_tail_sampling_sampling_policy_execution_count",
    "Total number of executions of a specific sampling policy",
);

const KEPT: Family = Family::counter(
    "tracegate_tail_sampling_policy_kept_traces",
    "Count of kept traces that a policy wanted, by whether no other policy did",
);

const GLOBAL: Family = Family::counter(
    "otelcol_processor_tail_sampling_global_count_traces_sampled",
    "Global count of traces that were sampled or not by at least one policy",
);

const NEW: Family = Family::counter(
    "otelcol_processor_tail_sampling_new_trace_id_received",
    "Counts the arrival of new traces",
);

const LATE: Family = Family::counter(
    "otelcol_processor_tail_sampling_early_releases_from_cache_decision",
    "Number of spans that followed the remembered decision of their trace",
);

const ERRORS: Family = Family::counter(
    "otelcol_processor_tail_sampling_sampling_policy_evaluation_error",
    "Count of sampling policy evaluation errors",
);

const REMOVAL_AGE: Family = Family::histogram(
    "otelcol_processor_tail_sampling_sampling_trace_removal_age",
    "Time from arrival of a new trace until its removal from memory",
)
.seconds();

const LATE_AGE: Family = Family::histogram(
    "otelcol_processor_tail_sampling_sampling_late_span_age",
    "Time from the sampling decision and the arrival of a late span",
)
.seconds();

const DECISION_LATENCY: Family = Family::histogram(
    "otelcol_processor_tail_sampling_sampling_decision_timer_latency",
    "Milliseconds from the time when decisions were due until they were made",
);

const ERROR_TRACES: Family = Family::counter(
    "tracegate_tail_sampling_error_traces",
    "Count of decided traces with an error span",
);

const LATE_ERRORS: Family = Family::counter(
    "tracegate_tail_sampling_late_error_spans",
    "Count of error spans that came after their trace was decided",
);

const TOO_EARLY: Family = Family::counter(
    "otelcol_processor_tail_sampling_sampling_trace_dropped_too_early",
    "Count of traces that needed to be dropped before the configured wait time",
);

const TOO_LARGE: Family = Family::counter(
    "otelcol_processor_tail_sampling_traces_dropped_too_large",
    "Count of traces that were dropped because they were larger than maximum_trace_size_bytes",
);

const DECIDED_EARLY: Family = Family::counter(
    "tracegate_tail_sampling_traces_decided_early",
    "Count of traces that were decided before their time to make room for others",
);

const GIANTS: Family = Family::counter(
    "tracegate_tail_sampling_giant_traces",
    "Count of traces that were decided before their time because of the number of their spans",
);

const ON_MEMORY: Family = Family::gauge(
    "otelcol_processor_tail_sampling_sampling_traces_on_memory",
    "Number of traces that wait for their decision",
);

const PENDING_BYTES: Family = Family::gauge(
    "tracegate_tail_sampling_pending_bytes",
    "Bytes of memory that the spans of waiting traces take",
);

/// Seconds; the bounds that OpenTelemetry's SDKs take where none are given, as the Collector's here are.
const AGE_BOUNDS: &[f64] = &[
    0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0,
    10_000.0,
];

/// Milliseconds; the Collector's.
const LATENCY_BOUNDS: &[f64] = &[
    1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 150.0, 200.0, 300.0, 400.0, 500.0, 750.0, 1000.0,
    2000.0, 3000.0, 4000.0, 5000.0, 10_000.0, 20_000.0, 30_000.0, 50_000.0,
];

/// By the vote: sampled, not sampled, dropped.
type Votes = [LocalCounter; 3];

/// Counts by itself, and [tells](Self::tell) it at the end of each call.
#[derive(Debug)]
pub(super) struct Meter {
    by_policy: Vec<ByPolicy>,
    global: Votes,
    new: LocalCounter,
    late: [LocalCounter; 2],
    late_errors: [LocalCounter; 2],
    late_age: LocalHistogram,
    removal_age: LocalHistogram,
    decision_latency: LocalHistogram,
    /// Traces with errors: not kept, kept.
    error_traces: [LocalCounter; 2],
    errors: LocalCounter,
    too_early: LocalCounter,
    too_large: LocalCounter,
    decided_early: LocalCounter,
    giants: LocalCounter,
    on_memory: Gauge,
    pending_bytes: Gauge,
}

#[derive(Debug)]
struct ByPolicy {
    /// It has no effect, so nothing is kept for its sake.
    is_dry: bool,
    traces: Votes,
    spans: Votes,
    bytes: Votes,
    asked: LocalCounter,
    /// Kept traces that others wanted too, and those that it alone wanted.
    kept: [LocalCounter; 2],
}

/// The labels of a vote.
const VOTES: [(&str, &str); 3] = [
    ("true", "sampled"),
    ("false", "not_sampled"),
    ("false", "dropped"),
];

impl Meter {
    pub(super) fn new(host: &Host, policies: &Policies) -> Self {
        let metrics = &host.metrics;
        let id = host.label.id.as_str();
        let own = ("processor", id);
        // Of a named instance, the name distinguishes its policies.
        let instance = id.split_once('/').map(|(_, name)| name);
        let by_policy = policies.names().map(|(policy, is_dry)| {
            let policy = instance.map_or_else(
                || policy.to_owned(),
                |instance| format!("{instance}.{policy}"),
            );
            ByPolicy::new(host, &policy, is_dry)
        });
        let by_sampled = |family: &Family| {
            ["false", "true"]
                .map(|sampled| metrics.local_counter(family, &[own, ("sampled", sampled)]))
        };
        Self {
            by_policy: by_policy.collect(),
            global: VOTES.map(|(sampled, decision)| {
                metrics.local_counter(&GLOBAL, &[("sampled", sampled), ("decision", decision)])
            }),
            new: metrics.local_counter(&NEW, &[]),
            late: ["false", "true"]
                .map(|sampled| metrics.local_counter(&LATE, &[("sampled", sampled)])),
            late_errors: by_sampled(&LATE_ERRORS),
            late_age: metrics.local_histogram(&LATE_AGE, &[], AGE_BOUNDS),
            removal_age: metrics.local_histogram(&REMOVAL_AGE, &[], AGE_BOUNDS),
            decision_latency: metrics.local_histogram(&DECISION_LATENCY, &[], LATENCY_BOUNDS),
            error_traces: by_sampled(&ERROR_TRACES),
            errors: metrics.local_counter(&ERRORS, &[]),
            too_early: metrics.local_counter(&TOO_EARLY, &[]),
            too_large: metrics.local_counter(&TOO_LARGE, &[]),
            decided_early: metrics.local_counter(&DECIDED_EARLY, &[own]),
            giants: metrics.local_counter(&GIANTS, &[own]),
            on_memory: metrics.gauge(&ON_MEMORY, &[]),
            pending_bytes: metrics.gauge(&PENDING_BYTES, &[own]),
        }
    }

    pub(super) fn new_trace(&mut self) {
        self.new.add(1);
    }

    /// A span came so long after the decision on its trace.
    pub(super) fn late(&mut self, verdict: Verdict, age: Duration, is_error: bool) {
        let of = |[dropped, sampled]: &mut [LocalCounter; 2]| match verdict {
            Verdict::Sampled => sampled.add(1),
            Verdict::Ended => dropped.add(1),
        };
        of(&mut self.late);
        if is_error {
            of(&mut self.late_errors);
        }
        self.late_age.observe(age.as_secs_f64());
    }

    /// Decisions are made so long after they were due.
    pub(super) fn decides(&mut self, late_by: Duration) {
        self.decision_latency.observe(late_by.as_secs_f64() * 1e3);
    }

    /// A trace leaves at this age.
    pub(super) fn removed(&mut self, age: Duration) {
        self.removal_age.observe(age.as_secs_f64());
    }

    pub(super) fn dropped_too_early(&mut self) {
        self.too_early.add(1);
    }

    pub(super) fn dropped_too_large(&mut self) {
        self.too_large.add(1);
    }

    pub(super) fn decided_early(&mut self) {
        self.decided_early.add(1);
    }

    pub(super) fn giant(&mut self) {
        self.giants.add(1);
    }

    pub(super) fn decided(&mut self, decision: &Decision, facts: &Facts) {
        count(&mut self.global, decision.vote, 1);
        let is_kept = decision.vote == Vote::Sampled;
        if facts.has_error {
            let [dropped, kept] = &mut self.error_traces;
            if is_kept { kept } else { dropped }.add(1);
        }
        let keeps = |vote, policy: &ByPolicy| vote == Vote::Sampled && !policy.is_dry;
        let votes = decision.votes.iter().zip(&self.by_policy);
        let keepers = votes.filter(|(vote, policy)| keeps(**vote, policy));
        let is_alone = keepers.count() == 1;
        for (&vote, policy) in decision.votes.iter().zip(&mut self.by_policy) {
            policy.asked.add(1);
            if vote == Vote::Failed {
                self.errors.add(1);
                continue;
            }
            count(&mut policy.traces, vote, 1);
            count(&mut policy.spans, vote, facts.spans.into());
            count(&mut policy.bytes, vote, facts.bytes);
            if is_kept && keeps(vote, policy) {
                let [among_others, alone] = &mut policy.kept;
                if is_alone { alone } else { among_others }.add(1);
            }
        }
    }

    /// Tells all that was counted since the last call.
    pub(super) fn tell(&mut self) {
        let Self {
            by_policy,
            global,
            new,
            late,
            late_errors,
            late_age,
            removal_age,
            decision_latency,
            error_traces,
            errors,
            too_early,
            too_large,
            decided_early,
            giants,
            on_memory: _,
            pending_bytes: _,
        } = self;
        let pairs = [late, late_errors, error_traces].into_iter().flatten();
        let single = [new, errors, too_early, too_large, decided_early, giants];
        let counters = global.iter_mut().chain(pairs).chain(single);
        counters
            .chain(by_policy.iter_mut().flat_map(ByPolicy::counters))
            .for_each(LocalCounter::tell);
        [late_age, removal_age, decision_latency]
            .into_iter()
            .for_each(LocalHistogram::tell);
    }

    /// Of this instance. The page adds up those of one processor.
    pub(super) fn pending(&self, traces: usize, bytes: u64) {
        self.on_memory.set(traces as i64);
        self.pending_bytes.set(bytes as i64);
    }
}

// === impl ByPolicy ===

impl ByPolicy {
    fn new(host: &Host, policy: &str, is_dry: bool) -> Self {
        let metrics = &host.metrics;
        let policy = ("policy", policy);
        let own = ("processor", host.label.id.as_str());
        let votes = |family: &Family| {
            VOTES.map(|(sampled, decision)| {
                let labels = [policy, ("sampled", sampled), ("decision", decision)];
                metrics.local_counter(family, &labels)
            })
        };
        Self {
            is_dry,
            traces: votes(&BY_POLICY),
            spans: votes(&SPANS_BY_POLICY),
            bytes: votes(&BYTES_BY_POLICY),
            asked: metrics.local_counter(&ASKED, &[policy]),
            kept: ["false", "true"]
                .map(|alone| metrics.local_counter(&KEPT, &[own, policy, ("alone", alone)])),
        }
    }

    fn counters(&mut self) -> impl Iterator<Item = &mut LocalCounter> {
        let votes = [&mut self.traces, &mut self.spans, &mut self.bytes]
            .into_iter()
            .flatten();
        votes.chain([&mut self.asked]).chain(&mut self.kept)
    }
}

fn count(votes: &mut Votes, vote: Vote, amount: u64) {
    let [sampled, not_sampled, dropped] = votes;
    match vote {
        Vote::Sampled => sampled.add(amount),
        Vote::NotSampled | Vote::Failed => not_sampled.add(amount),
        Vote::Dropped => dropped.add(amount),
    }
}
