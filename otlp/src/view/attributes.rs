//! Attributes: the same key-value pairs on every carrier.

use super::message::View;
use super::{AnyValue, Message, Repeated, Singular, Text};
use crate::layout::{KEY, VALUE};
use crate::wire::{Fields, Malformed};

/// The attributes of a resource, scope, item, span event or any other carrier, and the entries of a
/// key-value list, in order.
pub type Attributes<'a> = Repeated<'a, KeyValue<'a>>;

impl<'a> Attributes<'a> {
    /// The same attributes, of which each is read when somebody asks.
    pub const fn encoded(self) -> Repeated<'a, EncodedKeyValue<'a>> {
        self.read_as()
    }

    /// The value of the first attribute with this key, which is the one that counts: keys ought to
    /// be unique.
    pub fn get(mut self, key: &str) -> Result<Option<AnyValue<'a>>, Malformed> {
        while let Some(body) = self.next_body()? {
            if KeyValue::read_key(body)? == key.as_bytes() {
                return KeyValue::read(body, self.context())?.value().map(Some);
            }
        }
        Ok(None)
    }
}

/// An attribute that is not read yet: for those who look for a few among many.
#[derive(Clone, Copy, Debug)]
pub struct EncodedKeyValue<'a> {
    body: &'a [u8],
    /// Levels of values above this one.
    depth: usize,
}

impl<'a> EncodedKeyValue<'a> {
    /// An attribute, which stands on no other.
    pub(super) const fn new(body: &'a [u8]) -> Self {
        Self { body, depth: 0 }
    }

    #[inline(always)]
    pub fn key(&self) -> Result<&'a [u8], Malformed> {
        KeyValue::read_key(self.body)
    }

    /// The value, [`AnyValue::Empty`] if there is none.
    pub fn value(&self) -> Result<AnyValue<'a>, Malformed> {
        if let Some((_, value)) = KeyValue::plain(self.body)
            && let Some(value) = AnyValue::plain(value, self.depth + 1)
        {
            return Ok(value);
        }
        KeyValue::read(self.body, self.depth)?.value()
    }
}

impl<'a> View<'a> for EncodedKeyValue<'a> {
    /// Depth of the list in which the pair stands, 0 for attributes.
    type Context = usize;

    #[inline]
    fn read(body: &'a [u8], depth: usize) -> Result<Self, Malformed> {
        Ok(Self { body, depth })
    }
}

/// One attribute, or one entry of a key-value list.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyValue<'a> {
    pub key: Text<'a>,
    value: Option<Message<'a>>,
    /// Levels of values above this one.
    depth: usize,
}

impl<'a> KeyValue<'a> {
    /// The value, [`AnyValue::Empty`] if there is none.
    #[inline]
    pub fn value(&self) -> Result<AnyValue<'a>, Malformed> {
        self.value.map_or(Ok(AnyValue::Empty), |value| {
            AnyValue::read_parts(value, self.depth + 1)
        })
    }

    /// Whether the value is written at all, even if empty.
    pub const fn has_value(&self) -> bool {
        self.value.is_some()
    }

    /// The key alone, for those who look for one.
    #[inline(always)]
    pub(crate) fn read_key(body: &'a [u8]) -> Result<&'a [u8], Malformed> {
        Self::plain(body).map_or_else(|| Self::find_key(body), |(key, _)| Ok(key))
    }

    #[cold]
    fn find_key(body: &'a [u8]) -> Result<&'a [u8], Malformed> {
        let mut key: &[u8] = &[];
        let mut fields = Fields::new(body);
        while let Some(field) = fields.next_field()? {
            if field.number == KEY {
                key = field.bytes()?;
            }
        }
        Ok(key)
    }

    /// The key and the encoded value of a pair as nearly everybody writes it: a key and then a value, neither longer
    /// than 127 bytes.
    #[inline(always)]
    fn plain(body: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        const KEY_TAG: u8 = (KEY as u8) << 3 | 2;
        const VALUE_TAG: u8 = (VALUE as u8) << 3 | 2;
        let [KEY_TAG, length @ 0..0x80, rest @ ..] = body else {
            return None;
        };
        match rest.split_at_checked(usize::from(*length))? {
            (key, [VALUE_TAG, length @ 0..0x80, value @ ..])
                if value.len() == usize::from(*length) =>
            {
                Some((key, value))
            }
            _ => None,
        }
    }
}

impl<'a> View<'a> for KeyValue<'a> {
    /// Depth of the list in which the pair stands, 0 for attributes.
    type Context = usize;

    #[inline]
    fn read(body: &'a [u8], depth: usize) -> Result<Self, Malformed> {
        let mut pair = Self {
            depth,
            ..Self::default()
        };
        let mut value = Singular::default();
        let mut fields = Message::new(body);
        while let Some(field) = fields.next_field()? {
            match field.number {
                KEY => pair.key = Text::new(field.bytes()?),
                VALUE => value.add(&field, &fields)?,
                _ => {}
            }
        }
        pair.value = value.message();
        Ok(pair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::put_len;

    #[test]
    fn a_key_is_found_wherever_it_stands() {
        let check = |fields: &[(u32, &[u8])], expected: &[u8]| {
            let mut body = Vec::new();
            for (number, bytes) in fields {
                put_len(&mut body, *number, bytes);
            }
            let attribute = EncodedKeyValue::read(&body, 0).unwrap();
            assert_eq!(attribute.key(), Ok(expected), "{fields:?}");
            assert_eq!(KeyValue::read(&body, 0).unwrap().key.as_bytes(), expected);
        };
        let long = [b'x'; 300];
        check(&[(1, b"key"), (2, b"")], b"key");
        check(&[(1, b"key"), (2, &[0x10, 1])], b"key");
        check(&[(1, &long), (2, &[0x10, 1])], &long);
        check(&[(2, &[0x10, 1]), (1, b"key")], b"key");
        check(&[(1, b"key")], b"key");
        check(&[(2, &[0x10, 1])], b"");
        // The last of several counts.
        check(&[(1, b"key"), (2, b""), (1, b"other")], b"other");
        check(&[(1, b"key"), (1, b"other"), (2, b"")], b"other");
    }

    #[test]
    fn a_value_is_the_same_read_alone_and_with_its_key() {
        let long = [b'x'; 300];
        let mut text = Vec::new();
        put_len(&mut text, 1, &long[..100]);
        let mut several = text.clone();
        put_len(&mut several, 1, b"other");
        let number = [
            0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
        ];
        for value in [
            &[][..],
            &[0x10, 1],
            &[0x0a, 0],
            &[0x0a, 9],
            &[0x18],
            &[0x18, 0x80],
            &[0x18, 200, 1],
            &[0x18, 7, 0x18, 8],
            &number,
            &text,
            &several,
        ] {
            let mut body = Vec::new();
            put_len(&mut body, 1, b"key");
            put_len(&mut body, 2, value);
            for depth in [0, 62, 63, 64] {
                let alone = EncodedKeyValue::read(&body, depth).unwrap().value();
                let with_key = KeyValue::read(&body, depth).unwrap().value();
                assert_eq!(format!("{alone:?}"), format!("{with_key:?}"), "{value:?}");
            }
        }
    }

    #[test]
    fn a_pair_that_is_cut_short_has_no_key() {
        let mut body = Vec::new();
        put_len(&mut body, 1, b"key");
        put_len(&mut body, 2, &[0x10, 1]);
        for end in 1..body.len() {
            let attribute = EncodedKeyValue::read(&body[..end], 0).unwrap();
            assert_eq!(attribute.key().is_err(), end != 5, "cut at {end}");
        }
    }
}
