//! What the policies said of a trace, in words for a person. Made when somebody asks, from the configuration that was
//! in force at the decision.

use serde::Serialize;

use super::super::id::TraceId;
use super::composite::{per_second, shares};
use super::config::{Code, PolicyConfig, PolicyType};
use super::trail::Reader;
use super::words::{
    Measured, any_of, bucket, latency, number_within, probability, span_count, text_of, trace_state,
};
use super::{Vote, rule};

/// The policies of one configuration, in the order in which they were asked.
#[derive(Debug, PartialEq)]
pub(in super::super) struct Charter {
    policies: Vec<PolicyConfig>,
    /// Into how many shards the traces were divided.
    parts: u32,
}

/// What the numbers of a trace were when it was decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Measures {
    pub(in super::super) id: TraceId,
    pub(in super::super) spans: u64,
    pub(in super::super) bytes: u64,
    /// From the first start to the last end.
    pub(in super::super) millis: i64,
}

/// What one policy said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Said {
    name: String,
    #[serde(rename = "type")]
    kind: PolicyType,
    /// `sampled`, `not_sampled`, `dropped`, `error` or `not_asked`.
    vote: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    /// The number that was compared, where there is one, in this unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
    text: String,
    /// The policies within it that were asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    policies: Vec<Self>,
}

/// Reads the trail of one trace along the policies.
struct Teller<'a> {
    trail: Reader<'a>,
    measures: &'a Measures,
    shows_values: bool,
    parts: u32,
}

// === impl Charter ===

impl Charter {
    pub(super) fn new(policies: Vec<PolicyConfig>, parts: u32) -> Self {
        Self { policies, parts }
    }

    /// Whether traces are asked for the same things, so that what was seen of them serves both.
    pub(in super::super) fn asks_the_same(&self, other: &Self) -> bool {
        self.policies == other.policies
    }

    pub(in super::super) fn name(&self, at: usize) -> Option<&str> {
        self.policies.get(at).map(PolicyConfig::name)
    }

    pub(super) fn policies(&self) -> &[PolicyConfig] {
        &self.policies
    }

    /// What each policy said. `shows_values`: values that came with the trace may be told.
    pub(in super::super) fn tell(
        &self,
        trail: &[u8],
        measures: &Measures,
        shows_values: bool,
    ) -> Vec<Said> {
        let mut teller = Teller {
            trail: Reader(trail),
            measures,
            shows_values,
            parts: self.parts,
        };
        let policies = self.policies.iter();
        policies.map(|policy| teller.policy(policy).0).collect()
    }
}

// === impl Teller ===

impl Teller<'_> {
    /// What a policy said, and its vote if it was asked.
    fn policy(&mut self, policy: &PolicyConfig) -> (Said, Option<Vote>) {
        let kind = policy.r#type.unwrap_or(PolicyType::AlwaysSample);
        let mut said = Said {
            name: policy.name.clone(),
            kind,
            vote: "not_asked",
            dry_run: policy.dry_run,
            value: None,
            unit: None,
            text: "not asked: the policies before it had decided".to_owned(),
            policies: Vec::new(),
        };
        let Some(entry) = self.trail.entry() else {
            return (said, None);
        };
        let vote = entry.vote;
        said.vote = vote.name();
        let (text, measured) = match kind {
            PolicyType::And => (self.all(policy, vote, &mut said.policies), None),
            PolicyType::Drop => (self.all(policy, vote, &mut said.policies), None),
            PolicyType::Not => (self.not(policy, &mut said.policies), None),
            PolicyType::Composite => {
                self.composite(policy, (vote, entry.has_number), &mut said.policies)
            }
            kind => {
                let number = entry.has_number.then(|| self.trail.number()).flatten();
                self.leaf(policy, kind, vote, number)
            }
        };
        said.text = format!("{text} → {}", vote.word());
        if policy.dry_run {
            said.text.push_str(" (dry run: without effect)");
        }
        (said.value, said.unit) = measured.unzip();
        (said, Some(vote))
    }

    /// Policies of which each must agree. The first that does not has the last word.
    fn all(&mut self, policy: &PolicyConfig, vote: Vote, inner: &mut Vec<Said>) -> String {
        let list = policy.within();
        for policy in list {
            let (said, vote) = self.policy(policy);
            let Some(vote) = vote else { break };
            inner.push(said);
            if matches!(vote, Vote::NotSampled | Vote::Failed) {
                break;
            }
        }
        match (vote, inner.last()) {
            (Vote::NotSampled, Some(last)) => format!("{} did not agree", last.name),
            (Vote::Failed, Some(last)) => format!("{} had no answer", last.name),
            _ => format!("all {} agreed", list.len()),
        }
    }

    fn not(&mut self, policy: &PolicyConfig, inner: &mut Vec<Said>) -> String {
        let Some(own) = &policy.not else {
            return "nothing to turn round".to_owned();
        };
        let (said, vote) = self.policy(&own.not_sub_policy);
        let word = vote.map_or("nothing", Vote::word);
        let name = said.name.clone();
        inner.push(said);
        match name.is_empty() {
            true => format!("the policy within said {word}"),
            false => format!("{name} said {word}"),
        }
    }

    /// The first that would keep the trace counts, within its share.
    fn composite(
        &mut self,
        policy: &PolicyConfig,
        (vote, has_number): (Vote, bool),
        inner: &mut Vec<Said>,
    ) -> (String, Measured) {
        let own = policy.composite.clone().unwrap_or_default();
        let mut share = None;
        for (policy, allocated) in own
            .composite_sub_policy
            .iter()
            .zip(shares(&own, self.parts))
        {
            let (said, vote) = self.policy(policy);
            let Some(vote) = vote else { break };
            inner.push(said);
            if vote == Vote::Sampled {
                share = Some(allocated);
            }
            if matches!(vote, Vote::Sampled | Vote::Failed) {
                break;
            }
        }
        let used = has_number.then(|| self.trail.number()).flatten();
        let name = inner.last().map_or("", |last| last.name.as_str());
        let text = match (share, used) {
            (Some(share), Some(used)) => {
                let limit = share.min(per_second(&own, self.parts) as i64);
                let fits = if vote == Vote::Sampled { "≤" } else { ">" };
                format!(
                    "{name} was the first to keep it: {used} spans of this second and its {} {fits} {limit}",
                    self.measures.spans
                )
            }
            _ if vote == Vote::Failed => format!("{name} had no answer"),
            _ => "no policy within kept it".to_owned(),
        };
        (text, used.map(|used| (used as f64, "spans")))
    }

    fn leaf(
        &self,
        policy: &PolicyConfig,
        kind: PolicyType,
        vote: Vote,
        number: Option<u64>,
    ) -> (String, Measured) {
        let Measures {
            spans,
            bytes,
            millis,
            ..
        } = *self.measures;
        match kind {
            PolicyType::Latency => {
                let own = policy.latency.clone().unwrap_or_default();
                (latency(&own, millis), Some((millis as f64, "ms")))
            }
            PolicyType::Probabilistic => {
                let own = policy.probabilistic.clone().unwrap_or_default();
                let percent = rule::percent_of(&own, &self.measures.id);
                let text = probability(&own, percent, vote);
                (text, Some((percent, "%")))
            }
            PolicyType::SpanCount => {
                let own = policy.span_count.clone().unwrap_or_default();
                (span_count(&own, spans), Some((spans as f64, "spans")))
            }
            PolicyType::RateLimiting => bucket(spans, number, vote, "spans"),
            PolicyType::BytesLimiting => bucket(bytes, number, vote, "bytes"),
            kind => self.sight(policy, kind, vote, number),
        }
    }

    /// The policies that look for something on spans and resources.
    fn sight(
        &self,
        policy: &PolicyConfig,
        kind: PolicyType,
        vote: Vote,
        number: Option<u64>,
    ) -> (String, Measured) {
        let number = number.filter(|_| self.shows_values);
        let mut measured = None;
        let (inverted, what) = match kind {
            PolicyType::NumericAttribute => {
                let own = policy.numeric_attribute.clone().unwrap_or_default();
                measured = number.map(|number| (number as i64 as f64, ""));
                (own.invert_match, number_within(&own, number))
            }
            PolicyType::StringAttribute => {
                let own = policy.string_attribute.clone().unwrap_or_default();
                (own.invert_match, text_of(&own, number))
            }
            PolicyType::BooleanAttribute => {
                let own = policy.boolean_attribute.clone().unwrap_or_default();
                let what = format!("attribute {:?} with the value {}", own.key, own.value);
                (own.invert_match, what)
            }
            PolicyType::StatusCode => {
                let own = policy.status_code.clone().unwrap_or_default();
                let codes = own.status_codes.iter().map(|code| code.name());
                let codes: Vec<_> = codes.collect();
                (false, format!("status {}", codes.join(" or ")))
            }
            PolicyType::TraceState => {
                let own = policy.trace_state.clone().unwrap_or_default();
                (false, trace_state(&own))
            }
            PolicyType::TraceFlags => (false, "the sampled flag".to_owned()),
            PolicyType::OttlCondition => {
                let own = policy.ottl_condition.clone().unwrap_or_default();
                let texts: Vec<_> = own
                    .texts()
                    .map(|(_, text, _)| format!("`{text}`"))
                    .collect();
                if vote == Vote::Failed {
                    let text = format!("{} had no answer for a span", any_of(&texts));
                    return (text, None);
                }
                let found = if vote == Vote::Sampled {
                    "a span"
                } else {
                    "no span"
                };
                return (format!("{found} fulfils {}", any_of(&texts)), None);
            }
            _ => return ("every trace is kept".to_owned(), None),
        };
        let found = (vote == Vote::Sampled) != inverted;
        let who = if found { "a span has" } else { "no span has" };
        let inverted = if inverted { ", which is inverted" } else { "" };
        (format!("{who} {what}{inverted}"), measured)
    }
}

// === impl Vote ===

impl Vote {
    const ALL: [Self; 4] = [Self::NotSampled, Self::Sampled, Self::Dropped, Self::Failed];

    pub(super) fn code(self) -> u8 {
        self as u8
    }

    pub(super) fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|vote| vote.code() == code)
    }

    /// For programs.
    pub(in super::super) fn name(self) -> &'static str {
        match self {
            Self::NotSampled => "not_sampled",
            Self::Sampled => "sampled",
            Self::Dropped => "dropped",
            Self::Failed => "error",
        }
    }

    /// For people.
    fn word(self) -> &'static str {
        match self {
            Self::NotSampled => "no",
            Self::Sampled => "yes",
            Self::Dropped => "drop",
            Self::Failed => "error",
        }
    }
}

// === impl Code ===

impl Code {
    fn name(self) -> &'static str {
        match self {
            Self::Unset => "UNSET",
            Self::Ok => "OK",
            Self::Error => "ERROR",
        }
    }
}
