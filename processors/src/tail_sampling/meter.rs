//! What `tail_sampling` tells of its decisions, under the Collector's names.

use pipeline::component::Host;
use telemetry::metrics::{Counter, Family, Gauge};

use super::cache::Verdict;
use super::policies::{Decision, Vote};

const BY_POLICY: Family = Family::counter(
    "otelcol_processor_tail_sampling_count_traces_sampled",
    "Count of traces that were sampled or not per sampling policy",
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

const ON_MEMORY: Family = Family::gauge(
    "otelcol_processor_tail_sampling_sampling_traces_on_memory",
    "Number of traces that wait for their decision",
);

const PENDING_BYTES: Family = Family::gauge(
    "tracegate_tail_sampling_pending_bytes",
    "Bytes of memory that the spans of waiting traces take",
);

/// By the vote: sampled, not sampled, dropped.
type Votes = [Counter; 3];

#[derive(Debug)]
pub(super) struct Meter {
    by_policy: Vec<Votes>,
    global: Votes,
    new: Counter,
    late: [Counter; 2],
    errors: Counter,
    too_early: Counter,
    too_large: Counter,
    decided_early: Counter,
    on_memory: Gauge,
    pending_bytes: Gauge,
    /// What this instance has of both, which the others of one processor share.
    pending: [i64; 2],
}

/// The labels of a vote.
const VOTES: [(&str, &str); 3] = [
    ("true", "sampled"),
    ("false", "not_sampled"),
    ("false", "dropped"),
];

impl Meter {
    pub(super) fn new<'a>(host: &Host, policies: impl Iterator<Item = &'a str>) -> Self {
        let metrics = &host.metrics;
        let id = host.label.id.as_str();
        let own = &[("processor", id)];
        // Of a named instance, the name distinguishes its policies.
        let instance = id.split_once('/').map(|(_, name)| name);
        let by_policy = policies.map(|policy| {
            let policy = instance.map_or_else(
                || policy.to_owned(),
                |instance| format!("{instance}.{policy}"),
            );
            VOTES.map(|(sampled, decision)| {
                let labels = [
                    ("policy", policy.as_str()),
                    ("sampled", sampled),
                    ("decision", decision),
                ];
                metrics.counter(&BY_POLICY, &labels)
            })
        });
        Self {
            by_policy: by_policy.collect(),
            global: VOTES.map(|(sampled, decision)| {
                metrics.counter(&GLOBAL, &[("sampled", sampled), ("decision", decision)])
            }),
            new: metrics.counter(&NEW, &[]),
            late: ["false", "true"].map(|sampled| metrics.counter(&LATE, &[("sampled", sampled)])),
            errors: metrics.counter(&ERRORS, &[]),
            too_early: metrics.counter(&TOO_EARLY, &[]),
            too_large: metrics.counter(&TOO_LARGE, &[]),
            decided_early: metrics.counter(&DECIDED_EARLY, own),
            on_memory: metrics.gauge(&ON_MEMORY, &[]),
            pending_bytes: metrics.gauge(&PENDING_BYTES, own),
            pending: [0; 2],
        }
    }

    pub(super) fn new_trace(&self) {
        self.new.add(1);
    }

    pub(super) fn late(&self, verdict: Verdict) {
        let [dropped, sampled] = &self.late;
        match verdict {
            Verdict::Sampled => sampled.add(1),
            Verdict::Ended => dropped.add(1),
        }
    }

    pub(super) fn dropped_too_early(&self) {
        self.too_early.add(1);
    }

    pub(super) fn dropped_too_large(&self) {
        self.too_large.add(1);
    }

    pub(super) fn decided_early(&self) {
        self.decided_early.add(1);
    }

    pub(super) fn decided(&self, decision: &Decision) {
        count(&self.global, decision.vote);
        for (vote, counters) in decision.votes.iter().zip(&self.by_policy) {
            match vote {
                Vote::Failed => self.errors.add(1),
                vote => count(counters, *vote),
            }
        }
    }

    pub(super) fn pending(&mut self, traces: usize, bytes: u64) {
        let pending = [traces as i64, bytes as i64];
        let [traces_before, bytes_before] = std::mem::replace(&mut self.pending, pending);
        self.on_memory.add(pending[0] - traces_before);
        self.pending_bytes.add(pending[1] - bytes_before);
    }
}

fn count(votes: &Votes, vote: Vote) {
    let [sampled, not_sampled, dropped] = votes;
    match vote {
        Vote::Sampled => sampled.add(1),
        Vote::NotSampled | Vote::Failed => not_sampled.add(1),
        Vote::Dropped => dropped.add(1),
    }
}
