//! `AnyValue`: seven kinds of values, two of which hold values in turn.

use super::message::View;
use super::{Attributes, Message, Repeated, Singular, Text};
use crate::ANY_VALUE_DEPTH;
use crate::layout::{
    ARRAY_VALUE, BOOL_VALUE, BYTES_VALUE, DOUBLE_VALUE, INT_VALUE, KVLIST_VALUE, STRING_VALUE,
    VALUES,
};
use crate::survey::TOO_DEEP;
use crate::wire::{Field, Malformed, take_varint};

/// A value of an attribute, a log body, or an element of another value.
///
/// The kinds are alternatives: of several that are written the last counts, and of an array or a
/// list that is written in parts all parts after the last other kind.
#[derive(Clone, Copy, Debug, Default)]
pub enum AnyValue<'a> {
    /// No kind is set, which is a value of its own.
    #[default]
    Empty,
    String(Text<'a>),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
    Array(Repeated<'a, Self>),
    KeyValueList(Attributes<'a>),
}

impl<'a> AnyValue<'a> {
    /// The text of a string, `None` for any other kind.
    pub const fn as_text(&self) -> Option<Text<'a>> {
        match self {
            Self::String(text) => Some(*text),
            _ => None,
        }
    }

    /// Reads a value at this depth, where the value of an attribute has depth 1.
    ///
    /// # Errors
    /// The framing is broken, or the depth is beyond [`ANY_VALUE_DEPTH`].
    pub(crate) fn read_parts(mut message: Message<'a>, depth: usize) -> Result<Self, Malformed> {
        if depth > ANY_VALUE_DEPTH {
            return Err(TOO_DEEP);
        }
        let mut value = Self::Empty;
        let mut nested = Singular::default();
        let mut nested_number = 0;
        while let Some(field) = message.next_field()? {
            if matches!(field.number, ARRAY_VALUE | KVLIST_VALUE) {
                if nested_number != field.number {
                    nested.clear();
                    nested_number = field.number;
                }
                nested.add(&field, &message)?;
            } else if let Some(scalar) = Self::read_scalar(&field)? {
                value = scalar;
                nested_number = 0;
            }
        }
        Ok(match (nested_number, nested.message()) {
            (ARRAY_VALUE, Some(message)) => Self::Array(message.repeated(VALUES, depth)),
            (KVLIST_VALUE, Some(message)) => Self::KeyValueList(message.repeated(VALUES, depth)),
            _ => value,
        })
    }

    /// A text of at most 127 bytes or a whole number, if that is all there is, as in most values.
    #[inline]
    pub(super) fn plain(body: &'a [u8], depth: usize) -> Option<Self> {
        const STRING_TAG: u8 = (STRING_VALUE as u8) << 3 | 2;
        const INT_TAG: u8 = (INT_VALUE as u8) << 3;
        if depth > ANY_VALUE_DEPTH {
            return None;
        }
        match body {
            [STRING_TAG, length @ 0..0x80, text @ ..] if text.len() == usize::from(*length) => {
                Some(Self::String(Text::new(text)))
            }
            [INT_TAG, number @ ..] => {
                let mut rest = number;
                let number = take_varint(&mut rest).ok()?;
                rest.is_empty().then_some(Self::Int(number as i64))
            }
            _ => None,
        }
    }

    fn read_scalar(field: &Field<'a>) -> Result<Option<Self>, Malformed> {
        Ok(Some(match field.number {
            STRING_VALUE => Self::String(Text::new(field.bytes()?)),
            BOOL_VALUE => Self::Bool(field.boolean()?),
            INT_VALUE => Self::Int(field.varint()? as i64),
            DOUBLE_VALUE => Self::Double(field.double()?),
            BYTES_VALUE => Self::Bytes(field.bytes()?),
            _ => return Ok(None),
        }))
    }
}

impl<'a> View<'a> for AnyValue<'a> {
    /// Depth of the array in which the value stands.
    type Context = usize;

    fn read(body: &'a [u8], depth: usize) -> Result<Self, Malformed> {
        Self::read_parts(Message::new(body), depth + 1)
    }
}
