//! Values that an edit brings in.

use crate::layout::{
    ARRAY_VALUE, BOOL_VALUE, BYTES_VALUE, DOUBLE_VALUE, INT_VALUE, KEY, KVLIST_VALUE, STRING_VALUE,
    VALUE, VALUES,
};
use crate::view::{AnyValue, Message};
use crate::wire::{Malformed, put_fixed64, put_len, put_uint};

/// An encoded `AnyValue` of its own, made once and set on any number of carriers.
///
/// Made from `&str`, `bool`, `i64`, `f64` and `&[u8]` by `From`, from others of its kind by
/// [`array`](Self::array) and [`key_value_list`](Self::key_value_list), and from a value that
/// stands in a request by [`copy_of`](Self::copy_of).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnedValue(Vec<u8>);

impl OwnedValue {
    /// The value of no kind.
    pub const fn empty() -> Self {
        Self(Vec::new())
    }

    pub fn array(values: impl IntoIterator<Item = Self>) -> Self {
        let mut body = Vec::new();
        for value in values {
            put_len(&mut body, VALUES, &value.0);
        }
        Self::of_bytes(ARRAY_VALUE, &body)
    }

    pub fn key_value_list<'k>(entries: impl IntoIterator<Item = (&'k str, Self)>) -> Self {
        let (mut body, mut entry) = (Vec::new(), Vec::new());
        for (key, value) in entries {
            entry.clear();
            put_len(&mut entry, KEY, key.as_bytes());
            put_len(&mut entry, VALUE, &value.0);
            put_len(&mut body, VALUES, &entry);
        }
        Self::of_bytes(KVLIST_VALUE, &body)
    }

    /// The same value as one that stands elsewhere, with all that is nested in it.
    ///
    /// # Errors
    /// The framing of an array or a list is broken.
    pub fn copy_of(value: &AnyValue<'_>) -> Result<Self, Malformed> {
        Ok(match value {
            AnyValue::Empty => Self::empty(),
            AnyValue::String(text) => Self::of_bytes(STRING_VALUE, text.as_bytes()),
            AnyValue::Bool(value) => Self::from(*value),
            AnyValue::Int(value) => Self::from(*value),
            AnyValue::Double(value) => Self::from(*value),
            AnyValue::Bytes(bytes) => Self::from(*bytes),
            AnyValue::Array(values) => Self::of_message(ARRAY_VALUE, values.message())?,
            AnyValue::KeyValueList(entries) => Self::of_message(KVLIST_VALUE, entries.message())?,
        })
    }

    /// The encoded message.
    pub fn encoded(&self) -> &[u8] {
        &self.0
    }

    /// The value, to be read.
    ///
    /// # Errors
    /// It was copied from a value whose framing is broken.
    pub fn view(&self) -> Result<AnyValue<'_>, Malformed> {
        AnyValue::read_parts(Message::new(&self.0), 1)
    }

    fn of_bytes(number: u32, bytes: &[u8]) -> Self {
        let mut value = Vec::with_capacity(crate::wire::len_field_len(number, bytes.len()));
        put_len(&mut value, number, bytes);
        Self(value)
    }

    /// Joins the parts of a message into one.
    fn of_message(number: u32, mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut body = Vec::new();
        while let Some(field) = message.next_field()? {
            body.extend_from_slice(field.raw);
        }
        Ok(Self::of_bytes(number, &body))
    }
}

impl From<&str> for OwnedValue {
    fn from(text: &str) -> Self {
        Self::of_bytes(STRING_VALUE, text.as_bytes())
    }
}

impl From<&[u8]> for OwnedValue {
    fn from(bytes: &[u8]) -> Self {
        Self::of_bytes(BYTES_VALUE, bytes)
    }
}

impl From<bool> for OwnedValue {
    fn from(value: bool) -> Self {
        let mut encoded = Vec::new();
        put_uint(&mut encoded, BOOL_VALUE, u64::from(value));
        Self(encoded)
    }
}

impl From<i64> for OwnedValue {
    fn from(value: i64) -> Self {
        let mut encoded = Vec::new();
        put_uint(&mut encoded, INT_VALUE, value as u64);
        Self(encoded)
    }
}

impl From<f64> for OwnedValue {
    fn from(value: f64) -> Self {
        let mut encoded = Vec::new();
        put_fixed64(&mut encoded, DOUBLE_VALUE, value.to_bits());
        Self(encoded)
    }
}
