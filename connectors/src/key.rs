//! Keys of series: what tells one from another, in parts that say how long they are.

use std::io::Write;

use otlp::Malformed;
use otlp::view::{AnyValue, Attributes};

/// The values of the attributes that are wanted, by their places.
pub(crate) type Values<'a> = Vec<Option<AnyValue<'a>>>;

/// Reads the wanted attributes of a carrier; the first of several with one key counts.
pub(crate) fn read_wanted<'a>(
    wanted: &[String],
    attributes: Attributes<'a>,
    values: &mut Values<'a>,
) -> Result<(), Malformed> {
    values.clear();
    values.resize(wanted.len(), None);
    if wanted.is_empty() {
        return Ok(());
    }
    for pair in attributes.encoded() {
        let pair = pair?;
        let key = pair.key()?;
        for (name, value) in wanted.iter().zip(values.iter_mut()) {
            if key == name.as_bytes() && value.is_none() {
                *value = Some(pair.value()?);
            }
        }
    }
    Ok(())
}

/// The place of a name among those that are wanted, where it is put if it is not there.
pub(crate) fn place_of(name: &str, wanted: &mut Vec<String>) -> usize {
    let known = wanted.iter().position(|other| other == name);
    known.unwrap_or_else(|| {
        wanted.push(name.to_owned());
        wanted.len() - 1
    })
}

pub(crate) fn put(key: &mut Vec<u8>, part: &[u8]) {
    key.extend_from_slice(&(part.len() as u32).to_le_bytes());
    key.extend_from_slice(part);
}

/// What there is, or that there is nothing, which is no text.
pub(crate) fn put_option(key: &mut Vec<u8>, part: Option<&[u8]>) {
    match part {
        Some(part) => put(key, part),
        None => key.extend_from_slice(&u32::MAX.to_le_bytes()),
    }
}

/// A value as text, so that the number 200 and the text 200 are one series, as they are to whoever reads labels.
pub(crate) fn put_value(key: &mut Vec<u8>, value: &AnyValue<'_>) {
    match value {
        AnyValue::String(text) => put(key, text.as_bytes()),
        AnyValue::Bytes(bytes) => put(key, bytes),
        AnyValue::Empty => put(key, b""),
        AnyValue::Bool(value) => put_display(key, value),
        AnyValue::Int(value) => put_display(key, value),
        AnyValue::Double(value) => put_display(key, value),
        AnyValue::Array(_) | AnyValue::KeyValueList(_) => {
            let encoded = otlp::OwnedValue::copy_of(value).unwrap_or_default();
            put(key, encoded.encoded());
        }
    }
}

/// Written in place: every span with a number as a dimension comes here.
fn put_display(key: &mut Vec<u8>, value: &dyn std::fmt::Display) {
    let length_at = key.len();
    put(key, b"");
    let text_at = key.len();
    // A vector takes whatever is written.
    let _ = write!(key, "{value}");
    let length = ((key.len() - text_at) as u32).to_le_bytes();
    if let Some(place) = key.get_mut(length_at..text_at) {
        place.copy_from_slice(&length);
    }
}
