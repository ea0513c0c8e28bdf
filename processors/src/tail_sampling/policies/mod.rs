//! The policies of a configuration, and what they say of a trace.
//!
//! Whatever a policy needs of the spans is gathered once, when they come, as [`Facts`]: a decision takes a few
//! comparisons for each policy however many spans there are.

mod arrival;
mod bucket;
mod composite;
mod condition;
mod config;
mod heritage;
mod rule;
mod seen;
mod tell;
#[cfg(test)]
mod tests;
mod trail;
mod words;

use std::sync::Arc;
use std::time::Duration;

use otlp::Malformed;
use otlp::sampling::Threshold;
use otlp::view::Attributes;
use smallvec::SmallVec;

use super::id::TraceId;
use condition::Conditions;
use config::PolicyType;
use rule::Rule;
use seen::Seen;
use trail::Trail;

pub(super) use config::PolicyConfig;
pub(super) use heritage::Level;
pub(super) use seen::{Around, Finds, Glimpse};
pub(super) use tell::{Charter, Measures, Said};
pub(super) use trail::take_varint;
pub(super) use words::time_text;

/// Nanoseconds of a millisecond.
const MILLI: i64 = 1_000_000;

/// What is known of a trace without its spans.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) spans: u32,
    /// Of the encoded spans.
    pub(super) bytes: u64,
    /// First start and last end, nanoseconds since the epoch; 0: none is known.
    start: u64,
    end: u64,
    pub(super) has_root: bool,
    pub(super) has_error: bool,
    seen: Seen,
}

/// A trace that is to be decided.
pub(super) struct Trace<'a> {
    pub(super) id: &'a TraceId,
    pub(super) facts: &'a Facts,
    /// On the service's clock.
    pub(super) now: Duration,
}

/// What one policy says of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vote {
    Sampled,
    NotSampled,
    Dropped,
    /// It has no answer, and counts as if it were not there.
    Failed,
}

/// What all of them say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) vote: Vote,
    /// The policy that decided: the first that says so. `None` where none would keep the trace.
    pub(super) policy: Option<usize>,
    /// By policy; shorter where the rest was not asked.
    pub(super) votes: SmallVec<[Vote; 16]>,
}

/// The policies in the order in which they are asked.
#[derive(Debug)]
pub(super) struct Policies {
    list: Vec<Policy>,
    conditions: Conditions,
    stop_at_first: bool,
    /// What the last decision was made of.
    trail: Trail,
    charter: Arc<Charter>,
}

#[derive(Debug)]
struct Policy {
    name: String,
    rule: Rule,
    is_dry: bool,
}

// === impl Policies ===

impl Policies {
    /// `parts`: into how many shards the traces are divided; `stop_at_first`: the first policy that keeps a trace ends
    /// the asking.
    pub(super) fn new(
        configs: &[PolicyConfig],
        parts: u32,
        stop_at_first: bool,
    ) -> Result<Self, String> {
        let mut conditions = Conditions::default();
        let mut configs = configs.to_vec();
        // Whatever drops a trace has the first word.
        configs.sort_by_key(|config| config.r#type != Some(PolicyType::Drop));
        let mut list = Vec::with_capacity(configs.len());
        for config in &configs {
            let rule = Rule::new(config, parts, &mut conditions).map_err(|text| {
                format!(
                    "failed to create policy evaluator for {:?}: {text}",
                    config.name
                )
            })?;
            list.push(Policy {
                name: config.name.clone(),
                rule,
                is_dry: config.dry_run,
            });
        }
        Ok(Self {
            list,
            conditions,
            stop_at_first,
            trail: Trail::default(),
            charter: Arc::new(Charter::new(configs, parts)),
        })
    }

    /// The names, and whether it is a dry run, without effect.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, bool)> {
        let list = self.list.iter();
        list.map(|policy| (policy.name.as_str(), policy.is_dry))
    }

    /// The names of all policies, each with those of the policies that share its rate.
    pub(super) fn names_within(&self) -> Vec<(String, Vec<String>)> {
        let within = |policy: &Policy| match &policy.rule {
            Rule::Composite(composite) => composite.names().map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        let list = self.list.iter();
        list.map(|policy| (policy.name.clone(), within(policy)))
            .collect()
    }

    /// Of the last decision: the last composite policy that kept the trace, and which of those within did.
    pub(super) fn composite(&self, decision: &Decision) -> Option<(usize, usize)> {
        let mut keepers = self.keepers(decision).rev();
        keepers.find_map(|(at, policy)| match &policy.rule {
            Rule::Composite(composite) => Some((at, composite.keeper()?)),
            _ => None,
        })
    }

    /// What is left of traces that are decided like this: of the policies that keep them, the one that keeps most
    /// counts, and those that do not choose by probability keep all.
    pub(super) fn threshold(&self, decision: &Decision) -> Threshold {
        let thresholds = self
            .keepers(decision)
            .map(|(_, policy)| policy.rule.threshold());
        thresholds.min().unwrap_or(Threshold::ALWAYS)
    }

    /// The policies that keep a trace, with their places.
    fn keepers(&self, decision: &Decision) -> impl DoubleEndedIterator<Item = (usize, &Policy)> {
        let votes = self.list.iter().zip(&decision.votes).enumerate();
        votes.filter_map(|(at, (policy, vote))| {
            (*vote == Vote::Sampled && !policy.is_dry).then_some((at, policy))
        })
    }

    /// What explains a decision of these policies, with its trail.
    pub(super) fn charter(&self) -> &Arc<Charter> {
        &self.charter
    }

    /// What the last decision was made of, by policy: for [`Charter::tell`].
    pub(super) fn trail(&self) -> &[u8] {
        self.trail.bytes()
    }

    /// The facts of a trace without spans.
    pub(super) fn nothing(&self) -> Facts {
        Facts {
            spans: 0,
            bytes: 0,
            start: 0,
            end: 0,
            has_root: false,
            has_error: false,
            seen: self.conditions.none_seen(),
        }
    }

    /// What a resource shows, for all of its spans. What cannot be read shows nothing.
    pub(super) fn see_resource(&self, attributes: Attributes<'_>) -> Finds {
        self.conditions.see_resource(attributes)
    }

    /// Reads a span and adds it to the facts of its trace, if it can be read. Attributes that cannot show nothing.
    /// `None`: it is of another trace, and nothing is added.
    pub(super) fn see<'a>(
        &self,
        around: &Around<'_, 'a>,
        trace: &[u8],
        body: &'a [u8],
        facts: &mut Facts,
    ) -> Result<Option<Glimpse>, Malformed> {
        let conditions = &self.conditions;
        let Some(span) = conditions.see_span(around, trace, body, &mut facts.seen)? else {
            return Ok(None);
        };
        facts.spans = facts.spans.saturating_add(1);
        facts.bytes += body.len() as u64;
        // A span without a start says nothing of when its trace began.
        let starts = [facts.start, span.start];
        let starts = starts.into_iter().filter(|start| can_be(*start));
        facts.start = starts.min().unwrap_or_default();
        let ends = [facts.end, span.end];
        let ends = ends.into_iter().filter(|end| can_be(*end));
        facts.end = ends.max().unwrap_or_default();
        facts.has_root |= span.is_root;
        facts.has_error |= span.is_error;
        Ok(Some(span))
    }

    pub(super) fn decide(&mut self, trace: &Trace<'_>) -> Decision {
        self.ask(trace, self.list.len())
    }

    /// Asks the first `count` policies.
    fn ask(&mut self, trace: &Trace<'_>, count: usize) -> Decision {
        let mut votes = SmallVec::new();
        self.trail.clear();
        let mut sampled = None;
        for (at, policy) in self.list.iter_mut().take(count).enumerate() {
            let vote = policy.rule.vote(trace, &mut self.trail);
            votes.push(vote);
            match vote {
                _ if policy.is_dry => {}
                Vote::Dropped => {
                    return Decision {
                        vote,
                        policy: Some(at),
                        votes,
                    };
                }
                Vote::Sampled => {
                    sampled = sampled.or(Some(at));
                    if self.stop_at_first {
                        break;
                    }
                }
                Vote::NotSampled | Vote::Failed => {}
            }
        }
        Decision {
            vote: Vote::keep_if(sampled.is_some()),
            policy: sampled,
            votes,
        }
    }
}

// === impl Facts ===

impl Facts {
    /// From the first start to the last end; negative where clocks disagree.
    pub(super) fn millis(&self) -> i64 {
        (self.end as i64).wrapping_sub(self.start as i64) / MILLI
    }
}

/// Whether these nanoseconds are a time that anybody has meant: those after the year 2262 overflow on the way.
fn can_be(nanos: u64) -> bool {
    nanos > 0 && nanos <= i64::MAX as u64
}

// === impl Vote ===

impl Vote {
    fn keep_if(keep: bool) -> Self {
        if keep {
            Self::Sampled
        } else {
            Self::NotSampled
        }
    }
}
