//! Types that ask the cursor for more than serde knows: durations, whole nodes, keys that are not
//! built yet, two types in one map.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::cursor::Cursor;
use super::error::DecodeError;
use super::token;
use crate::fault::Fault;
use crate::node::{Node, Value};
use crate::units::{DurationFault, GoDuration};
use crate::validate::{Problems, Validate};

/// The key that turns an optional section on or off.
pub(super) const SWITCH: &str = "enabled";

/// A key of the Collector that this build does not have. Its use is always a fault, so that no
/// key is ever ignored. Mark the field `#[serde(skip_serializing)]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotYet;

/// Two types whose keys stand on the same level, as when a component adds keys to a shared block.
///
/// Unknown keys are checked against both. Nest it for more than two.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Squash<A, B>(pub A, pub B);

// === impl NotYet ===

impl<'de> Deserialize<'de> for NotYet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(token::NOT_YET, NotYetVisitor)
    }
}

impl Serialize for NotYet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

struct NotYetVisitor;

impl<'de> Visitor<'de> for NotYetVisitor {
    type Value = NotYet;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no value: this build does not have this key yet")
    }

    fn visit_unit<E: de::Error>(self) -> Result<NotYet, E> {
        Ok(NotYet)
    }
}

pub(super) fn not_yet<'de, V: Visitor<'de>>(
    cursor: &Cursor<'_>,
    visitor: V,
) -> Result<V::Value, DecodeError> {
    if cursor.null()? {
        return visitor.visit_unit();
    }
    let key = cursor.key();
    let text = format!("`{key}` is a key of the Collector that this build does not have yet");
    Err(DecodeError::wrong(text).with_help("take it out of the file"))
}

// === impl Squash ===

impl<'de, A: Deserialize<'de>, B: Deserialize<'de>> Deserialize<'de> for Squash<A, B> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple_struct(token::SQUASH, 2, SquashVisitor(PhantomData))
    }
}

struct SquashVisitor<A, B>(PhantomData<(A, B)>);

impl<'de, A: Deserialize<'de>, B: Deserialize<'de>> Visitor<'de> for SquashVisitor<A, B> {
    type Value = Squash<A, B>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut parts: S) -> Result<Self::Value, S::Error> {
        let missing = || de::Error::custom("a part of the map is missing");
        let first = parts.next_element()?.ok_or_else(missing)?;
        let second = parts.next_element()?.ok_or_else(missing)?;
        Ok(Squash(first, second))
    }
}

impl<A: Serialize, B: Serialize> Serialize for Squash<A, B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flat<'a, A, B> {
            #[serde(flatten)]
            first: &'a A,
            #[serde(flatten)]
            second: &'a B,
        }
        let flat = Flat {
            first: &self.0,
            second: &self.1,
        };
        flat.serialize(serializer)
    }
}

impl<A: Validate, B: Validate> Validate for Squash<A, B> {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        problems.under("", &self.0);
        problems.under("", &self.1);
        problems
    }
}

impl<A, B> Deref for Squash<A, B> {
    type Target = A;

    /// The first part is the block that the second adds keys to.
    fn deref(&self) -> &A {
        &self.0
    }
}

// === impl Node ===

thread_local! {
    /// Serde has no way to hand a visitor anything but plain values. The cursor puts the node
    /// here right before it calls the visitor, which takes it out.
    static HANDED_OVER: RefCell<Option<Node>> = const { RefCell::new(None) };
}

impl<'de> Deserialize<'de> for Node {
    /// The node as it stands in the file, for parts that their owner reads later.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NodeVisitor;

        impl Visitor<'_> for NodeVisitor {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a part of a configuration")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
                let node = HANDED_OVER.with_borrow_mut(Option::take);
                node.ok_or_else(|| E::custom("a node can only be read from a configuration"))
            }
        }
        deserializer.deserialize_newtype_struct(token::NODE, NodeVisitor)
    }
}

pub(super) fn hand_over<'de, V: Visitor<'de>>(
    cursor: &Cursor<'_>,
    visitor: V,
) -> Result<V::Value, DecodeError> {
    HANDED_OVER.set(Some(cursor.node.clone()));
    visitor.visit_unit()
}

// === impl GoDuration ===

pub(super) fn duration<'de, V: Visitor<'de>>(
    cursor: &Cursor<'_>,
    visitor: V,
) -> Result<V::Value, DecodeError> {
    if cursor.null()? {
        return visitor.visit_i64(0);
    }
    let nanos = match &cursor.node.value {
        Value::Int(number) => i64::try_from(*number).ok(),
        // The Collector cuts it off, too.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a fraction of a nanosecond is none"
        )]
        Value::Float(number) if number.abs() < 9.2e18 => Some(*number as i64),
        Value::Str(text) => match text.parse::<GoDuration>() {
            Ok(duration) => return visitor.visit_i64(duration.nanos()),
            Err(fault) => {
                let help = duration_help(fault, text);
                return Err(DecodeError::wrong(fault.to_string()).with_help(help));
            }
        },
        _ => return Err(cursor.expected("a duration such as `5s`")),
    };
    let Some(nanos) = nanos else {
        return Err(DecodeError::wrong(DurationFault::Invalid.to_string()));
    };
    if nanos != 0 {
        let duration = GoDuration::from_nanos(nanos);
        let text = format!("a bare number is nanoseconds: `{nanos}` is {duration}");
        let fault = Fault::warning(cursor.node.place.clone(), &cursor.path, text);
        cursor.run.fault(fault.with_help(likely_unit(nanos)));
    }
    visitor.visit_i64(nanos)
}

/// Nobody means 5 ns. Small numbers were meant as seconds, larger ones as milliseconds.
fn likely_unit(nanos: i64) -> String {
    match nanos.unsigned_abs() {
        0..1_000 => format!("did you mean `{nanos}s`?"),
        1_000..1_000_000 => format!("did you mean `{nanos}ms`?"),
        _ => format!("write `{}`", GoDuration::from_nanos(nanos)),
    }
}

fn duration_help(fault: DurationFault, text: &str) -> String {
    let text = crate::node::shorten(text);
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if compact != text && compact.parse::<GoDuration>().is_ok() {
        return format!("did you mean `{compact}`?");
    }
    if fault == DurationFault::MissingUnit && format!("{compact}s").parse::<GoDuration>().is_ok() {
        return format!("did you mean `{compact}s`?");
    }
    let days = compact
        .strip_suffix('d')
        .and_then(|days| days.parse::<u32>().ok());
    match days {
        Some(days) => format!(
            "there is no unit for days, write `{}h`",
            u64::from(days) * 24
        ),
        None => "write numbers with units `ns`, `us`, `ms`, `s`, `m`, `h`, such as `1m30s`".into(),
    }
}
