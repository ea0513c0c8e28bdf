//! The protobuf wire format: fields of one message in order, and a writer for the few shapes that
//! we emit.
//!
//! Reading never allocates and never trusts a length. Groups (wire types 3 and 4) do not occur in
//! OTLP and are refused.

use std::fmt;

/// Bytes that are not what their place says: the sender's fault, and sending them again will not
/// help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed OTLP: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

const TRUNCATED: Malformed = Malformed("message ends inside a field");
const WRONG_WIRE_TYPE: Malformed = Malformed("field of a known number has another wire type");

/// The value of one field, by wire type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Len(&'a [u8]),
    Fixed32(u32),
}

/// One field of a message, with the bytes that it occupies (tag included) so that an editor can
/// keep or drop them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Field<'a> {
    pub number: u32,
    pub value: Value<'a>,
    /// Tag, length and body, as they stood.
    pub raw: &'a [u8],
}

/// A known field must have the wire type of its declaration; integers are cut to their declared
/// width, as the [encoding](https://protobuf.dev/programming-guides/encoding/) asks of a parser.
impl<'a> Field<'a> {
    /// The body of a `bytes`, `string` or message field.
    #[inline]
    pub const fn bytes(&self) -> Result<&'a [u8], Malformed> {
        match self.value {
            Value::Len(body) => Ok(body),
            _ => Err(WRONG_WIRE_TYPE),
        }
    }

    /// A field of type `uint64`, and before narrowing of every other varint type.
    #[inline]
    pub const fn varint(&self) -> Result<u64, Malformed> {
        match self.value {
            Value::Varint(value) => Ok(value),
            _ => Err(WRONG_WIRE_TYPE),
        }
    }

    /// A field of type `uint32`.
    #[inline]
    pub fn uint32(&self) -> Result<u32, Malformed> {
        self.varint().map(|value| value as u32)
    }

    /// A field of type `int32` or of an enumeration.
    #[inline]
    pub fn int32(&self) -> Result<i32, Malformed> {
        self.varint().map(|value| value as i32)
    }

    /// A field of type `sint32`.
    #[inline]
    pub fn sint32(&self) -> Result<i32, Malformed> {
        self.uint32().map(|value| unzigzag(u64::from(value)) as i32)
    }

    /// A field of type `bool`.
    #[inline]
    pub fn boolean(&self) -> Result<bool, Malformed> {
        self.varint().map(|value| value != 0)
    }

    /// A field of type `fixed64`, and before reinterpretation of `sfixed64` and `double`.
    #[inline]
    pub const fn fixed64(&self) -> Result<u64, Malformed> {
        match self.value {
            Value::Fixed64(value) => Ok(value),
            _ => Err(WRONG_WIRE_TYPE),
        }
    }

    /// A field of type `double`.
    #[inline]
    pub fn double(&self) -> Result<f64, Malformed> {
        self.fixed64().map(f64::from_bits)
    }

    /// A field of type `fixed32`.
    #[inline]
    pub const fn fixed32(&self) -> Result<u32, Malformed> {
        match self.value {
            Value::Fixed32(value) => Ok(value),
            _ => Err(WRONG_WIRE_TYPE),
        }
    }
}

/// The fields of one message in the order in which they were written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub const fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// What has not been read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The body of the next field, if it is a message of this number below 16 and at most 127 bytes long. Repeated
    /// fields stand in a row, so that who asks again and again guesses right.
    #[inline(always)]
    pub(crate) fn next_short(&mut self, number: u32) -> Option<&'a [u8]> {
        match self.rest {
            [tag, length @ 0..0x80, rest @ ..] if u32::from(*tag) == number << 3 | 2 => {
                let (body, rest) = rest.split_at_checked(usize::from(*length))?;
                self.rest = rest;
                Some(body)
            }
            _ => None,
        }
    }

    /// The same for a number of one byte, as a choice of an enumeration is written.
    #[inline(always)]
    pub(crate) fn next_choice(&mut self, number: u32) -> Option<u8> {
        match self.rest {
            [tag, value @ 0..0x80, rest @ ..] if u32::from(*tag) == number << 3 => {
                self.rest = rest;
                Some(*value)
            }
            _ => None,
        }
    }

    /// The same for a number of eight bytes.
    #[inline(always)]
    pub(crate) fn next_fixed64(&mut self, number: u32) -> Option<u64> {
        match self.rest {
            [tag, rest @ ..] if u32::from(*tag) == number << 3 | 1 => {
                let (value, rest) = rest.split_first_chunk()?;
                self.rest = rest;
                Some(u64::from_le_bytes(*value))
            }
            _ => None,
        }
    }

    /// The next field, `None` at the end of the message.
    #[inline(always)]
    pub fn next_field(&mut self) -> Result<Option<Field<'a>>, Malformed> {
        let start = self.rest;
        if start.is_empty() {
            return Ok(None);
        }
        let tag = take_varint(&mut self.rest)?;
        let tag = u32::try_from(tag).map_err(|_| Malformed("field number out of range"))?;
        let number = tag >> 3;
        if number == 0 {
            return Err(Malformed("field number zero"));
        }
        let value = match tag & 7 {
            0 => Value::Varint(take_varint(&mut self.rest)?),
            1 => Value::Fixed64(u64::from_le_bytes(take_array(&mut self.rest)?)),
            2 => {
                let length = take_varint(&mut self.rest)?;
                let length = usize::try_from(length).map_err(|_| TRUNCATED)?;
                let (body, rest) = self.rest.split_at_checked(length).ok_or(TRUNCATED)?;
                self.rest = rest;
                Value::Len(body)
            }
            5 => Value::Fixed32(u32::from_le_bytes(take_array(&mut self.rest)?)),
            _ => return Err(Malformed("unknown wire type")),
        };
        let raw = &start[..start.len() - self.rest.len()];
        Ok(Some(Field { number, value, raw }))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self.next_field() {
            Ok(field) => field.map(Ok),
            Err(malformed) => {
                self.rest = &[];
                Some(Err(malformed))
            }
        }
    }
}

/// Takes one varint off the front of `rest`.
#[inline(always)]
pub(crate) fn take_varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    // Nearly every tag and length of OTLP fits one byte, and the length of nearly every item two.
    match *rest {
        [byte, tail @ ..] if *byte < 0x80 => {
            *rest = tail;
            Ok(u64::from(*byte))
        }
        [low, high, tail @ ..] if *high < 0x80 => {
            *rest = tail;
            Ok(u64::from(low & 0x7f) | u64::from(*high) << 7)
        }
        _ => take_long_varint(rest),
    }
}

#[cold]
fn take_long_varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0u64;
    for (at, &byte) in rest.iter().enumerate().take(10) {
        // The tenth byte holds the sixty-fourth bit alone.
        if at == 9 && byte > 1 {
            return Err(Malformed("varint longer than 64 bits"));
        }
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            *rest = &rest[at + 1..];
            return Ok(value);
        }
    }
    Err(if rest.len() < 10 {
        TRUNCATED
    } else {
        Malformed("varint longer than 64 bits")
    })
}

#[inline]
pub(crate) fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(TRUNCATED)?;
    *rest = tail;
    Ok(*head)
}

/// Bytes that `value` takes as a varint.
pub const fn varint_len(value: u64) -> usize {
    // 9/64 approximates 1/7 exactly enough for 1 to 64 bits.
    ((64 - (value | 1).leading_zeros() as usize) * 9 + 64) / 64
}

/// Bytes that a length-delimited field takes with its tag and length.
pub const fn len_field_len(number: u32, body: usize) -> usize {
    varint_len((number as u64) << 3) + varint_len(body as u64) + body
}

pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The tag and length of a length-delimited field; `length` bytes of body must follow.
pub fn put_len_header(out: &mut Vec<u8>, number: u32, length: usize) {
    put_varint(out, u64::from(number) << 3 | 2);
    put_varint(out, length as u64);
}

pub fn put_len(out: &mut Vec<u8>, number: u32, body: &[u8]) {
    put_len_header(out, number, body.len());
    out.extend_from_slice(body);
}

/// Writes even zero: callers that follow proto3 leave defaults out themselves.
pub fn put_uint(out: &mut Vec<u8>, number: u32, value: u64) {
    put_varint(out, u64::from(number) << 3);
    put_varint(out, value);
}

pub fn put_fixed64(out: &mut Vec<u8>, number: u32, value: u64) {
    put_varint(out, u64::from(number) << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

pub fn put_fixed32(out: &mut Vec<u8>, number: u32, value: u32) {
    put_varint(out, u64::from(number) << 3 | 5);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Signed integers of `sint32`/`sint64` fields.
pub const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
