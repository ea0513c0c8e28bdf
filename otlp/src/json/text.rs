//! Values as text, in the Collector's form: text as it is, numbers as in JavaScript, bytes in
//! base64, arrays and lists as JSON.

use std::borrow::Cow;
use std::fmt::Write;

use crate::Malformed;
use crate::view::{AnyValue, Attributes, KeyValue};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// The most entries of a list that are held to be sorted; those of a longer list stay in order.
/// What is held of an entry is much larger than the few bytes that it may have on the wire.
const SORTED_ENTRIES_MAX: usize = 1 << 16;

/// The value as text.
///
/// # Errors
/// The framing of an array or a list is broken.
pub fn as_text<'a>(value: &AnyValue<'a>) -> Result<Cow<'a, str>, Malformed> {
    Ok(match value {
        AnyValue::Empty => Cow::Borrowed(""),
        AnyValue::String(text) => text.to_string_lossy(),
        AnyValue::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
        AnyValue::Int(value) => Cow::Owned(value.to_string()),
        AnyValue::Double(value) => Cow::Owned(number(*value)),
        AnyValue::Bytes(bytes) => Cow::Owned(BASE64_STANDARD.encode(bytes)),
        AnyValue::Array(_) | AnyValue::KeyValueList(_) => {
            let mut json = String::new();
            match write_json(&mut json, value) {
                Ok(()) => Cow::Owned(json),
                Err(Stop::NoJson) => Cow::Borrowed(""),
                Err(Stop::Malformed(malformed)) => return Err(malformed),
            }
        }
    })
}

/// A number that is too large is none, unless it says that it is infinite.
pub fn parse_double(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    let is_word = text.contains(['i', 'I', 'n', 'N']);
    (value.is_finite() || is_word).then_some(value)
}

/// Why a value is not written.
enum Stop {
    /// JSON has no infinite numbers: the Collector writes nothing at all.
    NoJson,
    Malformed(Malformed),
}

impl From<Malformed> for Stop {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// The views refuse what is nested too deep, which bounds the stack.
fn write_json(out: &mut String, value: &AnyValue<'_>) -> Result<(), Stop> {
    match value {
        AnyValue::Empty => out.push_str("null"),
        AnyValue::String(text) => write_json_text(out, &text.to_string_lossy()),
        AnyValue::Bytes([]) => out.push_str("null"), // a Go slice that was never filled
        AnyValue::Bytes(_) => write_json_text(out, &as_text(value)?),
        AnyValue::Double(number) if !number.is_finite() => return Err(Stop::NoJson),
        AnyValue::Bool(_) | AnyValue::Int(_) | AnyValue::Double(_) => {
            out.push_str(&as_text(value)?);
        }
        AnyValue::Array(values) => {
            out.push('[');
            for (at, value) in values.enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_json(out, &value?)?;
            }
            out.push(']');
        }
        AnyValue::KeyValueList(entries) => write_json_object(out, *entries)?,
    }
    Ok(())
}

/// Sorted by key; of entries with the same key the last counts.
fn write_json_object(out: &mut String, entries: Attributes<'_>) -> Result<(), Stop> {
    let mut held = entries
        .take(SORTED_ENTRIES_MAX)
        .collect::<Result<Vec<_>, _>>()?;
    held.sort_by_key(|entry| entry.key);
    out.push('{');
    let mut separator = "";
    let mut write = |out: &mut String, entry: &KeyValue<'_>| {
        out.push_str(separator);
        separator = ",";
        write_json_text(out, &entry.key.to_string_lossy());
        out.push(':');
        write_json(out, &entry.value()?)
    };
    for same in held.chunk_by(|a, b| a.key == b.key) {
        if let Some(last) = same.last() {
            write(out, last)?;
        }
    }
    for entry in entries.skip(SORTED_ENTRIES_MAX) {
        write(out, &entry?)?;
    }
    out.push('}');
    Ok(())
}

fn write_json_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            // The line separators are allowed, but Go escapes them for the sake of JavaScript.
            '\0'..='\x1f' | '\u{2028}' | '\u{2029}' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// As many digits as it needs, in powers of ten from 1e21 on and below 0.000001.
fn number(value: f64) -> String {
    let size = value.abs();
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 {
            "Infinity".to_owned()
        } else {
            "-Infinity".to_owned()
        }
    } else if size >= 1e21 {
        format!("{value:e}").replace('e', "e+")
    } else if size != 0.0 && size < 1e-6 {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use crate::OwnedValue;

    use super::*;

    fn check(value: &OwnedValue, expected: &str) {
        assert_eq!(as_text(&value.view().unwrap()).unwrap(), expected);
    }

    #[test]
    fn scalars_are_written_as_the_collector_writes_them() {
        check(&OwnedValue::empty(), "");
        check(&"a \"b\"".into(), "a \"b\"");
        check(&true.into(), "true");
        check(&(-5_i64).into(), "-5");
        check(&b"\x00\xff".as_slice().into(), "AP8=");
        for (value, expected) in [
            (1.0, "1"),
            (-0.0, "-0"),
            (0.1, "0.1"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e300, "-1.5e+300"),
            (1e-6, "0.000001"),
            (1.5e-7, "1.5e-7"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            check(&value.into(), expected);
        }
    }

    #[test]
    fn what_json_cannot_hold_is_an_empty_text() {
        check(
            &OwnedValue::array([1_i64.into(), OwnedValue::array([f64::INFINITY.into()])]),
            "",
        );
    }

    #[test]
    fn arrays_and_lists_are_written_as_json_with_sorted_keys() {
        let array = OwnedValue::array([
            "<a>&\"\n\u{1}\u{2028}".into(),
            1_i64.into(),
            1.0.into(),
            OwnedValue::empty(),
            b"hi".as_slice().into(),
            b"".as_slice().into(),
        ]);
        let list = [("b", true.into()), ("a", array), ("b", false.into())];
        check(
            &OwnedValue::key_value_list(list),
            "{\"a\":[\"<a>&\\\"\\n\\u0001\\u2028\",1,1,null,\"aGk=\",null],\"b\":false}",
        );
    }
}
