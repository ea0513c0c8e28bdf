//! Keys of series: what tells one from another, in parts that say how long they are.

use std::io::Write;

use otlp::view::AnyValue;

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
        AnyValue::Int(value) => put(key, itoa::Buffer::new().format(*value).as_bytes()),
        AnyValue::Double(value) => put_display(key, value),
        AnyValue::Array(_) | AnyValue::KeyValueList(_) => {
            let encoded = otlp::OwnedValue::copy_of(value).unwrap_or_default();
            put(key, encoded.encoded());
        }
    }
}

/// Written in place.
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
