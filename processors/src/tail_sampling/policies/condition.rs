//! What can be seen on one span or resource. A condition that was seen once holds for its whole trace, so that a
//! decision need not read the spans again.

use hashbrown::{HashMap, HashSet};
use otlp::Malformed;
use otlp::view::{AnyValue, Attributes, EncodedKeyValue, Span};
use ottl::{Context, Scene, pattern};
use regex::Regex;
use smallvec::SmallVec;

use super::config::{
    BooleanAttribute, Code, NumericAttribute, OttlCondition, StringAttribute, TraceState,
};
use super::seen::{Around, Finds, Glimpse, Seen};

/// The sampled flag of W3C trace context in the flags of a span.
const SAMPLED: u32 = 1;

/// Longest `key=value` of a trace state (W3C trace context, 256 characters each for key and value in all).
const TRACE_STATE_ENTRY_MAX: usize = 256;

#[derive(Debug)]
pub(super) enum Condition {
    /// The code of a status is one of these, a bit each.
    Status(u8),
    TraceState {
        key: String,
        values: HashSet<String>,
    },
    /// The sender has sampled the span.
    Flags,
    Attribute {
        key: String,
        test: Test,
        /// Where the number of what was found is kept, if it is.
        number: Option<usize>,
    },
    /// Any of these.
    Language(Vec<(Context, ottl::Condition)>),
    /// The condition before this one had no answer for some span.
    Failed,
}

/// What the value of an attribute must be, by the Collector's conversions: a value of another kind counts as zero,
/// false or empty.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Between(i64, i64),
    Is(bool),
    /// The bytes of each, with its place in the configuration.
    OneOf(HashMap<Vec<u8>, usize>),
    Matches(Vec<Regex>),
}

/// The conditions of all policies, each by its number.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    list: Vec<Condition>,
    /// Conditions whose finds are told apart by a number.
    numbers: usize,
    /// Those that look at attributes, and the lengths of their keys, a bit each; the highest stands for all that are
    /// longer. Most attributes are passed over by the length of their key.
    on_attributes: Vec<usize>,
    key_lengths: u64,
}

/// What is found on one resource or span.
#[derive(Default)]
struct Sight {
    /// The conditions whose keys were there.
    met: SmallVec<[usize; 4]>,
    found: Finds,
}

/// What carries attributes. The Collector looks at an empty text on a resource and not on a span.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    Resource,
    Span,
}

/// The values that are patterns, with their places.
pub(super) fn patterns(own: &StringAttribute) -> impl Iterator<Item = (usize, &str)> {
    let patterns = own.values.iter().map(String::as_str).enumerate();
    patterns.filter(|_| own.enabled_regex_matching)
}

// === impl Conditions ===

impl Conditions {
    /// The place of a condition, and that of its number if one find is to be told from another.
    pub(super) fn add_numbered(&mut self, mut condition: Condition) -> (usize, Option<usize>) {
        let place = condition.number_mut().map(|place| {
            self.numbers += 1;
            *place.insert(self.numbers - 1)
        });
        (self.add(condition), place)
    }

    /// The place of a condition.
    pub(super) fn add(&mut self, condition: Condition) -> usize {
        if let Condition::Attribute { key, .. } = &condition {
            self.on_attributes.push(self.list.len());
            self.key_lengths |= length_bit(key.len());
        }
        self.list.push(condition);
        self.list.len() - 1
    }

    pub(super) fn none_seen(&self) -> Seen {
        Seen::none(self.list.len(), self.numbers)
    }

    /// What a resource shows, for all of its spans. What cannot be read shows nothing.
    pub(super) fn see_resource(&self, attributes: Attributes<'_>) -> Finds {
        let nothing = self.none_seen();
        let mut sight = Sight::default();
        for attribute in attributes.encoded().map_while(Result::ok) {
            let _ = self.look(attribute, On::Resource, &nothing, &mut sight);
        }
        sight.found
    }

    /// Reads a span and adds what it shows, if it can be read. `None`: it is of another trace, and nothing is added.
    pub(super) fn see_span<'a>(
        &self,
        around: &Around<'_, 'a>,
        trace: &[u8],
        body: &'a [u8],
        seen: &mut Seen,
    ) -> Result<Option<Glimpse>, Malformed> {
        let mut sight = Sight::default();
        let span = Span::read_showing(body, |attribute| {
            // A sender's broken attribute is no reason to lose its spans.
            let _ = self.look(attribute, On::Span, seen, &mut sight);
        })?;
        if span.trace_id != trace {
            return Ok(None);
        }
        self.keep(around.found, seen);
        self.keep(&sight.found, seen);
        for (at, condition) in self.list.iter().enumerate() {
            let holds = match condition {
                Condition::Status(codes) => {
                    let code = span.status.map_or(0, |status| status.code);
                    (0..=2).contains(&code) && codes & 1 << code != 0
                }
                Condition::Flags => span.flags & SAMPLED != 0,
                Condition::TraceState { key, values } => span
                    .trace_state_entry(key)
                    .is_ok_and(|value| value.is_some_and(|value| values.contains(value))),
                Condition::Language(conditions) if !seen.has(at) => {
                    let (holds, failed) = language(conditions, &around.scene(&span));
                    if failed {
                        seen.add(at + 1);
                    }
                    holds
                }
                Condition::Language(_) | Condition::Attribute { .. } | Condition::Failed => false,
            };
            if holds {
                seen.add(at);
            }
        }
        Ok(Some(Glimpse {
            start: span.start_time_unix_nano,
            end: span.end_time_unix_nano,
            is_root: span.is_root(),
            is_error: span.is_error(),
        }))
    }

    /// Looks at the next attribute of a resource or span. Of several with one key the first counts.
    #[inline(always)]
    fn look(
        &self,
        attribute: EncodedKeyValue<'_>,
        on: On,
        seen: &Seen,
        sight: &mut Sight,
    ) -> Result<(), Malformed> {
        if self.key_lengths == 0 {
            return Ok(());
        }
        let key = attribute.key()?;
        if self.key_lengths & length_bit(key.len()) == 0 {
            return Ok(());
        }
        self.look_closely(key, attribute, on, seen, sight)
    }

    #[inline(never)]
    fn look_closely(
        &self,
        found: &[u8],
        attribute: EncodedKeyValue<'_>,
        on: On,
        seen: &Seen,
        sight: &mut Sight,
    ) -> Result<(), Malformed> {
        for &at in &self.on_attributes {
            let Some(Condition::Attribute { key, test, .. }) = self.list.get(at) else {
                continue;
            };
            if found != key.as_bytes() || seen.has(at) || sight.met.contains(&at) {
                continue;
            }
            sight.met.push(at);
            if let Some(number) = test.find(&attribute.value()?, on) {
                sight.found.push((at, number));
            }
        }
        Ok(())
    }

    /// Adds what was found on one resource or span. What is known of the trace stays.
    fn keep(&self, found: &Finds, seen: &mut Seen) {
        for &(at, found) in found {
            if !seen.has(at)
                && let Some(Condition::Attribute { number, .. }) = self.list.get(at)
            {
                seen.add(at);
                seen.set_number(*number, found);
            }
        }
    }
}

fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

// === impl Condition ===

impl Condition {
    pub(super) fn status(codes: &[Code]) -> Self {
        Self::Status(codes.iter().fold(0, |bits, code| {
            bits | match code {
                Code::Unset => 1,
                Code::Ok => 1 << 1,
                Code::Error => 1 << 2,
            }
        }))
    }

    pub(super) fn trace_state(own: &TraceState) -> Self {
        let fits = |value: &&String| {
            !value.is_empty() && own.key.len() + value.len() < TRACE_STATE_ENTRY_MAX
        };
        Self::TraceState {
            key: own.key.clone(),
            values: own.values.iter().filter(fits).cloned().collect(),
        }
    }

    pub(super) fn number(own: &NumericAttribute) -> Self {
        let min = if own.min_value == 0 {
            i64::MIN
        } else {
            own.min_value
        };
        let max = if own.max_value == 0 {
            i64::MAX
        } else {
            own.max_value
        };
        Self::attribute(&own.key, Test::Between(min, max))
    }

    pub(super) fn boolean(own: &BooleanAttribute) -> Self {
        Self::attribute(&own.key, Test::Is(own.value))
    }

    pub(super) fn text(own: &StringAttribute) -> Result<Self, String> {
        let test = if own.enabled_regex_matching {
            let patterns = own.values.iter().map(|value| pattern::compile(value));
            Test::Matches(patterns.collect::<Result<_, _>>()?)
        } else {
            let values = own.values.iter().map(|value| value.clone().into_bytes());
            Test::OneOf(
                values
                    .zip(0..)
                    .filter(|(value, _)| !value.is_empty())
                    .collect(),
            )
        };
        Ok(Self::attribute(&own.key, test))
    }

    /// It must be followed by [`Condition::Failed`].
    pub(super) fn language(own: &OttlCondition) -> Result<Self, String> {
        let read = |(_, text, context)| Ok((context, ottl::Condition::parse(text, context)?));
        let list = own.texts().map(read).collect::<Result<_, ottl::Fault>>();
        list.map(Self::Language).map_err(|fault| fault.to_string())
    }

    fn attribute(key: &str, test: Test) -> Self {
        Self::Attribute {
            key: key.to_owned(),
            test,
            number: None,
        }
    }

    /// Where the place of its number belongs, if it has one: a test of one value finds that one.
    fn number_mut(&mut self) -> Option<&mut Option<usize>> {
        let Self::Attribute { test, number, .. } = self else {
            return None;
        };
        let has_one = match test {
            Test::Between(..) => true,
            Test::Is(_) => false,
            Test::OneOf(values) => values.len() > 1,
            Test::Matches(patterns) => patterns.len() > 1,
        };
        has_one.then_some(number)
    }
}

// === impl Test ===

impl Test {
    /// What is found, as a number: the integer itself, or the place of the value or pattern in the configuration.
    fn find(&self, value: &AnyValue<'_>, on: On) -> Option<u64> {
        let text = || {
            let text = value.as_text().unwrap_or_default();
            (on == On::Resource || !text.is_empty()).then_some(text)
        };
        match self {
            Self::Between(min, max) => {
                let number = if let AnyValue::Int(number) = value {
                    *number
                } else {
                    0
                };
                (*min..=*max).contains(&number).then_some(number as u64)
            }
            Self::Is(expected) => (matches!(value, AnyValue::Bool(true)) == *expected).then_some(0),
            Self::OneOf(values) => {
                let text = text()?;
                let found = values.get(text.as_bytes()).or_else(|| {
                    let is_text = text.to_str().is_ok();
                    let lossy = (!is_text).then(|| text.to_string_lossy())?;
                    values.get(lossy.as_bytes())
                });
                found.map(|at| *at as u64)
            }
            Self::Matches(patterns) => {
                let text = text()?.to_string_lossy();
                let at = patterns.iter().position(|pattern| pattern.is_match(&text));
                at.map(|at| at as u64)
            }
        }
    }
}

/// Whether any condition holds for the span or one of its events, and whether any had no answer.
fn language(conditions: &[(Context, ottl::Condition)], scene: &Scene<'_>) -> (bool, bool) {
    let mut failed = false;
    let mut holds = |condition: &ottl::Condition, scene: &Scene<'_>| {
        let answer = condition.holds(scene);
        failed |= answer.is_err();
        answer.unwrap_or_default()
    };
    let any = conditions.iter().any(|(context, condition)| match context {
        Context::Span => holds(condition, scene),
        Context::SpanEvent => {
            let mut events = scene.span.events().map_while(Result::ok).enumerate();
            events.any(|(at, event)| {
                holds(
                    condition,
                    &Scene {
                        event: Some((at, &event)),
                        ..*scene
                    },
                )
            })
        }
    });
    (any, failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_conditions_than_a_word_has_bits_are_told_apart() {
        let mut conditions = Conditions::default();
        for _ in 0..200 {
            conditions.add(Condition::Flags);
        }
        let mut seen = conditions.none_seen();
        seen.add(3);
        seen.add(131);
        let found: Vec<usize> = (0..200).filter(|&at| seen.has(at)).collect();
        assert_eq!(found, [3, 131]);
    }
}
