//! From values of one kind to another, as functions ask for them.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::fault::Trouble;
use crate::value::Value;

pub(crate) fn text_of(value: Value<'_>) -> Result<Cow<'_, str>, Trouble> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(Trouble(
            format!("expected a string but got {}", other.kind()).into(),
        )),
    }
}

/// The value as text, `None` for nil.
pub(crate) fn like_text(value: Value<'_>) -> Option<Cow<'_, str>> {
    Some(match value {
        Value::Nil => return None,
        Value::Text(text) => text,
        Value::Bool(value) => value.to_string().into(),
        Value::Int(value) | Value::Time(value) | Value::Duration(value) => value.to_string().into(),
        Value::Float(value) => value.to_string().into(),
        Value::Bytes(bytes) => bytes
            .iter()
            .fold(String::new(), |mut text, byte| {
                // Writing to a string cannot fail.
                let _ = write!(text, "{byte:02x}");
                text
            })
            .into(),
        Value::Map(_) | Value::Array(_) | Value::List(_) => value.kind().to_owned().into(),
    })
}

pub(crate) fn length(value: &Value<'_>) -> Result<i64, Trouble> {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Map(map) => (*map).count(),
        Value::Array(list) => (*list).count(),
        Value::List(list) => list.len(),
        other => return Err(Trouble(format!("{} has no length", other.kind()).into())),
    };
    Ok(length as i64)
}

pub(crate) fn int<'a>(value: &Value<'_>) -> Value<'a> {
    match value {
        Value::Int(number) => Value::Int(*number),
        Value::Float(number) => Value::Int(*number as i64),
        Value::Bool(value) => Value::Int((*value).into()),
        Value::Text(text) => text.parse().map_or(Value::Nil, Value::Int),
        _ => Value::Nil,
    }
}

pub(crate) fn double<'a>(value: &Value<'_>) -> Value<'a> {
    match value {
        Value::Int(number) => Value::Float(*number as f64),
        Value::Float(number) => Value::Float(*number),
        Value::Bool(value) => Value::Float(f64::from(u8::from(*value))),
        Value::Text(text) => text.parse().map_or(Value::Nil, Value::Float),
        _ => Value::Nil,
    }
}
