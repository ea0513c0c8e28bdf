//! A policy of policies: each keeps traces within its share of a rate.

use super::bucket::{Allowance, part_of_rate};
use super::condition::Conditions;
use super::config::{Composite as Config, PolicyConfig};
use super::heritage::Rate;
use super::rule::Rule;
use super::trail::{Asked, Trail};
use super::{Trace, Vote};

/// The first policy that would keep a trace decides, within its share of the spans of a second.
#[derive(Debug)]
pub(super) struct Composite {
    shares: Vec<Share>,
    max: i64,
    /// The policy that kept the last trace, if it was kept.
    keeper: Option<usize>,
}

#[derive(Debug)]
struct Share {
    name: String,
    rule: Rule,
    allowance: Allowance,
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
                allowance: Allowance::new(allocated),
            })
        };
        let shares = config
            .composite_sub_policy
            .iter()
            .zip(shares(config, parts));
        Ok(Self {
            shares: shares.map(share).collect::<Result<_, String>>()?,
            max: per_second(config, parts) as i64,
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

    /// Those of each policy within, and its share.
    pub(super) fn rates(&mut self) -> impl Iterator<Item = &mut dyn Rate> {
        self.shares.iter_mut().flat_map(|share| {
            let mut rates = share.rule.rates();
            rates.push(&mut share.allowance);
            rates
        })
    }

    /// A share that is used up keeps nothing more, and the policies after it are not asked.
    pub(super) fn vote(&mut self, trace: &Trace<'_>, trail: &mut Trail, asked: Asked) -> Vote {
        self.keeper = None;
        for (at, share) in self.shares.iter_mut().enumerate() {
            match share.rule.vote(trace, trail) {
                Vote::Sampled => {
                    let kept = share.allowance.kept(trace.now);
                    trail.number(asked, kept.unsigned_abs());
                    let fits = share.allowance.keep(trace.facts.spans, self.max);
                    if fits {
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
