//! Comparing values of attributes with those of the configuration.

use std::borrow::Cow;
use std::collections::BTreeMap;

use otlp::Malformed;
use otlp::view::AnyValue;
use serde_json::Value;

/// Whether the two are of one kind and equal. Entries of lists may stand in any order.
pub(super) fn is_equal(value: &AnyValue<'_>, expected: &Value) -> Result<bool, Malformed> {
    Ok(match (value, expected) {
        (AnyValue::Empty, Value::Null) => true,
        (AnyValue::String(text), Value::String(expected)) => *text == **expected,
        (AnyValue::Bool(value), Value::Bool(expected)) => value == expected,
        (AnyValue::Int(value), Value::Number(number)) => number.as_i64() == Some(*value),
        (AnyValue::Double(value), Value::Number(number)) => {
            number.is_f64() && number.as_f64() == Some(*value)
        }
        (AnyValue::Array(values), Value::Array(expected)) => {
            let mut expected = expected.iter();
            for value in *values {
                let Some(expected) = expected.next() else {
                    return Ok(false);
                };
                if !is_equal(&value?, expected)? {
                    return Ok(false);
                }
            }
            expected.next().is_none()
        }
        (AnyValue::KeyValueList(entries), Value::Object(expected)) => {
            let mut missing: BTreeMap<&str, &Value> = expected
                .iter()
                .map(|(key, value)| (key.as_str(), value))
                .collect();
            for entry in *entries {
                let entry = entry?;
                let Some(expected) = missing.remove(entry.key.to_string_lossy().as_ref()) else {
                    return Ok(false);
                };
                if !is_equal(&entry.value()?, expected)? {
                    return Ok(false);
                }
            }
            missing.is_empty()
        }
        _ => false,
    })
}

/// The text that expressions are matched against; `None` for kinds that they never match.
pub(super) fn matched_text<'a>(value: &AnyValue<'a>) -> Option<Cow<'a, str>> {
    match value {
        AnyValue::String(text) => Some(text.to_string_lossy()),
        AnyValue::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
        AnyValue::Int(value) => Some(Cow::Owned(value.to_string())),
        AnyValue::Double(value) if value.is_infinite() => {
            Some(Cow::Borrowed(if *value > 0.0 { "+Inf" } else { "-Inf" }))
        }
        AnyValue::Double(value) => Some(Cow::Owned(value.to_string())),
        AnyValue::Empty | AnyValue::Bytes(_) | AnyValue::Array(_) | AnyValue::KeyValueList(_) => {
            None
        }
    }
}

/// What the Collector calls the kind of a value.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "Empty",
        Value::Bool(_) => "Bool",
        Value::Number(number) if number.is_f64() => "Double",
        Value::Number(_) => "Int",
        Value::String(_) => "Str",
        Value::Array(_) => "Slice",
        Value::Object(_) => "Map",
    }
}
