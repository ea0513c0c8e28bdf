//! Values as text: lists, maps and times as JSON, as the Collector writes them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use crate::compare::{elements, pairs};
use crate::fault::Trouble;
use crate::value::Value;

/// Appends the value. The views refuse what is nested too deep, which bounds the stack.
///
/// # Errors
/// A number is not finite, which JSON has no words for.
pub(crate) fn write(value: &Value<'_>, out: &mut String) -> Result<(), Trouble> {
    match value {
        Value::Nil => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(number) | Value::Duration(number) => {
            // Writing to a string cannot fail.
            let _ = write!(out, "{number}");
        }
        Value::Float(number) => out.push_str(&float(*number)?),
        Value::Text(text) => quoted(text, out),
        Value::Bytes(bytes) => quoted(&STANDARD.encode(bytes), out),
        Value::Id(bytes) => list(bytes.iter(), out, |byte, out| {
            let _ = write!(out, "{byte}");
            Ok(())
        })?,
        Value::Time(nanos) => quoted(&time(*nanos), out),
        Value::Array(_) | Value::List(_) => {
            let elements = elements(value);
            list(elements.iter(), out, |value, out| write(value, out))?;
        }
        Value::Map(_) | Value::Dictionary(_) => {
            // By key, and of several with one key the last.
            let sorted: BTreeMap<_, _> = pairs(value).into_iter().collect();
            out.push('{');
            for (at, (key, value)) in sorted.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                quoted(key, out);
                out.push(':');
                write(value, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn list<T>(
    elements: impl Iterator<Item = T>,
    out: &mut String,
    mut write: impl FnMut(T, &mut String) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    out.push('[');
    for (at, element) in elements.enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(element, out)?;
    }
    out.push(']');
    Ok(())
}

/// The shortest digits, with an exponent of two digits at least where the number is very large or small.
pub(crate) fn float(number: f64) -> Result<String, Trouble> {
    if !number.is_finite() {
        return Err(Trouble(format!("{number} has no text").into()));
    }
    let size = number.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return Ok(number.to_string());
    }
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    Ok(format!("{digits}e{sign}{exponent:0>2}"))
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..'\x20' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// RFC 3339 in UTC, with as many digits of the second as it has.
fn time(nanos: i64) -> String {
    // Every number of 64 bits is a time of the years 1677 to 2262, which the calendar has.
    Timestamp::from_nanosecond(nanos.into()).map_or_else(|_| String::new(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_their_date() {
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(951_782_400_000_000_000), "2000-02-29T00:00:00Z");
        assert_eq!(
            time(1_709_251_199_999_999_999),
            "2024-02-29T23:59:59.999999999Z"
        );
        assert_eq!(time(-1), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(time(i64::MAX), "2262-04-11T23:47:16.854775807Z");
        assert_eq!(time(i64::MIN), "1677-09-21T00:12:43.145224192Z");
    }
}
