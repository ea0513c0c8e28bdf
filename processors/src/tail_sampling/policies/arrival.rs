//! Decisions while the spans of a trace still come: only of policies that later spans and other traces do not change.

use super::config::{PolicyConfig, PolicyType};
use super::rule::Rule;
use super::{Decision, Policies, Trace, Vote};

impl Policies {
    /// What later spans do not change. While a policy may still drop the trace, the others are not asked.
    pub(in super::super) fn decide_early(&mut self, trace: &Trace<'_>) -> Option<Decision> {
        // Those that drop come first.
        let drops = self.list.iter();
        let drops = drops.filter(|policy| matches!(policy.rule, Rule::Drop(_)));
        let count = if drops.clone().any(|policy| !policy.is_dry) {
            drops.count()
        } else {
            self.list.len()
        };
        let decision = self.ask(trace, count);
        matches!(decision.vote, Vote::Sampled | Vote::Dropped).then_some(decision)
    }
}

impl PolicyConfig {
    /// The key for which later spans, or other traces, change what the policy says of a trace, if there is one.
    pub(in super::super) fn stateful_key(&self) -> Option<String> {
        let within = |path: &str, list: &[Self]| {
            let mut keys = list.iter().enumerate();
            keys.find_map(|(at, policy)| Some(format!("{path}[{at}]::{}", policy.stateful_key()?)))
        };
        match self.r#type? {
            PolicyType::RateLimiting | PolicyType::BytesLimiting => Some("type".to_owned()),
            PolicyType::Latency => {
                let is_bounded = self.latency.as_ref()?.upper_threshold_ms > 0;
                is_bounded.then(|| "latency::upper_threshold_ms".to_owned())
            }
            PolicyType::SpanCount => {
                let is_bounded = self.span_count.as_ref()?.max_spans > 0;
                is_bounded.then(|| "span_count::max_spans".to_owned())
            }
            PolicyType::And => within("and::and_sub_policy", &self.and.as_ref()?.and_sub_policy),
            PolicyType::Drop => within(
                "drop::drop_sub_policy",
                &self.drop.as_ref()?.drop_sub_policy,
            ),
            PolicyType::Not => {
                let key = self.not.as_ref()?.not_sub_policy.stateful_key()?;
                Some(format!("not::not_sub_policy::{key}"))
            }
            PolicyType::Composite => within(
                "composite::composite_sub_policy",
                &self.composite.as_ref()?.composite_sub_policy,
            ),
            _ => None,
        }
    }
}
