//! A protobuf message that remembers, while it is built from the inside out, where its patchable
//! bytes lie.

use otlp::wire;

/// What a copy of the template has in this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    /// Eight bytes.
    ItemId { slot: u16 },
    /// Sixteen hexadecimal digits.
    ItemIdHex { slot: u16 },
    /// Sixteen bytes.
    TraceId { trace: u16 },
    /// Eight bytes in little-endian order: nanoseconds `before` the time of the copy.
    Time { before: u64 },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) at: usize,
    pub(super) stamp: Stamp,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    bytes: Vec<u8>,
    marks: Vec<Mark>,
}

/// The scalar values that attributes of the templates have.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scalar<'a> {
    Text(&'a str),
    Int(u64),
    Bool(bool),
}

impl<'a> From<&'a str> for Scalar<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl Message {
    pub(super) fn into_parts(self) -> (Vec<u8>, Vec<Mark>) {
        (self.bytes, self.marks)
    }

    pub(super) fn text(&mut self, number: u32, text: &str) {
        wire::put_len(&mut self.bytes, number, text.as_bytes());
    }

    pub(super) fn uint(&mut self, number: u32, value: u64) {
        wire::put_uint(&mut self.bytes, number, value);
    }

    pub(super) fn fixed64(&mut self, number: u32, value: u64) {
        wire::put_fixed64(&mut self.bytes, number, value);
    }

    pub(super) fn double(&mut self, number: u32, value: f64) {
        self.fixed64(number, value.to_bits());
    }

    /// A packed repeated field of eight-byte values.
    pub(super) fn packed64(&mut self, number: u32, values: &[u64]) {
        let packed: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        wire::put_len(&mut self.bytes, number, &packed);
    }

    /// A packed repeated field of varints.
    pub(super) fn packed_uint(&mut self, number: u32, values: &[u64]) {
        let mut packed = Vec::new();
        for value in values {
            wire::put_varint(&mut packed, *value);
        }
        wire::put_len(&mut self.bytes, number, &packed);
    }

    pub(super) fn message(&mut self, number: u32, child: Self) {
        wire::put_len_header(&mut self.bytes, number, child.bytes.len());
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&child.bytes);
        let moved = child.marks.into_iter().map(|mark| Mark {
            at: start + mark.at,
            ..mark
        });
        self.marks.extend(moved);
    }

    pub(super) fn attribute(&mut self, number: u32, key: &str, value: Scalar<'_>) {
        let mut any = Self::default();
        match value {
            Scalar::Text(text) => any.text(1, text),
            Scalar::Bool(value) => any.uint(2, value.into()),
            Scalar::Int(value) => any.uint(3, value),
        }
        self.pair(number, key, any);
    }

    pub(super) fn trace_id(&mut self, number: u32, trace: u16) {
        self.stamped(number, &[0; 16], Stamp::TraceId { trace });
    }

    pub(super) fn item_id(&mut self, number: u32, slot: u16) {
        self.stamped(number, &[0; 8], Stamp::ItemId { slot });
    }

    /// The attribute that names a data point.
    pub(super) fn item_id_attribute(&mut self, number: u32, slot: u16) {
        let mut any = Self::default();
        any.stamped(1, &[b'0'; 16], Stamp::ItemIdHex { slot });
        self.pair(number, super::ID_ATTRIBUTE, any);
    }

    /// A `fixed64` field of Unix nanoseconds.
    pub(super) fn time(&mut self, number: u32, before: u64) {
        self.fixed64(number, 0);
        self.marks.push(Mark {
            at: self.bytes.len() - 8,
            stamp: Stamp::Time { before },
        });
    }

    fn pair(&mut self, number: u32, key: &str, any: Self) {
        let mut pair = Self::default();
        pair.text(1, key);
        pair.message(2, any);
        self.message(number, pair);
    }

    fn stamped(&mut self, number: u32, blank: &[u8], stamp: Stamp) {
        wire::put_len(&mut self.bytes, number, blank);
        self.marks.push(Mark {
            at: self.bytes.len() - blank.len(),
            stamp,
        });
    }
}
