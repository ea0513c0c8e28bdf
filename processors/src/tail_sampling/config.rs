//! The keys of `tail_sampling`.

use std::collections::HashSet;

use config::{ByteSize, GoDuration, NotYet, Problems, Validate};
use serde::{Deserialize, Serialize};

use super::log::SEGMENT_BYTES;
use super::policies::PolicyConfig;

/// The Collector's limit.
const SHARDS_MAX: u32 = 256;

/// The segment that is being filled and one before it: with less, every new trace would make all others go.
pub(super) const PENDING_BYTES_MIN: u64 = 2 * SEGMENT_BYTES as u64;

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Config {
    /// From a trace's first span to its decision.
    pub(super) decision_wait: GoDuration,
    /// From a root span to the decision, if that is sooner; 0: a root changes nothing.
    pub(super) decision_wait_after_root_received: GoDuration,
    /// Traces that wait at a time.
    pub(super) num_traces: u64,
    /// Of memory that the waiting traces take; 0: half of the budget.
    pub(super) max_pending_bytes: ByteSize,
    pub(super) on_overflow: Option<OnOverflow>,
    /// The Collector's word for `on_overflow: block`.
    pub(super) block_on_overflow: bool,
    /// A hint of the Collector's; tables grow here as they must.
    pub(super) expected_new_traces_per_sec: u64,
    pub(super) decision_cache: DecisionCache,
    pub(super) why: Why,
    pub(super) sample_on_first_match: bool,
    pub(super) drop_pending_traces_on_shutdown: bool,
    /// A trace that is larger is not sampled; 0: no limit.
    pub(super) maximum_trace_size_bytes: u64,
    pub(super) sampling_strategy: Strategy,
    /// Scopes of kept spans name the policy that has decided.
    pub(super) record_policy: bool,
    /// Kept spans tell for how many they stand.
    pub(super) record_threshold: bool,
    pub(super) num_shards: u32,
    pub(super) policies: Vec<PolicyConfig>,
    #[serde(skip_serializing)]
    pub(super) tail_storage: NotYet,
}

/// What makes room when there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnOverflow {
    /// The oldest trace is decided with what is there.
    #[default]
    DecideEarly,
    /// New data is refused until the next decision.
    Block,
    /// The oldest trace is dropped undecided, as in the Collector.
    DropOldest,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Strategy {
    /// When the time of the trace has come.
    #[default]
    TraceComplete,
    /// As soon as a policy keeps or drops the trace.
    SpanIngest,
}

/// Traces whose decision is remembered, for the spans that come late.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct DecisionCache {
    /// 0: the default.
    pub(super) sampled_cache_size: usize,
    /// 0: the default.
    pub(super) non_sampled_cache_size: usize,
}

/// Decisions that can be explained.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Why {
    /// Of memory, for at most an hour; 0: none.
    pub(super) max_bytes: ByteSize,
}

/// A shard's part of a limit. Small limits are not divided down to none, and 0 is no limit, as in the Collector.
pub(super) fn divided(limit: u64, parts: u32) -> u64 {
    match limit {
        0 => 0,
        limit => (limit / u64::from(parts.max(1))).max(1),
    }
}

// === impl Config ===

impl Config {
    /// Into how many shards the traces are divided, and with them every limit.
    pub(super) fn parts(&self) -> u32 {
        self.num_shards.max(1)
    }

    pub(super) fn overflow(&self) -> OnOverflow {
        let blocks = self.block_on_overflow.then_some(OnOverflow::Block);
        self.on_overflow.or(blocks).unwrap_or_default()
    }

    fn check_policies(&self, problems: &mut Problems) {
        let mut names = HashSet::new();
        for (at, policy) in self.policies.iter().enumerate() {
            let path = format!("policies[{at}]");
            problems.under(&path, policy);
            let is_new = policy.name().is_empty() || names.insert(policy.name());
            problems.require(
                is_new,
                &format!("{path}::name"),
                format!("duplicate policy name {:?}", policy.name()),
            );
            if self.sampling_strategy == Strategy::SpanIngest
                && let Some(key) = policy.stateful_key()
            {
                let reason = format!(
                    "sampling_strategy \"span-ingest\" requires all policies to be stateless, but policy {:?} is \
                     stateful by this: do without it, or write sampling_strategy: trace-complete",
                    policy.name()
                );
                problems.push(format!("{path}::{key}"), reason);
            }
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            decision_wait: GoDuration::from_secs(30),
            decision_wait_after_root_received: GoDuration::default(),
            num_traces: 50_000,
            max_pending_bytes: ByteSize::default(),
            on_overflow: None,
            block_on_overflow: false,
            expected_new_traces_per_sec: 0,
            decision_cache: DecisionCache::default(),
            why: Why::default(),
            sample_on_first_match: false,
            drop_pending_traces_on_shutdown: false,
            maximum_trace_size_bytes: 0,
            sampling_strategy: Strategy::default(),
            record_policy: false,
            record_threshold: false,
            num_shards: 1,
            policies: Vec::new(),
            tail_storage: NotYet,
        }
    }
}

impl Validate for Why {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        problems.require(
            self.max_bytes.bytes() <= super::why::BYTES_MAX,
            "max_bytes",
            "why::max_bytes must not exceed 2GiB",
        );
        problems
    }
}

impl Default for Why {
    fn default() -> Self {
        Self {
            max_bytes: ByteSize::mib(64),
        }
    }
}

impl Validate for Config {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        for (key, time) in [
            ("decision_wait", self.decision_wait),
            (
                "decision_wait_after_root_received",
                self.decision_wait_after_root_received,
            ),
        ] {
            problems.require(
                !time.is_negative(),
                key,
                format!("{key} must not be negative"),
            );
        }
        problems.require(
            self.num_traces > 0,
            "num_traces",
            "num_traces must be positive",
        );
        problems.require(
            self.num_shards <= SHARDS_MAX,
            "num_shards",
            format!(
                "num_shards ({}) must not exceed {SHARDS_MAX}",
                self.num_shards
            ),
        );
        let pending_bytes = self.max_pending_bytes.bytes();
        problems.require(
            pending_bytes == 0 || pending_bytes >= PENDING_BYTES_MIN,
            "max_pending_bytes",
            format!(
                "max_pending_bytes ({pending_bytes}) must be at least {PENDING_BYTES_MIN}, two segments of 4 MiB, \
                 or 0 for half of the memory budget",
            ),
        );
        let contradicts =
            self.block_on_overflow && self.on_overflow.is_some_and(|on| on != OnOverflow::Block);
        problems.require(
            !contradicts,
            "block_on_overflow",
            "block_on_overflow: true and on_overflow say different things; keep on_overflow",
        );
        problems.require(
            !self.policies.is_empty(),
            "policies",
            "at least one policy is required",
        );
        problems.under("why", &self.why);
        self.check_policies(&mut problems);
        problems
    }
}
