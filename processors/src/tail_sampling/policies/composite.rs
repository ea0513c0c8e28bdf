//! A policy of policies: each keeps traces within its share of a rate.

use std::time::Duration;

use super::bucket::{Bucket, part_of_rate};
use super::condition::Conditions;
use super::config::{Composite as Config, PolicyConfig};
use super::rule::Rule;
use super::trail::{Asked, Trail};
use super::{Trace, Vote};

/// The first policy that would keep a trace decides, within its share of the spans of a second.
#[derive(Debug)]
pub(super) struct Composite {
    shares: Vec<Share>,
    max: i64,
    second: Duration,
    /// The policy that kept the last trace, if it was kept.
    keeper: Option<usize>,
}

#[derive(Debug)]
struct Share {
    name: String,
    rule: Rule,
    allocated: i64,
    kept: i64,
}

// === impl Composite ===

impl Composite {
    pub(super) fn new(
        config: &Config,
        parts: u32,
        conditions: &mut Conditions,
    ) -> Result<Self, String> {
        let share = |(policy, allocated): (&PolicyConfig, i64)| {
            Ok(Share {
                name: policy.name().to_owned(),
                rule: Rule::new(policy, parts, conditions)?,
                allocated,
                kept: 0,
            })
        };
        let shares = config
            .composite_sub_policy
            .iter()
            .zip(shares(config, parts));
        Ok(Self {
            shares: shares.map(share).collect::<Result<_, String>>()?,
            max: per_second(config, parts) as i64,
            second: Duration::ZERO,
            keeper: None,
        })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.shares.iter().map(|share| share.name.as_str())
    }

    /// The place of the policy that kept the last trace.
    pub(super) fn keeper(&self) -> Option<usize> {
        self.keeper
    }

    pub(super) fn buckets(&mut self) -> impl Iterator<Item = &mut Bucket> {
        self.shares
            .iter_mut()
            .flat_map(|share| share.rule.buckets())
    }

    /// A share that is used up keeps nothing more, and the policies after it are not asked.
    pub(super) fn vote(&mut self, trace: &Trace<'_>, trail: &mut Trail, asked: Asked) -> Vote {
        let second = Duration::from_secs(trace.now.as_secs());
        if self.second != second {
            self.second = second;
            self.shares.iter_mut().for_each(|share| share.kept = 0);
        }
        self.keeper = None;
        for (at, share) in self.shares.iter_mut().enumerate() {
            match share.rule.vote(trace, trail) {
                Vote::Sampled => {
                    trail.number(asked, share.kept.unsigned_abs());
                    let kept = share.kept + i64::from(trace.facts.spans);
                    let fits = kept <= share.allocated && kept <= self.max;
                    if fits {
                        share.kept = kept;
                        self.keeper = Some(at);
                    }
                    return Vote::keep_if(fits);
                }
                Vote::Failed => return Vote::Failed,
                Vote::NotSampled | Vote::Dropped => {}
            }
        }
        Vote::NotSampled
    }
}

/// Spans of a second. `parts`: into how many shards the traces are divided, and with them every rate.
pub(super) fn per_second(config: &Config, parts: u32) -> f64 {
    part_of_rate(config.max_total_spans_per_second, parts) as f64
}

/// Spans of a second for each policy.
pub(super) fn shares(config: &Config, parts: u32) -> impl Iterator<Item = i64> {
    let max = per_second(config, parts);
    let equal = max / config.composite_sub_policy.len().max(1) as f64;
    config.composite_sub_policy.iter().map(move |policy| {
        // Of several allocations for one policy the last counts.
        let mut given = config.rate_allocation.iter();
        let given = given.rfind(|given| given.policy == policy.name);
        let percent = given.map(|given| given.percent).filter(|p| *p > 0);
        percent.map_or(equal, |percent| percent as f64 / 100.0 * max) as i64
    })
}
