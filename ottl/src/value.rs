//! Values while a condition is evaluated.

use std::borrow::Cow;

use otlp::Malformed;
use otlp::view::{AnyValue, Attributes, Repeated};

#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    /// Of a trace or a span. It equals ids alone, and has no order.
    Id(Cow<'a, [u8]>),
    /// Nanoseconds since the epoch.
    Time(i64),
    /// Nanoseconds.
    Duration(i64),
    Map(Attributes<'a>),
    Array(Repeated<'a, AnyValue<'a>>),
    /// Written in the condition.
    List(Vec<Self>),
    /// Written in the condition, by key.
    Dictionary(Vec<(&'a str, Self)>),
}

/// What leads from a value to one within.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step<'k> {
    Key(Cow<'k, str>),
    Index(i64),
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

    /// The value within: `None` if there is no such key, and an error if this has no keys.
    pub(crate) fn at(self, step: &Step<'_>) -> Result<Option<Self>, Cow<'static, str>> {
        let unread = |malformed: Malformed| Cow::Borrowed(malformed.0);
        match (self, step) {
            (Self::Map(map), Step::Key(key)) => Ok(map.get(key).map_err(unread)?.map(Self::of)),
            (Self::Dictionary(map), Step::Key(key)) => {
                let mut pairs = map.into_iter();
                Ok(pairs.find_map(|(known, value)| (known == key).then_some(value)))
            }
            (Self::Array(mut list), Step::Index(index)) => {
                let element = usize::try_from(*index)
                    .ok()
                    .and_then(|index| list.nth(index));
                let element = element.ok_or(Cow::Borrowed("index out of bounds"))?;
                element.map(Self::of).map(Some).map_err(unread)
            }
            (Self::List(mut list), Step::Index(index)) => {
                let index = usize::try_from(*index)
                    .ok()
                    .filter(|index| *index < list.len());
                index
                    .map(|index| Some(list.swap_remove(index)))
                    .ok_or(Cow::Borrowed("index out of bounds"))
            }
            (other, Step::Key(_)) => Err(format!("{} has no keys", other.kind()).into()),
            (other, Step::Index(_)) => Err(format!("{} has no elements", other.kind()).into()),
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
            Self::Id(_) => "an id",
            Self::Time(_) => "a time",
            Self::Duration(_) => "a duration",
            Self::Map(_) | Self::Dictionary(_) => "a map",
            Self::Array(_) | Self::List(_) => "a list",
        }
    }
}
