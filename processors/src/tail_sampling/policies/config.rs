//! The keys of a policy, as the Collector has them: `type` says which one of the sections counts.

use config::{Problems, Validate};
use serde::de::IntoDeserializer;
use serde::{Deserialize, Deserializer, Serialize};

use super::condition;

/// How deep policies hold policies. The Collector has three levels; a file with more than this is no person's.
const DEPTH_MAX: usize = 8;

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct PolicyConfig {
    pub(super) name: String,
    pub(super) r#type: Option<PolicyType>,
    /// Counted and explained, and without effect.
    #[serde(skip_serializing_if = "is_false")]
    pub(super) dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) latency: Option<Latency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) numeric_attribute: Option<NumericAttribute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) probabilistic: Option<Probabilistic>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status_code: Option<StatusCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) string_attribute: Option<StringAttribute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rate_limiting: Option<RateLimiting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes_limiting: Option<BytesLimiting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) span_count: Option<SpanCount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trace_state: Option<TraceState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) boolean_attribute: Option<BooleanAttribute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ottl_condition: Option<OttlCondition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) and: Option<And>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not: Option<Not>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) drop: Option<Drop>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) composite: Option<Composite>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PolicyType {
    AlwaysSample,
    Latency,
    NumericAttribute,
    Probabilistic,
    StatusCode,
    StringAttribute,
    RateLimiting,
    BytesLimiting,
    SpanCount,
    TraceState,
    TraceFlags,
    BooleanAttribute,
    OttlCondition,
    And,
    Not,
    Drop,
    Composite,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Latency {
    pub(super) threshold_ms: i64,
    /// 0: none.
    pub(super) upper_threshold_ms: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct NumericAttribute {
    pub(super) key: String,
    /// 0: none.
    pub(super) min_value: i64,
    /// 0: none.
    pub(super) max_value: i64,
    pub(super) invert_match: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Probabilistic {
    /// Empty: the Collector's.
    pub(super) hash_salt: String,
    pub(super) sampling_percentage: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct StatusCode {
    pub(super) status_codes: Vec<Code>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Code {
    Unset,
    Ok,
    Error,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct StringAttribute {
    pub(super) key: String,
    pub(super) values: Vec<String>,
    pub(super) enabled_regex_matching: bool,
    /// Of the Collector's cache of matches, which this build does not need.
    pub(super) cache_max_size: i64,
    pub(super) invert_match: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct RateLimiting {
    pub(super) spans_per_second: i64,
    /// 0: twice the rate.
    pub(super) burst_capacity: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct BytesLimiting {
    pub(super) bytes_per_second: i64,
    /// 0: twice the rate.
    pub(super) burst_capacity: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct SpanCount {
    pub(super) min_spans: i32,
    /// 0: none.
    pub(super) max_spans: i32,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct TraceState {
    pub(super) key: String,
    pub(super) values: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct BooleanAttribute {
    pub(super) key: String,
    pub(super) value: bool,
    pub(super) invert_match: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct OttlCondition {
    #[serde(deserialize_with = "in_any_case")]
    pub(super) error_mode: ErrorMode,
    pub(super) span: Vec<String>,
    pub(super) spanevent: Vec<String>,
}

/// What it means that a condition has no answer for a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ErrorMode {
    /// The policy has failed, which is counted, unless another span makes it true.
    Propagate,
    /// No.
    Ignore,
    /// No; not even the log says so. The Collector's default, whatever its documents say.
    #[default]
    Silent,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct And {
    pub(super) and_sub_policy: Vec<PolicyConfig>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Not {
    pub(super) not_sub_policy: Box<PolicyConfig>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Drop {
    pub(super) drop_sub_policy: Vec<PolicyConfig>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Composite {
    pub(super) max_total_spans_per_second: i64,
    /// Not used by the Collector either: the order of the list counts.
    pub(super) policy_order: Vec<String>,
    pub(super) composite_sub_policy: Vec<PolicyConfig>,
    pub(super) rate_allocation: Vec<RateAllocation>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct RateAllocation {
    pub(super) policy: String,
    pub(super) percent: i64,
}

fn is_false(value: &bool) -> bool {
    !value
}

// === impl OttlCondition ===

/// As the Collector reads it.
fn in_any_case<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ErrorMode, D::Error> {
    let word = String::deserialize(deserializer)?;
    ErrorMode::deserialize(word.to_lowercase().into_deserializer())
}

impl OttlCondition {
    /// Every condition with its path and what it is about.
    pub(super) fn texts(&self) -> impl Iterator<Item = (String, &str, ottl::Context)> {
        let spans = self.span.iter().enumerate();
        let spans =
            spans.map(|(at, text)| (format!("span[{at}]"), text.as_str(), ottl::Context::Span));
        let events = self.spanevent.iter().enumerate();
        let events = events.map(|(at, text)| {
            (
                format!("spanevent[{at}]"),
                text.as_str(),
                ottl::Context::SpanEvent,
            )
        });
        spans.chain(events)
    }
}

// === impl PolicyConfig ===

impl PolicyConfig {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, depth: usize) -> Problems {
        let mut problems = Problems::new();
        if depth > DEPTH_MAX {
            problems.push(
                "",
                format!("policies within policies more than {DEPTH_MAX} levels deep"),
            );
            return problems;
        }
        let Some(kind) = self.r#type else {
            problems.push("type", "unknown sampling policy type: none is given");
            return problems;
        };
        match kind {
            PolicyType::StatusCode => {
                let some = self
                    .status_code
                    .as_ref()
                    .is_some_and(|own| !own.status_codes.is_empty());
                problems.require(
                    some,
                    "status_code::status_codes",
                    "expected at least one status code to filter on",
                );
            }
            PolicyType::NumericAttribute => {
                let bounded = self
                    .numeric_attribute
                    .as_ref()
                    .is_some_and(|own| own.min_value != 0 || own.max_value != 0);
                problems.require(
                    bounded,
                    "numeric_attribute",
                    "at least one of min_value or max_value must be set",
                );
            }
            PolicyType::OttlCondition => {
                let own = self.ottl_condition.clone().unwrap_or_default();
                let some = own.texts().next().is_some();
                problems.require(
                    some,
                    "ottl_condition",
                    "expected at least one OTTL condition to filter on",
                );
                for (path, text, context) in own.texts() {
                    if let Err(fault) = ottl::Condition::parse(text, context) {
                        problems.push(format!("ottl_condition::{path}"), fault.to_string());
                    }
                }
            }
            PolicyType::StringAttribute => {
                for (at, pattern) in self.string_attribute.iter().flat_map(condition::patterns) {
                    if let Err(text) = ottl::pattern::compile(pattern) {
                        problems.push(format!("string_attribute::values[{at}]"), text);
                    }
                }
            }
            _ => {}
        }
        self.check_inner(depth, &mut problems);
        problems
    }

    fn check_inner(&self, depth: usize, problems: &mut Problems) {
        let list = |policies: &[Self], path: &str, problems: &mut Problems| {
            problems.require(!policies.is_empty(), path, "expected at least one policy");
            for (at, policy) in policies.iter().enumerate() {
                problems.part(&format!("{path}[{at}]"), policy.check(depth + 1));
            }
        };
        match self.r#type {
            Some(PolicyType::And) => {
                list(
                    self.and.as_ref().map_or(&[], |own| &own.and_sub_policy),
                    "and::and_sub_policy",
                    problems,
                );
            }
            Some(PolicyType::Drop) => {
                list(
                    self.drop.as_ref().map_or(&[], |own| &own.drop_sub_policy),
                    "drop::drop_sub_policy",
                    problems,
                );
            }
            Some(PolicyType::Not) => {
                let inner = self
                    .not
                    .as_ref()
                    .map(|own| own.not_sub_policy.check(depth + 1));
                problems.require(
                    inner.is_some(),
                    "not",
                    "expected a policy below not_sub_policy",
                );
                problems.part("not::not_sub_policy", inner.unwrap_or_default());
            }
            Some(PolicyType::Composite) => {
                let inner = self.composite.as_ref();
                list(
                    inner.map_or(&[], |own| &own.composite_sub_policy),
                    "composite::composite_sub_policy",
                    problems,
                );
                for (at, share) in inner
                    .iter()
                    .flat_map(|own| own.rate_allocation.iter().enumerate())
                {
                    let known = inner.is_some_and(|own| {
                        own.composite_sub_policy
                            .iter()
                            .any(|p| p.name == share.policy)
                    });
                    let path = format!("composite::rate_allocation[{at}]::policy");
                    problems.require(
                        known,
                        &path,
                        format!("no policy of the composite is named {:?}", share.policy),
                    );
                }
            }
            _ => {}
        }
    }
}

impl Validate for PolicyConfig {
    fn validate(&self) -> Problems {
        let mut problems = self.check(0);
        problems.require(!self.name.is_empty(), "name", "policy name cannot be empty");
        problems
    }
}
