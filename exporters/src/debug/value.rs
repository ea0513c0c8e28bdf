//! Attributes and values as Go prints them.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use otlp::view::{AnyValue, Attributes, Repeated};

use super::page::{Page, Stop, Written};
use crate::number::Script;

/// The most entries of a map, which are held while they are sorted; an entry of a few bytes takes
/// up to 200 in this.
const MAP_ENTRIES_MAX: usize = 1 << 16;

/// `key=value` pairs with a separator between them.
pub(super) fn write_pairs(page: &mut Page, attributes: Attributes<'_>, separator: &str) -> Written {
    page.each(attributes, |page, index, attribute| {
        if index > 0 {
            page.write_str(separator)?;
        }
        write!(page, "{}=", attribute.key)?;
        write_value(page, attribute.value()?)
    })
}

/// The kind with the value in parentheses, such as `Str(text)`.
pub(super) fn write_typed(page: &mut Page, value: AnyValue<'_>) -> Written {
    let kind = match value {
        AnyValue::Empty => "Empty",
        AnyValue::String(_) => "Str",
        AnyValue::Bool(_) => "Bool",
        AnyValue::Int(_) => "Int",
        AnyValue::Double(_) => "Double",
        AnyValue::Bytes(_) => "Bytes",
        AnyValue::Array(_) => "Slice",
        AnyValue::KeyValueList(_) => "Map",
    };
    write!(page, "{kind}(")?;
    write_value(page, value)?;
    Ok(page.write_char(')')?)
}

/// The value alone: text as it is, arrays and maps as JSON.
pub(super) fn write_value(page: &mut Page, value: AnyValue<'_>) -> Written {
    match value {
        AnyValue::Empty => Ok(()),
        AnyValue::String(text) => Ok(write!(page, "{text}")?),
        AnyValue::Bytes(bytes) => Ok(page.write_str(&BASE64_STANDARD.encode(bytes))?),
        AnyValue::Double(number) => Ok(write!(page, "{}", Script(number))?),
        scalar_or_nested => write_json(page, scalar_or_nested),
    }
}

/// The views refuse what is nested deeper than [`otlp::ANY_VALUE_DEPTH`], which bounds the stack.
fn write_json(page: &mut Page, value: AnyValue<'_>) -> Written {
    match value {
        AnyValue::Empty => page.write_str("null")?,
        AnyValue::String(text) => write_json_text(page, &text.to_string_lossy())?,
        AnyValue::Bool(truth) => write!(page, "{truth}")?,
        AnyValue::Int(number) => write!(page, "{number}")?,
        AnyValue::Double(number) if number.is_finite() => write!(page, "{}", Script(number))?,
        AnyValue::Double(number) => write!(page, "\"{}\"", Script(number))?,
        // What Go makes of a list of bytes that was never filled.
        AnyValue::Bytes([]) => page.write_str("null")?,
        AnyValue::Bytes(bytes) => write!(page, "\"{}\"", BASE64_STANDARD.encode(bytes))?,
        AnyValue::Array(values) => write_json_array(page, values)?,
        AnyValue::KeyValueList(entries) => write_json_object(page, entries)?,
    }
    Ok(())
}

fn write_json_array<'a>(page: &mut Page, values: Repeated<'a, AnyValue<'a>>) -> Written {
    page.write_char('[')?;
    for (index, value) in values.enumerate() {
        if index > 0 {
            page.write_char(',')?;
        }
        write_json(page, value?)?;
    }
    Ok(page.write_char(']')?)
}

/// Sorted by key; of entries with the same key the last counts.
fn write_json_object(page: &mut Page, entries: Attributes<'_>) -> Written {
    let mut sorted = BTreeMap::new();
    for entry in entries {
        let entry = entry?;
        sorted.insert(entry.key.to_string_lossy(), entry);
        if sorted.len() > MAP_ENTRIES_MAX {
            return Err(Stop::Part("map with more than 65536 entries"));
        }
    }
    page.write_char('{')?;
    for (index, (key, entry)) in sorted.iter().enumerate() {
        if index > 0 {
            page.write_char(',')?;
        }
        write_json_text(page, key)?;
        page.write_char(':')?;
        write_json(page, entry.value()?)?;
    }
    Ok(page.write_char('}')?)
}

fn write_json_text(page: &mut Page, text: &str) -> fmt::Result {
    page.write_char('"')?;
    for part in text.split_inclusive(is_escaped) {
        let mut chars = part.chars();
        match chars.next_back().filter(|last| is_escaped(*last)) {
            None => page.write_str(part)?,
            Some(last) => {
                page.write_str(chars.as_str())?;
                match last {
                    '"' | '\\' => write!(page, "\\{last}")?,
                    '\n' => page.write_str("\\n")?,
                    '\r' => page.write_str("\\r")?,
                    '\t' => page.write_str("\\t")?,
                    '\u{8}' => page.write_str("\\b")?,
                    '\u{c}' => page.write_str("\\f")?,
                    other => write!(page, "\\u{:04x}", u32::from(other))?,
                }
            }
        }
    }
    page.write_char('"')
}

/// The line separators are allowed in JSON, but Go escapes them for the sake of JavaScript.
fn is_escaped(c: char) -> bool {
    matches!(c, '"' | '\\' | '\0'..='\x1f' | '\u{2028}' | '\u{2029}')
}
