//! Comparison by the rules of the language: values of different kinds are not equal, and that is no error.

use std::borrow::Cow;
use std::cmp::Ordering;

use otlp::view::KeyValue;

use crate::tree::Comparison;
use crate::value::Value;

pub(crate) fn holds(left: &Value<'_>, comparison: Comparison, right: &Value<'_>) -> bool {
    match comparison {
        Comparison::Equal => is_equal(left, right),
        Comparison::NotEqual => !is_equal(left, right),
        Comparison::Less => order(left, right) == Some(Ordering::Less),
        Comparison::LessOrEqual => {
            matches!(order(left, right), Some(Ordering::Less | Ordering::Equal))
        }
        Comparison::Greater => order(left, right) == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => matches!(
            order(left, right),
            Some(Ordering::Greater | Ordering::Equal)
        ),
    }
}

fn is_equal(left: &Value<'_>, right: &Value<'_>) -> bool {
    is_same(left, right) || order(left, right) == Some(Ordering::Equal)
}

/// Within lists and maps an integer equals no float. The views refuse what is nested too deep.
fn is_same(left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Id(left), Value::Id(right)) => left == right,
        (Value::Int(_), Value::Float(_)) | (Value::Float(_), Value::Int(_)) => false,
        (Value::Map(_) | Value::Dictionary(_), Value::Map(_) | Value::Dictionary(_)) => {
            let (left, right) = (pairs(left), pairs(right));
            let within = |(key, value): &(Cow<'_, str>, Value<'_>)| {
                let mut found = right.iter().filter(|(other, _)| other == key);
                found.next().is_some_and(|(_, other)| is_same(value, other))
            };
            left.len() == right.len() && left.iter().all(within)
        }
        (Value::Array(_) | Value::List(_), Value::Array(_) | Value::List(_)) => {
            let (left, right) = (elements(left), elements(right));
            let mut both = left.iter().zip(&right);
            left.len() == right.len() && both.all(|(left, right)| is_same(left, right))
        }
        _ => order(left, right) == Some(Ordering::Equal),
    }
}

/// `None` for values that have no order.
fn order(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Nil, Value::Nil) => Some(Ordering::Equal),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Int(left), Value::Float(right)) => (*left as f64).partial_cmp(right),
        (Value::Float(left), Value::Int(right)) => left.partial_cmp(&(*right as f64)),
        (Value::Text(left), Value::Text(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
        (Value::Bytes(left), Value::Bytes(right)) => Some(left.cmp(right)),
        (Value::Time(left), Value::Time(right))
        | (Value::Duration(left), Value::Duration(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// The elements of a list; one that cannot be read ends it.
pub(crate) fn elements<'a>(list: &Value<'a>) -> Vec<Value<'a>> {
    match list {
        Value::Array(values) => (*values).map_while(Result::ok).map(Value::of).collect(),
        Value::List(values) => values.clone(),
        _ => Vec::new(),
    }
}

/// The pairs of a map; one that cannot be read ends it.
pub(crate) fn pairs<'a>(map: &Value<'a>) -> Vec<(Cow<'a, str>, Value<'a>)> {
    let read =
        |pair: KeyValue<'a>| Some((pair.key.to_string_lossy(), Value::of(pair.value().ok()?)));
    match map {
        Value::Map(map) => (*map).map_while(|pair| read(pair.ok()?)).collect(),
        Value::Dictionary(pairs) => {
            let pairs = pairs.iter();
            pairs
                .map(|(key, value)| (Cow::Borrowed(*key), value.clone()))
                .collect()
        }
        _ => Vec::new(),
    }
}
