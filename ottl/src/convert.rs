//! From values of one kind to another, as functions ask for them.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::fault::Trouble;
use crate::json;
use crate::value::Value;

pub(crate) fn text_of(value: Value<'_>) -> Result<Cow<'_, str>, Trouble> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(expected("a string", &other)),
    }
}

/// The value as text, `None` for nil.
pub(crate) fn like_text(value: Value<'_>) -> Result<Option<Cow<'_, str>>, Trouble> {
    Ok(Some(match value {
        Value::Nil => return Ok(None),
        Value::Text(text) => text,
        Value::Bytes(bytes) => bytes
            .iter()
            .fold(String::new(), |mut text, byte| {
                // Writing to a string cannot fail.
                let _ = write!(text, "{byte:02x}");
                text
            })
            .into(),
        other => {
            let mut text = String::new();
            json::write(&other, &mut text)?;
            text.into()
        }
    }))
}

pub(crate) fn length(value: &Value<'_>) -> Result<i64, Trouble> {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Map(map) => (*map).count(),
        Value::Dictionary(map) => map.len(),
        Value::Array(list) => (*list).count(),
        Value::List(list) => list.len(),
        other => return Err(Trouble(format!("{} has no length", other.kind()).into())),
    };
    Ok(length as i64)
}

/// The value as an integer: nil for nil and for texts that are none.
pub(crate) fn int<'a>(value: &Value<'_>) -> Result<Value<'a>, Trouble> {
    Ok(match value {
        Value::Nil => Value::Nil,
        Value::Int(number) => Value::Int(*number),
        // What does not fit is the least integer, as the Collector's processors have it.
        Value::Float(number) if (-TWO_TO_63..TWO_TO_63).contains(number) => {
            Value::Int(*number as i64)
        }
        Value::Float(_) => Value::Int(i64::MIN),
        Value::Bool(value) => Value::Int((*value).into()),
        Value::Text(text) => text.parse().map_or(Value::Nil, Value::Int),
        other => return Err(expected("a number", other)),
    })
}

const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

/// The value as a float: nil for nil alone.
pub(crate) fn double<'a>(value: &Value<'_>) -> Result<Value<'a>, Trouble> {
    Ok(match value {
        Value::Nil => Value::Nil,
        Value::Int(number) => Value::Float(*number as f64),
        Value::Float(number) => Value::Float(*number),
        Value::Bool(value) => Value::Float(f64::from(u8::from(*value))),
        Value::Text(text) => {
            let wrong = || Trouble(format!("{text:?} is no number").into());
            Value::Float(float(text).ok_or_else(wrong)?)
        }
        other => return Err(expected("a number", other)),
    })
}

/// A number as Go reads it: with underscores between digits, and not too large.
fn float(text: &str) -> Option<f64> {
    let is_digit = |part: &str, at: usize| part.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let parts: Vec<&str> = text.split('_').collect();
    let between = parts.windows(2).all(|pair| match pair {
        [before, after] => is_digit(before, before.len().wrapping_sub(1)) && is_digit(after, 0),
        _ => false,
    });
    let number: f64 = parts.concat().parse().ok().filter(|_| between)?;
    let named = text.to_ascii_lowercase().contains(['i', 'n']);
    let signed = text.starts_with(['+', '-']);
    (number.is_finite() || named && !(number.is_nan() && signed)).then_some(number)
}

/// The bytes of an id: as they are, or as hexadecimal digits.
pub(crate) fn id(value: &Value<'_>, length: usize) -> Result<Vec<u8>, Trouble> {
    let bytes = match value {
        Value::Nil => Vec::new(),
        Value::Bytes(bytes) => bytes.to_vec(),
        Value::Text(text) => text.as_bytes().to_vec(),
        Value::Int(number) => number.to_be_bytes().to_vec(),
        Value::Float(number) => number.to_be_bytes().to_vec(),
        Value::Bool(value) => vec![u8::from(*value)],
        other => return Err(expected("bytes", other)),
    };
    let wrong = || {
        let text = format!(
            "an id of {length} bytes is written 0x… or as a text of {} hexadecimal digits",
            2 * length
        );
        Trouble(text.into())
    };
    if bytes.len() == length {
        return Ok(bytes);
    }
    let digits = std::str::from_utf8(&bytes).ok();
    let digits = digits.filter(|digits| digits.len() == 2 * length);
    digits.and_then(crate::lexer::hex).ok_or_else(wrong)
}

/// Nanoseconds of a text such as `1m30s`.
pub(crate) fn duration(text: &str) -> Result<i64, Trouble> {
    const UNITS: [(&str, u128); 8] = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("μs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let wrong = || Trouble(format!("{text:?} is no duration, write it as \"1m30s\"").into());
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut nanos: u128 = 0;
    let mut rest = if unsigned == "0" { "0s" } else { unsigned };
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let is_number = |c: char| c.is_ascii_digit() || c == '.';
        let end = rest.find(|c| !is_number(c)).ok_or_else(wrong)?;
        let (number, after) = rest.split_at(end);
        let (unit, after) = after.split_at(after.find(is_number).unwrap_or(after.len()));
        let (_, unit) = UNITS
            .into_iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(wrong)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || whole.len() + fraction.len() == 0 || whole.len() > 19 {
            return Err(wrong());
        }
        // Digits beyond the nanosecond say nothing.
        let fraction = fraction.get(..fraction.len().min(18)).unwrap_or_default();
        let digits = |digits: &str| format!("0{digits}").parse::<u128>().map_err(|_| wrong());
        nanos += digits(whole)? * unit;
        nanos += digits(fraction)? * unit / 10_u128.pow(fraction.len() as u32);
        rest = after;
    }
    let nanos = i128::try_from(nanos).map_err(|_| wrong())?;
    let signed = if text.starts_with('-') { -nanos } else { nanos };
    i64::try_from(signed).map_err(|_| wrong())
}

pub(crate) fn expected(what: &str, found: &Value<'_>) -> Trouble {
    Trouble(format!("expected {what} but got {}", found.kind()).into())
}
