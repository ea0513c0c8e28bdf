//! What a table says of a message and of each of its fields.

use std::fmt;
use std::io::{self, Write as _};

use super::schema::ANY_VALUE;
use crate::wire::{unzigzag, zigzag};

/// The most fields that one message has; `Span` has them all.
pub(crate) const MAX_FIELDS: usize = 16;

/// The fields of one message.
#[derive(Debug)]
pub(crate) struct Message(pub(crate) &'static [Field]);

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) number: u32,
    /// The lowerCamelCase name, from which the snake_case name follows.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) presence: Presence,
}

/// What one value of a field is, and so how both encodings write it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    String,
    /// That many bytes, or none: hexadecimal in OTLP/JSON, where protobuf JSON has base64.
    Id(usize),
    Bytes,
    Bool,
    Double,
    Fixed64,
    Sfixed64,
    Uint64,
    Int64,
    Fixed32,
    Uint32,
    Int32,
    Sint32,
    /// The names of the values from zero on.
    Enum(&'static [&'static str]),
    Message(&'static Message),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Absent and default are the same, and neither is written.
    Implicit,
    /// Zero is a statement too. Also every single message, present even when empty.
    Optional,
    /// Like `Optional`, and it replaces the other members. No message of OTLP has two such groups.
    Oneof,
    Repeated,
}

// === impl Message ===

impl Message {
    /// The row, and its position, of a key in lowerCamelCase or snake_case.
    pub(crate) fn by_key(&self, key: &str) -> Option<(usize, &'static Field)> {
        self.0
            .iter()
            .enumerate()
            .find(|(_, field)| field.is_named(key))
    }

    pub(crate) fn by_number(&self, number: u32) -> Option<(usize, &'static Field)> {
        self.0
            .iter()
            .enumerate()
            .find(|(_, field)| field.number == number)
    }

    /// Whether this is the only message that holds itself, whose depth the sender chooses.
    pub(crate) fn is_any_value(&self) -> bool {
        std::ptr::eq(self, &raw const ANY_VALUE)
    }
}

// === impl Field ===

impl Field {
    pub(crate) const fn new(
        number: u32,
        name: &'static str,
        kind: Kind,
        presence: Presence,
    ) -> Self {
        Self {
            number,
            name,
            kind,
            presence,
        }
    }

    fn is_named(&self, key: &str) -> bool {
        key == self.name || is_snake_of(key.as_bytes(), self.name.as_bytes())
    }

    pub(crate) fn is_repeated(&self) -> bool {
        self.presence == Presence::Repeated
    }

    /// Numbers in a list share one tag and one length.
    pub(crate) fn is_packed(&self) -> bool {
        self.is_repeated() && self.kind.wire_type() != LEN
    }
}

fn is_snake_of(snake: &[u8], camel: &[u8]) -> bool {
    let mut snake = snake.iter();
    let follows = camel.iter().all(|letter| {
        let lower = letter.to_ascii_lowercase();
        (lower == *letter || snake.next() == Some(&b'_')) && snake.next() == Some(&lower)
    });
    follows && snake.next().is_none()
}

// === impl Kind ===

/// Wire types of protobuf.
pub(crate) const VARINT: u32 = 0;
pub(crate) const FIXED64: u32 = 1;
pub(crate) const LEN: u32 = 2;
pub(crate) const FIXED32: u32 = 5;

impl Kind {
    pub(crate) const fn wire_type(self) -> u32 {
        match self {
            Self::String | Self::Id(_) | Self::Bytes | Self::Message(_) => LEN,
            Self::Double | Self::Fixed64 | Self::Sfixed64 => FIXED64,
            Self::Fixed32 => FIXED32,
            Self::Bool
            | Self::Uint64
            | Self::Int64
            | Self::Uint32
            | Self::Int32
            | Self::Sint32
            | Self::Enum(_) => VARINT,
        }
    }

    /// The wire bits of an integer, `None` where it does not belong or does not fit.
    pub(super) fn bits_of_integer(self, value: i128) -> Option<u64> {
        let int32 = || i32::try_from(value).ok().map(i64::from);
        match self {
            Self::Double => Some((value as f64).to_bits()),
            Self::Fixed64 | Self::Uint64 => u64::try_from(value).ok(),
            Self::Sfixed64 | Self::Int64 => i64::try_from(value).ok().map(|v| v as u64),
            Self::Fixed32 | Self::Uint32 => u32::try_from(value).ok().map(u64::from),
            Self::Int32 | Self::Enum(_) => int32().map(|v| v as u64),
            Self::Sint32 => int32().map(zigzag),
            Self::String | Self::Id(_) | Self::Bytes | Self::Bool | Self::Message(_) => None,
        }
    }

    /// The wire bits of a number that was written with a fraction or an exponent.
    pub(super) fn bits_of_double(self, value: f64) -> Option<u64> {
        /// Below this a double is every integer exactly; from here on, digits may already be lost.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match self {
            Self::Double => Some(value.to_bits()),
            _ if value.fract() == 0.0 && value.abs() < EXACT => self.bits_of_integer(value as i128),
            _ => None,
        }
    }

    /// The wire bits of a number in quotes, or of the name of a value.
    pub(super) fn bits_of_text(self, text: &str) -> Option<u64> {
        let integer = || {
            text.parse()
                .ok()
                .and_then(|value| self.bits_of_integer(value))
        };
        match self {
            Self::Double => double_of(text).map(f64::to_bits),
            Self::Enum(names) => match names.iter().position(|name| *name == text) {
                Some(value) => Some(value as u64),
                None => integer(),
            },
            _ => integer(),
        }
    }

    /// The bits as protobuf means them: of a varint that is too long for its field, the rest falls.
    pub(super) const fn normal(self, bits: u64) -> u64 {
        match self {
            Self::Bool => (bits != 0) as u64,
            Self::Uint32 | Self::Int32 | Self::Sint32 | Self::Enum(_) => bits & 0xffff_ffff,
            _ => bits,
        }
    }

    /// Prints normal bits as OTLP/JSON: 64-bit integers in quotes, enums as numbers.
    pub(super) fn print(self, bits: u64, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Bool => write!(out, "{}", bits != 0),
            Self::Double => print_double(f64::from_bits(bits), out),
            Self::Sfixed64 | Self::Int64 => write!(out, "\"{}\"", bits as i64),
            Self::Fixed64 | Self::Uint64 => write!(out, "\"{bits}\""),
            Self::Int32 | Self::Enum(_) => write!(out, "{}", bits as i32),
            Self::Sint32 => write!(out, "{}", unzigzag(bits)),
            _ => write!(out, "{bits}"),
        }
    }
}

impl fmt::Display for Kind {
    /// What a reader is told to find here.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::String => "a string",
            Self::Id(length) => {
                return write!(f, "{} hexadecimal digits or an empty string", length * 2);
            }
            Self::Bytes => "bytes in base64",
            Self::Bool => "true or false",
            Self::Double => "a number, \"NaN\", \"Infinity\" or \"-Infinity\"",
            Self::Fixed64 | Self::Uint64 => "an unsigned integer of 64 bits",
            Self::Sfixed64 | Self::Int64 => "an integer of 64 bits",
            Self::Fixed32 | Self::Uint32 => "an unsigned integer of 32 bits",
            Self::Int32 | Self::Sint32 => "an integer of 32 bits",
            Self::Enum(_) => "the number or the name of an enum value",
            Self::Message(_) => "an object",
        })
    }
}

/// Only the three names of protobuf JSON are not finite: `1e999` is an error and no infinity.
fn double_of(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => text.parse().ok().filter(|value: &f64| value.is_finite()),
    }
}

fn print_double(value: f64, out: &mut Vec<u8>) -> io::Result<()> {
    if value.is_nan() {
        out.write_all(b"\"NaN\"")
    } else if value.is_infinite() {
        out.write_all(if value > 0.0 {
            b"\"Infinity\""
        } else {
            b"\"-Infinity\""
        })
    } else {
        // The shortest text that reads back as this very double; like the Collector, `5` for 5.0.
        let text = format!("{value:?}");
        out.write_all(text.strip_suffix(".0").unwrap_or(&text).as_bytes())
    }
}
