//! One value of OTLP/JSON: checked against its field and written to its place in the output.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};

use super::field::{FIXED32, FIXED64, Field, Kind, LEN, Presence};
use super::reader::{Reader, SHOWN_QUOTE, Step, clip};
use crate::ANY_VALUE_DEPTH;
use crate::wire::{put_len, put_len_header, put_varint};

/// The place of a value: a field, or one element of a list.
pub(super) struct Place<'a> {
    pub(super) reader: &'a mut Reader,
    pub(super) field: &'static Field,
    pub(super) element: bool,
}

// === impl Place ===

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_list() {
            f.write_str("a list")
        } else {
            write!(f, "{}", self.field.kind)
        }
    }

    /// `null` is the default: nothing, or in a list, where places count, a value of zero or empty.
    fn visit_unit<E>(self) -> Result<(), E> {
        if self.element && self.field.kind.wire_type() == LEN {
            put_len(self.reader.out(), self.field.number, &[]);
        } else if self.element {
            self.put(0);
        }
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        if !matches!(self.field.kind, Kind::Bool) || self.is_list() {
            return Err(E::invalid_type(Unexpected::Bool(value), &self));
        }
        self.put(u64::from(value));
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        let bits = self.field.kind.bits_of_integer(value.into());
        self.put_number(bits, Unexpected::Unsigned(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        let bits = self.field.kind.bits_of_integer(value.into());
        self.put_number(bits, Unexpected::Signed(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        let bits = self.field.kind.bits_of_double(value);
        self.put_number(bits, Unexpected::Float(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let quote = || clip(text, SHOWN_QUOTE);
        if self.is_list() || matches!(self.field.kind, Kind::Message(_)) {
            return Err(E::invalid_type(Unexpected::Str(&quote()), &self));
        }
        match self.field.kind {
            Kind::String => self.put_bytes(text.as_bytes()),
            Kind::Bytes => match bytes_of(text) {
                Some(bytes) => self.put_bytes(&bytes),
                None => return Err(E::invalid_value(Unexpected::Str(&quote()), &self)),
            },
            Kind::Id(length) if !text.is_empty() => {
                if text.len() != length * 2 {
                    let found = format!("{} characters", text.chars().count());
                    return Err(E::invalid_value(Unexpected::Other(&found), &self));
                }
                let Some(id) = id_of(text) else {
                    return Err(E::invalid_value(Unexpected::Str(&quote()), &self));
                };
                let out = self.reader.out();
                put_len_header(out, self.field.number, length);
                out.extend(id.to_be_bytes().iter().skip(size_of_val(&id) - length));
            }
            Kind::Id(_) => {}
            kind => return self.put_number(kind.bits_of_text(text), Unexpected::Str(&quote())),
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let Kind::Message(message) = self.field.kind else {
            return Err(A::Error::invalid_type(Unexpected::Map, &self));
        };
        if self.is_list() {
            return Err(A::Error::invalid_type(Unexpected::Map, &self));
        }
        let level = usize::from(message.is_any_value());
        let reader = self.reader;
        reader.depth += level;
        if reader.depth > ANY_VALUE_DEPTH {
            return Err(A::Error::custom(format_args!(
                "a value nested deeper than {ANY_VALUE_DEPTH} levels"
            )));
        }
        let start = open(reader.out(), self.field);
        reader.members(message, map)?;
        close(reader.out(), start);
        reader.depth -= level;
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        if !self.is_list() {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        let Self { reader, field, .. } = self;
        let whole = reader.out().len();
        let start = if field.is_packed() {
            open(reader.out(), field)
        } else {
            whole
        };
        reader.path.push(Step::Index(0));
        let mut element = reader.out().len();
        while seq
            .next_element_seed(Place {
                reader,
                field,
                element: true,
            })?
            .is_some()
        {
            if field.kind.wire_type() == LEN && reader.is_too_large_with(element) {
                return Err(A::Error::custom("a request larger than its limit"));
            }
            element = reader.out().len();
            if let Some(Step::Index(index)) = reader.path.last_mut() {
                *index += 1;
            }
        }
        reader.path.pop();
        let out = reader.out();
        if out.len() == start {
            out.truncate(whole);
        } else if field.is_packed() {
            close(out, start);
        }
        Ok(())
    }
}

impl Place<'_> {
    fn is_list(&self) -> bool {
        self.field.is_repeated() && !self.element
    }

    fn put_number<E: Error>(self, bits: Option<u64>, found: Unexpected<'_>) -> Result<(), E> {
        match bits {
            Some(bits) if !self.is_list() => {
                self.put(bits);
                Ok(())
            }
            _ => Err(E::invalid_value(found, &self)),
        }
    }

    fn put(self, bits: u64) {
        let wire_type = self.field.kind.wire_type();
        if self.is_left_out(bits == 0) {
            return;
        }
        let out = self.reader.out();
        if !self.element {
            put_varint(out, u64::from(self.field.number << 3 | wire_type));
        }
        match wire_type {
            FIXED64 => out.extend_from_slice(&bits.to_le_bytes()),
            FIXED32 => out.extend_from_slice(&(bits as u32).to_le_bytes()),
            _ => put_varint(out, bits),
        }
    }

    fn put_bytes(self, bytes: &[u8]) {
        if !self.is_left_out(bytes.is_empty()) {
            put_len(self.reader.out(), self.field.number, bytes);
        }
    }

    fn is_left_out(&self, is_default: bool) -> bool {
        is_default && self.field.presence == Presence::Implicit
    }
}

/// Begins a length-delimited field; gives the start of its body.
fn open(out: &mut Vec<u8>, field: &Field) -> usize {
    put_varint(out, u64::from(field.number << 3 | LEN));
    out.len()
}

/// Ends the field whose body began at `start`, by moving its length before it.
fn close(out: &mut Vec<u8>, start: usize) {
    let end = out.len();
    put_varint(out, (end - start) as u64);
    let length = out.len() - end;
    if let Some(field) = out.get_mut(start..) {
        field.rotate_right(length);
    }
}

/// Exactly the right number of digits was checked: at most 32.
fn id_of(text: &str) -> Option<u128> {
    let is_hex = text.bytes().all(|digit| digit.is_ascii_hexdigit());
    if is_hex {
        u128::from_str_radix(text, 16).ok()
    } else {
        None
    }
}

/// Senders write both alphabets, with padding and without, as protobuf JSON allows.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
    let is_url_safe = text.bytes().any(|letter| matches!(letter, b'-' | b'_'));
    (if is_url_safe { URL_SAFE } else { STANDARD })
        .decode(text)
        .ok()
}
