//! Protobuf to OTLP/JSON, by the rules of protobuf: fields in any order, the last value wins, a
//! message in pieces is one message, a list in pieces is one list.

use std::borrow::Cow;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::field::{FIXED32, FIXED64, Field, Kind, LEN, MAX_FIELDS, Message, Presence, VARINT};
use crate::ANY_VALUE_DEPTH;
use crate::wire::{Fields, Malformed, Value, take_array, take_varint};

const WRONG_TYPE: Malformed = Malformed("field with the wire type of another");

pub(super) fn write(message: &Message, bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut writer = Writer {
        out: Vec::with_capacity(bytes.len() * 2),
        depth: 0,
    };
    writer.message(message, bytes)?;
    Ok(writer.out)
}

struct Writer {
    out: Vec<u8>,
    /// AnyValues open around this place.
    depth: usize,
}

impl Writer {
    fn message(&mut self, message: &Message, bytes: &[u8]) -> Result<(), Malformed> {
        let level = usize::from(message.is_any_value());
        self.depth += level;
        if self.depth > ANY_VALUE_DEPTH {
            return Err(Malformed("AnyValue nested deeper than 64 levels"));
        }
        self.out.push(b'{');
        for (field, found) in message.0.iter().zip(&survey(message, bytes)?) {
            if let Some(from) = *found {
                self.member(field, from)?;
            }
        }
        self.out.push(b'}');
        self.depth -= level;
        Ok(())
    }

    /// Prints all that a message says `from` here on about one of its fields.
    fn member(&mut self, field: &Field, from: Fields<'_>) -> Result<(), Malformed> {
        let start = self.out.len();
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(field.name.as_bytes());
        self.out.extend_from_slice(b"\":");
        let is_default = match (field.presence, field.kind) {
            (Presence::Repeated, _) => self.list(field, from)?,
            (_, Kind::Message(message)) => {
                self.message(message, &body_of(field, from))?;
                false
            }
            (presence, kind) => match occurrences(field, from).last() {
                Some(last) => self.value(kind, last)? && presence == Presence::Implicit,
                None => true,
            },
        };
        if is_default {
            self.out.truncate(start);
        }
        Ok(())
    }

    /// Prints all elements; tells whether there were none.
    fn list(&mut self, field: &Field, from: Fields<'_>) -> Result<bool, Malformed> {
        self.out.push(b'[');
        let start = self.out.len();
        for occurrence in occurrences(field, from) {
            match occurrence {
                Value::Len(run) if field.is_packed() => self.run(field.kind, run)?,
                value => {
                    self.comma();
                    self.value(field.kind, value)?;
                }
            }
        }
        let is_empty = self.out.len() == start;
        self.out.push(b']');
        Ok(is_empty)
    }

    /// Prints packed numbers.
    fn run(&mut self, kind: Kind, mut run: &[u8]) -> Result<(), Malformed> {
        while !run.is_empty() {
            let value = match kind.wire_type() {
                FIXED64 => Value::Fixed64(u64::from_le_bytes(take_array(&mut run)?)),
                FIXED32 => Value::Fixed32(u32::from_le_bytes(take_array(&mut run)?)),
                _ => Value::Varint(take_varint(&mut run)?),
            };
            self.comma();
            self.value(kind, value)?;
        }
        Ok(())
    }

    /// Prints one value; tells whether it is zero or empty.
    fn value(&mut self, kind: Kind, value: Value<'_>) -> Result<bool, Malformed> {
        let out = &mut self.out;
        let printed = match (kind, value) {
            (Kind::Message(message), Value::Len(body)) => {
                return self.message(message, body).map(|()| false);
            }
            (Kind::String, Value::Len(text)) => {
                serde_json::to_writer(out, &String::from_utf8_lossy(text)).map_err(Into::into)
            }
            (Kind::Bytes, Value::Len(bytes)) => write!(out, "\"{}\"", STANDARD.encode(bytes)),
            (Kind::Id(_), Value::Len(id)) => print_id(id, out),
            (_, Value::Varint(bits) | Value::Fixed64(bits)) => kind.print(kind.normal(bits), out),
            (_, Value::Fixed32(bits)) => kind.print(bits.into(), out),
            (_, Value::Len(_)) => return Err(WRONG_TYPE),
        };
        // Nothing that is written to memory fails.
        printed.map_err(|_| Malformed("value that cannot be printed"))?;
        Ok(match value {
            Value::Len(body) => body.is_empty(),
            Value::Varint(bits) | Value::Fixed64(bits) => kind.normal(bits) == 0,
            Value::Fixed32(bits) => bits == 0,
        })
    }

    /// A comma, unless this is the first member or element.
    fn comma(&mut self) {
        if !matches!(self.out.last(), Some(b'{' | b'[')) {
            self.out.push(b',');
        }
    }
}

/// Checks a message to its end, and finds where each row of its table first has a say.
fn survey<'a>(
    message: &Message,
    bytes: &'a [u8],
) -> Result<[Option<Fields<'a>>; MAX_FIELDS], Malformed> {
    let mut found = [None; MAX_FIELDS];
    let mut rest = Fields::new(bytes);
    loop {
        let from = rest;
        let Some(next) = rest.next_field()? else {
            return Ok(found);
        };
        let Some((at, field)) = message.by_number(next.number) else {
            continue;
        };
        if !is_of_type(field, next.value) {
            return Err(WRONG_TYPE);
        }
        if field.presence == Presence::Oneof {
            for (other, (row, found)) in message.0.iter().zip(&mut found).enumerate() {
                if other != at && row.presence == Presence::Oneof {
                    *found = None;
                }
            }
        }
        if let Some(found) = found.get_mut(at) {
            found.get_or_insert(from);
        }
    }
}

fn is_of_type(field: &Field, value: Value<'_>) -> bool {
    match value {
        Value::Varint(_) => field.kind.wire_type() == VARINT,
        Value::Fixed64(_) => field.kind.wire_type() == FIXED64,
        Value::Fixed32(_) => field.kind.wire_type() == FIXED32,
        Value::Len(_) => field.is_packed() || field.kind.wire_type() == LEN,
    }
}

/// The values of a field in a message that was surveyed, and so has nothing malformed.
fn occurrences<'a>(field: &Field, from: Fields<'a>) -> impl Iterator<Item = Value<'a>> {
    let number = field.number;
    from.flatten()
        .filter(move |next| next.number == number)
        .map(|next| next.value)
}

/// The body of a message, whose pieces merge by standing one after the other.
fn body_of<'a>(field: &Field, from: Fields<'a>) -> Cow<'a, [u8]> {
    let mut whole = Cow::Borrowed(&[][..]);
    for occurrence in occurrences(field, from) {
        match occurrence {
            Value::Len(body) if whole.is_empty() => whole = Cow::Borrowed(body),
            Value::Len(piece) => whole.to_mut().extend_from_slice(piece),
            _ => {}
        }
    }
    whole
}

fn print_id(id: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
    out.push(b'"');
    for byte in id {
        write!(out, "{byte:02x}")?;
    }
    out.push(b'"');
    Ok(())
}
