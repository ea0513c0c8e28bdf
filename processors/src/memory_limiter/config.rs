//! The keys of `memory_limiter`.

use config::{GoDuration, Problems, Validate};
use ledger::Limits;
use serde::{Deserialize, Serialize};

use telemetry::memory::{self, ReadFile};

const MIB: u64 = 1 << 20;

/// Part of the limit that a spike is expected to take where nothing is said: a fifth.
const SPIKE_PART: u64 = 5;

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Config {
    /// Time between looks at the memory of the process.
    check_interval: GoDuration,
    limit_mib: u32,
    /// Of the cgroup's limit, or of RAM.
    limit_percentage: u32,
    spike_limit_mib: u32,
    spike_limit_percentage: u32,
    // There is no garbage here to collect: the intervals are checked and otherwise without effect.
    min_gc_interval_when_soft_limited: GoDuration,
    min_gc_interval_when_hard_limited: GoDuration,
    max_gc_interval_when_soft_limited: GoDuration,
    max_gc_interval_when_hard_limited: GoDuration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            check_interval: GoDuration::ZERO,
            limit_mib: 0,
            limit_percentage: 0,
            spike_limit_mib: 0,
            spike_limit_percentage: 0,
            min_gc_interval_when_soft_limited: GoDuration::from_secs(10),
            min_gc_interval_when_hard_limited: GoDuration::ZERO,
            max_gc_interval_when_soft_limited: GoDuration::from_secs(30),
            max_gc_interval_when_hard_limited: GoDuration::from_secs(30),
        }
    }
}

impl Config {
    /// The limits in bytes; `limit_mib` wins over percentages.
    ///
    /// # Errors
    /// The machine does not say how much memory there is to take a percentage of.
    pub(super) fn limits(&self, read: ReadFile) -> Result<Limits, String> {
        let (hard, spike) = if self.limit_mib > 0 {
            (
                u64::from(self.limit_mib) * MIB,
                u64::from(self.spike_limit_mib) * MIB,
            )
        } else {
            let total = memory::total(read).ok_or(
                "failed to get total memory, use fixed memory settings (limit_mib): \
                 neither the cgroup nor /proc/meminfo says it",
            )?;
            let part = |percent: u32| u64::from(percent) * total / 100;
            (
                part(self.limit_percentage),
                part(self.spike_limit_percentage),
            )
        };
        let spike = if spike == 0 { hard / SPIKE_PART } else { spike };
        Ok(Limits {
            soft: hard.saturating_sub(spike),
            hard,
            every: self.check_interval.get(),
        })
    }

    fn validate_collections(&self, problems: &mut Problems) {
        let (soft_min, soft_max) = (
            self.min_gc_interval_when_soft_limited,
            self.max_gc_interval_when_soft_limited,
        );
        let (hard_min, hard_max) = (
            self.min_gc_interval_when_hard_limited,
            self.max_gc_interval_when_hard_limited,
        );
        problems.require(
            soft_min >= hard_min,
            "min_gc_interval_when_soft_limited",
            "'min_gc_interval_when_soft_limited' should be larger than \
             'min_gc_interval_when_hard_limited'",
        );
        for (kind, min, max) in [("soft", soft_min, soft_max), ("hard", hard_min, hard_max)] {
            let key = format!("max_gc_interval_when_{kind}_limited");
            if max.is_negative() {
                problems.push(&key, format!("'{key}' must be non-negative"));
            } else if !max.is_zero() && max < min {
                let text = format!(
                    "'{key}' must be greater than or equal to \
                     'min_gc_interval_when_{kind}_limited' (or 0 to disable)"
                );
                problems.push(&key, text);
            }
        }
        let both_set = soft_max > GoDuration::ZERO && hard_max > GoDuration::ZERO;
        problems.require(
            !both_set || soft_max >= hard_max,
            "max_gc_interval_when_soft_limited",
            "'max_gc_interval_when_soft_limited' should be larger than or equal to \
             'max_gc_interval_when_hard_limited' (when both are set)",
        );
    }
}

impl Validate for Config {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        problems.require(
            self.check_interval > GoDuration::ZERO,
            "check_interval",
            "'check_interval' must be greater than zero",
        );
        self.validate_collections(&mut problems);
        problems.require(
            self.limit_mib > 0 || self.limit_percentage > 0,
            "",
            "'limit_mib' or 'limit_percentage' must be greater than zero",
        );
        for (key, percentage) in [
            ("limit_percentage", self.limit_percentage),
            ("spike_limit_percentage", self.spike_limit_percentage),
        ] {
            problems.require(
                percentage <= 100,
                key,
                "'limit_percentage' and 'spike_limit_percentage' must be greater than zero and \
                 less than or equal to hundred",
            );
        }
        problems.require(
            self.limit_mib == 0 || self.spike_limit_mib < self.limit_mib,
            "spike_limit_mib",
            "'spike_limit_mib' must be smaller than 'limit_mib'",
        );
        problems.require(
            self.limit_percentage == 0 || self.spike_limit_percentage < self.limit_percentage,
            "spike_limit_percentage",
            "'spike_limit_percentage' must be smaller than 'limit_percentage'",
        );
        problems
    }
}
