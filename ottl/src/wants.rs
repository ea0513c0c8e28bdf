//! What functions take. A literal of another kind is a fault of the condition; such data is an error of its evaluation.

use crate::convert::{double, expected, id, int};
use crate::fault::Trouble;
use crate::value::Value;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Wants {
    Any,
    Text,
    Int,
    Double,
    Bool,
    Map,
    LikeInt,
    LikeDouble,
    TraceId,
    SpanId,
}

impl Wants {
    pub(crate) fn check(self, value: &Value<'_>) -> Result<(), Trouble> {
        let expect = |what: &str, fits: bool| match fits {
            true => Ok(()),
            false => Err(expected(what, value)),
        };
        match self {
            Self::Any => Ok(()),
            Self::Text => expect("a string", matches!(value, Value::Text(_))),
            Self::Int => expect("an integer", matches!(value, Value::Int(_))),
            Self::Double => expect("a float", matches!(value, Value::Float(_))),
            Self::Bool => expect("a boolean", matches!(value, Value::Bool(_))),
            Self::Map => expect(
                "a map",
                matches!(value, Value::Map(_) | Value::Dictionary(_)),
            ),
            Self::LikeInt => int(value).map(drop),
            Self::LikeDouble => double(value).map(drop),
            Self::TraceId => id(value, 16).map(drop),
            Self::SpanId => id(value, 8).map(drop),
        }
    }
}
