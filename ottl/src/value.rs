//! Values while a condition is evaluated.

use std::borrow::Cow;

use otlp::Malformed;
use otlp::view::{AnyValue, Attributes, Repeated};

use crate::tree::Key;

#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    /// Nanoseconds since the epoch.
    Time(i64),
    /// Nanoseconds.
    Duration(i64),
    Map(Attributes<'a>),
    Array(Repeated<'a, AnyValue<'a>>),
    /// Written in the condition.
    List(Vec<Self>),
}

impl<'a> Value<'a> {
    pub(crate) fn of(value: AnyValue<'a>) -> Self {
        match value {
            AnyValue::Empty => Self::Nil,
            AnyValue::String(text) => Self::Text(text.to_string_lossy()),
            AnyValue::Bool(value) => Self::Bool(value),
            AnyValue::Int(value) => Self::Int(value),
            AnyValue::Double(value) => Self::Float(value),
            AnyValue::Bytes(bytes) => Self::Bytes(bytes.into()),
            AnyValue::Array(values) => Self::Array(values),
            AnyValue::KeyValueList(map) => Self::Map(map),
        }
    }

    /// What a key of this value holds: nil if there is no such key, and an error if this has no keys.
    pub(crate) fn at(self, key: &Key) -> Result<Self, Cow<'static, str>> {
        let unread = |malformed: Malformed| Cow::Borrowed(malformed.0);
        match (self, key) {
            (Self::Nil, _) => Ok(Self::Nil),
            (Self::Map(map), Key::Text(key)) => {
                Ok(map.get(key).map_err(unread)?.map_or(Self::Nil, Self::of))
            }
            (Self::Array(mut list), Key::Index(index)) => {
                let element = usize::try_from(*index)
                    .ok()
                    .and_then(|index| list.nth(index));
                let element = element.ok_or(Cow::Borrowed("index out of bounds"))?;
                element.map(Self::of).map_err(unread)
            }
            (Self::List(mut list), Key::Index(index)) => {
                let index = usize::try_from(*index)
                    .ok()
                    .filter(|index| *index < list.len());
                index
                    .map(|index| list.swap_remove(index))
                    .ok_or(Cow::Borrowed("index out of bounds"))
            }
            (other, Key::Text(_)) => Err(format!("{} has no keys", other.kind()).into()),
            (other, Key::Index(_)) => Err(format!("{} has no elements", other.kind()).into()),
        }
    }

    /// For messages.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Text(_) => "a string",
            Self::Bytes(_) => "bytes",
            Self::Time(_) => "a time",
            Self::Duration(_) => "a duration",
            Self::Map(_) => "a map",
            Self::Array(_) | Self::List(_) => "a list",
        }
    }
}
