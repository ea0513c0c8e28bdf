//! A policy made ready: what it says of a trace.

use otlp::sampling::{DIGITS_MAX, Threshold};

use super::super::id::TraceId;
use super::bucket::Bucket;
use super::composite::Composite;
use super::condition::{Condition, Conditions};
use super::config::{ErrorMode, PolicyConfig, PolicyType, Probabilistic};
use super::heritage::Rate;
use super::trail::{Asked, Trail};
use super::{Trace, Vote};

/// The Collector's salt where none is given.
const SALT: &str = "default-hash-seed";

#[derive(Debug)]
pub(super) enum Rule {
    Always,
    /// From first start to last end: longer than the first, and not longer than the second.
    Latency {
        above: i64,
        up_to: i64,
    },
    Seen {
        condition: usize,
        /// Where its number stands, if it has one.
        number: Option<usize>,
        inverted: bool,
    },
    /// Conditions in OTTL; where they had no answer and it `tells`, the vote is an error.
    Language {
        condition: usize,
        tells: bool,
    },
    /// The hash of the salt, and the largest hash of a trace that is kept.
    Probabilistic {
        salted: u64,
        threshold: u64,
        /// The same part of all traces, as it is told to others.
        told: Threshold,
    },
    Spans(Bucket),
    Bytes(Bucket),
    SpanCount {
        min: i64,
        max: i64,
    },
    And(Vec<Self>),
    Not(Box<Self>),
    Drop(Vec<Self>),
    Composite(Composite),
}

// === impl Rule ===

impl Rule {
    /// `parts`: into how many shards the traces are divided, and with them every rate.
    pub(super) fn new(
        config: &PolicyConfig,
        parts: u32,
        conditions: &mut Conditions,
    ) -> Result<Self, String> {
        let kind = config.r#type.ok_or("a policy has no type")?;
        if let Some((condition, inverted)) = watched(config, kind)? {
            let (condition, number) = conditions.add_numbered(condition);
            return Ok(Self::Seen {
                condition,
                number,
                inverted,
            });
        }
        Ok(match kind {
            PolicyType::OttlCondition => {
                let own = config.ottl_condition.clone().unwrap_or_default();
                let condition = conditions.add(Condition::language(&own)?);
                conditions.add(Condition::Failed);
                let tells = own.error_mode == ErrorMode::Propagate;
                Self::Language { condition, tells }
            }
            PolicyType::And => Self::And(Self::list(config.within(), parts, conditions)?),
            PolicyType::Drop => Self::Drop(Self::list(config.within(), parts, conditions)?),
            PolicyType::Not => {
                let inner = config.not.as_ref().ok_or("a policy `not` has no policy")?;
                Self::Not(Box::new(Self::new(
                    &inner.not_sub_policy,
                    parts,
                    conditions,
                )?))
            }
            PolicyType::Composite => {
                let own = config.composite.clone().unwrap_or_default();
                Self::Composite(Composite::new(&own, parts, conditions)?)
            }
            kind => Self::counting(config, kind, parts),
        })
    }

    /// The rates of this policy and of those within, always in the same order.
    pub(super) fn rates(&mut self) -> Vec<&mut dyn Rate> {
        match self {
            Self::Spans(bucket) | Self::Bytes(bucket) => vec![bucket],
            Self::And(rules) | Self::Drop(rules) => {
                rules.iter_mut().flat_map(Self::rates).collect()
            }
            Self::Not(rule) => rule.rates(),
            Self::Composite(composite) => composite.rates().collect(),
            _ => Vec::new(),
        }
    }

    /// The policies that count and measure.
    fn counting(config: &PolicyConfig, kind: PolicyType, parts: u32) -> Self {
        match kind {
            PolicyType::Latency => {
                let own = config.latency.clone().unwrap_or_default();
                let up_to = if own.upper_threshold_ms == 0 {
                    i64::MAX
                } else {
                    own.upper_threshold_ms
                };
                Self::Latency {
                    above: own.threshold_ms,
                    up_to,
                }
            }
            PolicyType::Probabilistic => {
                let own = config.probabilistic.clone().unwrap_or_default();
                Self::Probabilistic {
                    salted: salted(&own),
                    threshold: threshold(own.sampling_percentage),
                    told: told_threshold(own.sampling_percentage),
                }
            }
            PolicyType::RateLimiting => {
                let own = config.rate_limiting.clone().unwrap_or_default();
                Self::Spans(Bucket::new(own.spans_per_second, own.burst_capacity, parts))
            }
            PolicyType::BytesLimiting => {
                let own = config.bytes_limiting.clone().unwrap_or_default();
                Self::Bytes(Bucket::new(own.bytes_per_second, own.burst_capacity, parts))
            }
            PolicyType::SpanCount => {
                let own = config.span_count.clone().unwrap_or_default();
                let max = if own.max_spans == 0 {
                    i64::MAX
                } else {
                    own.max_spans.into()
                };
                Self::SpanCount {
                    min: own.min_spans.into(),
                    max,
                }
            }
            _ => Self::Always,
        }
    }

    fn list(
        configs: &[PolicyConfig],
        parts: u32,
        conditions: &mut Conditions,
    ) -> Result<Vec<Self>, String> {
        configs
            .iter()
            .map(|config| Self::new(config, parts, conditions))
            .collect()
    }

    /// What the policy says, also to the trail. Rates are used up by asking, as they are in the Collector.
    pub(super) fn vote(&mut self, trace: &Trace<'_>, trail: &mut Trail) -> Vote {
        let asked = trail.ask();
        let vote = self.judge(trace, trail, asked);
        trail.said(asked, vote);
        vote
    }

    /// Of traces that it keeps: what part of all they are. Where that is not known it is all of them.
    pub(super) fn threshold(&self) -> Threshold {
        match self {
            Self::Probabilistic { told, .. } => *told,
            // All of them must keep a trace, and the same randomness decides.
            Self::And(rules) => {
                let thresholds = rules.iter().map(Self::threshold);
                thresholds.max().unwrap_or(Threshold::ALWAYS)
            }
            _ => Threshold::ALWAYS,
        }
    }

    fn judge(&mut self, trace: &Trace<'_>, trail: &mut Trail, asked: Asked) -> Vote {
        let Trace { id, facts, now } = trace;
        Vote::keep_if(match self {
            Self::Always => true,
            Self::Latency { above, up_to } => {
                let millis = facts.millis();
                *above < millis && millis <= *up_to
            }
            Self::Seen {
                condition,
                number,
                inverted,
            } => {
                let found = facts.seen.has(*condition);
                if let Some(number) = facts.seen.number(*number).filter(|_| found) {
                    trail.number(asked, number);
                }
                found != *inverted
            }
            Self::Language { condition, tells } => {
                let holds = facts.seen.has(*condition);
                if !holds && *tells && facts.seen.has(*condition + 1) {
                    return Vote::Failed;
                }
                holds
            }
            Self::Probabilistic {
                salted, threshold, ..
            } => fnv1a(*salted, id.as_slice()) <= *threshold,
            Self::Spans(bucket) => {
                trail.number(asked, bucket.fill(*now));
                bucket.take(facts.spans.into(), *now)
            }
            Self::Bytes(bucket) => {
                trail.number(asked, bucket.fill(*now));
                bucket.take(facts.bytes, *now)
            }
            Self::SpanCount { min, max } => (*min..=*max).contains(&i64::from(facts.spans)),
            Self::And(rules) => return all(rules, trace, trail),
            Self::Not(rule) => {
                return match rule.vote(trace, trail) {
                    Vote::Sampled => Vote::NotSampled,
                    Vote::NotSampled => Vote::Sampled,
                    other => other,
                };
            }
            Self::Drop(rules) => {
                return match all(rules, trace, trail) {
                    Vote::Sampled => Vote::Dropped,
                    other => other,
                };
            }
            Self::Composite(composite) => return composite.vote(trace, trail, asked),
        })
    }
}

/// What a policy looks for on spans and resources, and whether it keeps the traces without it.
fn watched(config: &PolicyConfig, kind: PolicyType) -> Result<Option<(Condition, bool)>, String> {
    Ok(Some(match kind {
        PolicyType::NumericAttribute => {
            let own = config.numeric_attribute.clone().unwrap_or_default();
            (Condition::number(&own), own.invert_match)
        }
        PolicyType::StringAttribute => {
            let own = config.string_attribute.clone().unwrap_or_default();
            (Condition::text(&own)?, own.invert_match)
        }
        PolicyType::BooleanAttribute => {
            let own = config.boolean_attribute.clone().unwrap_or_default();
            (Condition::boolean(&own), own.invert_match)
        }
        PolicyType::StatusCode => {
            let codes = config
                .status_code
                .as_ref()
                .map_or(&[][..], |own| &own.status_codes);
            (Condition::status(codes), false)
        }
        PolicyType::TraceState => (
            Condition::trace_state(&config.trace_state.clone().unwrap_or_default()),
            false,
        ),
        PolicyType::TraceFlags => (Condition::Flags, false),
        _ => return Ok(None),
    }))
}

/// Sampled if all of them say so; the first that does not has the last word.
fn all(rules: &mut [Rule], trace: &Trace<'_>, trail: &mut Trail) -> Vote {
    let mut votes = rules.iter_mut().map(|rule| rule.vote(trace, trail));
    let other = votes.find(|vote| matches!(vote, Vote::NotSampled | Vote::Failed));
    other.unwrap_or(Vote::Sampled)
}

// === the Collector's choice of traces ===

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// [FNV-1a](https://datatracker.ietf.org/doc/html/draft-eastlake-fnv) of 64 bits, continued from `hash`.
fn fnv1a(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME)
    })
}

fn salted(own: &Probabilistic) -> u64 {
    let salt = if own.hash_salt.is_empty() {
        SALT
    } else {
        &own.hash_salt
    };
    fnv1a(FNV_OFFSET, salt.as_bytes())
}

/// Where the hash of a trace id lies among all hashes: kept are those up to the percentage.
pub(super) fn percent_of(own: &Probabilistic, id: &TraceId) -> f64 {
    fnv1a(salted(own), id) as f64 / u64::MAX as f64 * 100.0
}

/// Beyond what can be told it is nothing or all.
fn told_threshold(percentage: f64) -> Threshold {
    let told = Threshold::of_probability(percentage / 100.0, DIGITS_MAX);
    told.unwrap_or(if percentage >= 100.0 {
        Threshold::ALWAYS
    } else {
        Threshold::NEVER
    })
}

/// The largest hash that is kept: `percentage / 100 × (2⁶⁴ − 1)`, cut to an integer as the Collector's big floats cut
/// it. Exact, since an `f64` is an integer times a power of two.
fn threshold(percentage: f64) -> u64 {
    let ratio = percentage / 100.0;
    if ratio.is_nan() || ratio <= 0.0 {
        return 0;
    }
    if ratio >= 1.0 {
        return u64::MAX;
    }
    let bits = ratio.to_bits();
    let exponent = (bits >> 52) as i32;
    let (mantissa, shift) = match exponent {
        0 => (bits & ((1 << 52) - 1), 1074),
        _ => (bits & ((1 << 52) - 1) | 1 << 52, 1075 - exponent),
    };
    // Big floats of Go round the product to the 64 bits of the larger factor, half to even.
    let product = u128::from(mantissa) * u128::from(u64::MAX);
    let excess = (128 - product.leading_zeros()).saturating_sub(64);
    let (kept, rest) = (product >> excess, product & ((1 << excess) - 1));
    let half = if excess == 0 {
        0
    } else {
        1u128 << (excess - 1)
    };
    let up = excess > 0 && (rest > half || rest == half && kept & 1 == 1);
    let rounded = kept + u128::from(up);
    let down = shift - excess as i32;
    if down >= 128 {
        0
    } else {
        (rounded >> down) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(fnv1a(FNV_OFFSET, b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(FNV_OFFSET, b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(FNV_OFFSET, b"foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(
            fnv1a(fnv1a(FNV_OFFSET, b"foo"), b"bar"),
            fnv1a(FNV_OFFSET, b"foobar")
        );
    }

    #[test]
    fn a_percentage_is_cut_as_the_collector_cuts_it() {
        let check = |percentage: f64, expected: u64| {
            assert_eq!(threshold(percentage), expected, "{percentage}")
        };
        check(0.001, 184_467_440_737_095);
        check(0.1, 18_446_744_073_709_551);
        check(1.0, 184_467_440_737_095_519);
        check(5.0, 922_337_203_685_477_631);
        check(10.0, 1_844_674_407_370_955_263);
        check(12.5, 2_305_843_009_213_693_951);
        check(33.333, 6_148_853_202_089_604_095);
        check(50.0, 9_223_372_036_854_775_807);
        check(66.7, 12_303_978_297_164_271_615);
        check(99.9, 18_428_297_329_635_844_095);
        check(99.999_999_999_999_99, 18_446_744_073_709_549_567);
        check(100.0, u64::MAX);
        check(f64::NAN, 0);
    }
}
