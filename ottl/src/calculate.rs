//! Sums and products of numbers, times and durations.

use crate::fault::Trouble;
use crate::tree::Operator;
use crate::value::Value;

pub(crate) fn calculate<'a>(
    left: &Value<'_>,
    operator: Operator,
    right: &Value<'_>,
) -> Result<Value<'a>, Trouble> {
    use Operator::{Minus, Over, Plus, Times};
    let by_zero = || Err(Trouble("attempted to divide by 0".into()));
    let floats = |left: f64, right: f64| {
        Ok(Value::Float(match operator {
            Plus => left + right,
            Minus => left - right,
            Times => left * right,
            Over if right == 0.0 => return by_zero(),
            Over => left / right,
        }))
    };
    Ok(match (left, operator, right) {
        (Value::Int(_), Over, Value::Int(0)) => return by_zero(),
        (Value::Int(left), _, Value::Int(right)) => Value::Int(match operator {
            Plus => left.wrapping_add(*right),
            Minus => left.wrapping_sub(*right),
            Times => left.wrapping_mul(*right),
            Over => left.wrapping_div(*right),
        }),
        (Value::Float(left), _, Value::Float(right)) => return floats(*left, *right),
        (Value::Int(left), _, Value::Float(right)) => return floats(*left as f64, *right),
        (Value::Float(left), _, Value::Int(right)) => return floats(*left, *right as f64),
        (Value::Time(left), Minus, Value::Time(right)) => {
            Value::Duration(left.saturating_sub(*right))
        }
        (Value::Time(left), Minus, Value::Duration(right)) => {
            Value::Time(left.saturating_sub(*right))
        }
        (Value::Time(left), Plus, Value::Duration(right))
        | (Value::Duration(left), Plus, Value::Time(right)) => {
            Value::Time(left.saturating_add(*right))
        }
        (Value::Duration(left), Plus, Value::Duration(right)) => {
            Value::Duration(left.wrapping_add(*right))
        }
        (Value::Duration(left), Minus, Value::Duration(right)) => {
            Value::Duration(left.wrapping_sub(*right))
        }
        _ => {
            return Err(Trouble(
                format!("{} and {} do not calculate", left.kind(), right.kind()).into(),
            ));
        }
    })
}

pub(crate) fn negate<'a>(value: &Value<'_>) -> Result<Value<'a>, Trouble> {
    match value {
        Value::Int(number) => Ok(Value::Int(number.wrapping_neg())),
        Value::Float(number) => Ok(Value::Float(-number)),
        other => Err(Trouble(format!("{} has no negative", other.kind()).into())),
    }
}
