//! Repeated numbers, packed or not.

use super::Message;
use crate::wire::{Field, Malformed, Value, take_array, take_varint};

/// The numbers of a repeated scalar field in order. A sender may pack them into one field or write
/// a field each; both are read, in any mixture.
///
/// After an error the iterator ends.
#[derive(Clone, Copy, Debug)]
pub struct Scalars<'a> {
    fields: Message<'a>,
    number: u32,
    encoding: Encoding,
    /// What is left of the packed field that is being read.
    packed: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Encoding {
    Varint,
    Fixed64,
}

impl<'a> Scalars<'a> {
    pub(crate) const fn new(fields: Message<'a>, number: u32, encoding: Encoding) -> Self {
        Self {
            fields,
            number,
            encoding,
            packed: &[],
        }
    }

    fn read_next(&mut self) -> Result<Option<u64>, Malformed> {
        loop {
            if !self.packed.is_empty() {
                return match self.encoding {
                    Encoding::Varint => take_varint(&mut self.packed),
                    Encoding::Fixed64 => take_array(&mut self.packed).map(u64::from_le_bytes),
                }
                .map(Some);
            }
            let Some(field) = self.fields.next_field()? else {
                return Ok(None);
            };
            if field.number == self.number {
                match field.value {
                    Value::Len(body) => self.packed = body,
                    _ => return self.read_single(&field).map(Some),
                }
            }
        }
    }

    fn read_single(&self, field: &Field<'a>) -> Result<u64, Malformed> {
        match self.encoding {
            Encoding::Varint => field.varint(),
            Encoding::Fixed64 => field.fixed64(),
        }
    }
}

impl Iterator for Scalars<'_> {
    type Item = Result<u64, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = self.read_next();
        if result.is_err() {
            self.packed = &[];
            self.fields = Message::default();
        }
        result.transpose()
    }
}
