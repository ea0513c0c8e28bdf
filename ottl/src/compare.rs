//! Comparison by the rules of the language: values of different kinds are not equal, and that is no error.

use std::cmp::Ordering;

use otlp::view::Attributes;

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
    match (left, right) {
        (Value::Map(left), Value::Map(right)) => same_map(*left, *right),
        (Value::Array(_) | Value::List(_), Value::Array(_) | Value::List(_)) => {
            let (left, right) = (elements(left), elements(right));
            left.len() == right.len()
                && left
                    .iter()
                    .zip(&right)
                    .all(|(left, right)| is_equal(left, right))
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
fn elements<'a>(list: &Value<'a>) -> Vec<Value<'a>> {
    match list {
        Value::Array(values) => (*values).map_while(Result::ok).map(Value::of).collect(),
        Value::List(values) => values.clone(),
        _ => Vec::new(),
    }
}

/// The same keys with the same values, in any order.
fn same_map(left: Attributes<'_>, right: Attributes<'_>) -> bool {
    let within = |one: Attributes<'_>, other: Attributes<'_>| {
        one.into_iter().all(|pair| {
            let Ok(pair) = pair else { return false };
            let key = pair.key.to_string_lossy();
            match (pair.value(), other.get(&key)) {
                (Ok(value), Ok(Some(found))) => is_equal(&Value::of(value), &Value::of(found)),
                _ => false,
            }
        })
    };
    within(left, right) && within(right, left)
}
