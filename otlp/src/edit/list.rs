//! The attributes of one carrier while they are edited.

use std::ops::Range;

use super::OwnedValue;
use crate::layout::{KEY, TRACE_STATE, VALUE};
use crate::splice::Splice;
use crate::view::{AnyValue, KeyValue, Message, Text, View};
use crate::wire::{Malformed, put_len};

/// The attributes of one carrier: looked at in order, changed in place, added at the end.
///
/// Keys ought to be unique. Where they are not, the first counts for reading, and a change leaves
/// one attribute of that key or none, so that a value that is to be hidden does not stay behind.
#[derive(Debug, Default)]
pub struct AttributeList<'a> {
    /// Those of the carrier first, one slot for each, then those that were added.
    slots: Vec<Slot<'a>>,
    /// Encoded attributes that were set.
    fresh: Vec<u8>,
    /// How many slots are those of the carrier.
    loaded: usize,
}

#[derive(Clone, Debug)]
enum Slot<'a> {
    /// As it came: the key, and the encoded `KeyValue`.
    Original {
        key: &'a [u8],
        body: &'a [u8],
    },
    /// As it was set: the same as ranges of the fresh bytes.
    Fresh {
        key: Range<usize>,
        body: Range<usize>,
    },
    Removed,
}

impl<'a> AttributeList<'a> {
    /// The value of the attribute with this key.
    ///
    /// # Errors
    /// Its framing is broken.
    pub fn get(&self, key: &str) -> Result<Option<AnyValue<'_>>, Malformed> {
        self.find(key)
            .map(|at| KeyValue::read(self.body(at), 0)?.value())
            .transpose()
    }

    pub fn contains(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// The attributes in order.
    pub fn iter(&self) -> impl Iterator<Item = Result<KeyValue<'_>, Malformed>> {
        let present = (0..self.slots.len()).filter(|at| self.key(*at).is_some());
        present.map(|at| KeyValue::read(self.body(at), 0))
    }

    /// Adds the attribute if the key is absent. Says whether it did.
    pub fn insert(&mut self, key: &str, value: &OwnedValue) -> bool {
        let is_absent = !self.contains(key);
        if is_absent {
            self.set(self.slots.len(), key.as_bytes(), value);
        }
        is_absent
    }

    /// Replaces the value if the key is present. Says whether it is.
    pub fn update(&mut self, key: &str, value: &OwnedValue) -> bool {
        let Some(first) = self.find(key) else {
            return false;
        };
        self.remove_from(first + 1, key);
        self.set(first, key.as_bytes(), value);
        true
    }

    /// Replaces the value, or adds the attribute if the key is absent.
    pub fn upsert(&mut self, key: &str, value: &OwnedValue) {
        if !self.update(key, value) {
            self.set(self.slots.len(), key.as_bytes(), value);
        }
    }

    /// Removes the attribute. Says whether there was one.
    pub fn remove(&mut self, key: &str) -> bool {
        self.remove_from(0, key)
    }

    /// Removes the attributes whose keys `keep` does not accept.
    pub fn retain_keys(&mut self, mut keep: impl FnMut(Text<'_>) -> bool) {
        for at in 0..self.slots.len() {
            if self.key(at).is_some_and(|key| !keep(Text::new(key))) {
                self.remove_at(at);
            }
        }
    }

    /// Shows every attribute to `replace` and sets the value that it returns.
    ///
    /// # Errors
    /// The framing of an attribute is broken, or `replace` failed.
    pub fn replace_values(
        &mut self,
        mut replace: impl FnMut(Text<'_>, AnyValue<'_>) -> Result<Option<OwnedValue>, Malformed>,
    ) -> Result<(), Malformed> {
        for at in 0..self.slots.len() {
            let Some(key) = self.key(at) else { continue };
            let pair = KeyValue::read(self.body(at), 0)?;
            if let Some(value) = replace(Text::new(key), pair.value()?)? {
                let key = key.to_vec();
                self.set(at, &key, &value);
            }
        }
        Ok(())
    }

    /// Whether the attributes are others than those that came.
    pub fn is_changed(&self) -> bool {
        let (loaded, added) = self.slots.split_at(self.loaded.min(self.slots.len()));
        loaded
            .iter()
            .any(|slot| !matches!(slot, Slot::Original { .. }))
            || added.iter().any(|slot| !matches!(slot, Slot::Removed))
    }

    /// Starts afresh with the attributes of another carrier.
    pub(super) fn load(&mut self, mut message: Message<'a>, number: u32) -> Result<(), Malformed> {
        self.slots.clear();
        self.fresh.clear();
        while let Some(field) = message.next_field()? {
            if field.number == number {
                let body = field.bytes()?;
                self.slots.push(Slot::Original {
                    key: KeyValue::read_key(body)?,
                    body,
                });
            }
        }
        self.loaded = self.slots.len();
        Ok(())
    }

    /// The place of the first attribute with this key.
    fn find(&self, key: &str) -> Option<usize> {
        (0..self.slots.len()).find(|at| self.key(*at) == Some(key.as_bytes()))
    }

    /// The key at this place, `None` if there is no attribute any more.
    fn key(&self, at: usize) -> Option<&[u8]> {
        match self.slots.get(at)? {
            Slot::Original { key, .. } => Some(key),
            Slot::Fresh { key, .. } => Some(self.fresh_bytes(key)),
            Slot::Removed => None,
        }
    }

    /// The encoded attribute at this place.
    fn body(&self, at: usize) -> &[u8] {
        match self.slots.get(at) {
            Some(Slot::Original { body, .. }) => body,
            Some(Slot::Fresh { body, .. }) => self.fresh_bytes(body),
            Some(Slot::Removed) | None => &[],
        }
    }

    fn fresh_bytes(&self, range: &Range<usize>) -> &[u8] {
        self.fresh.get(range.clone()).unwrap_or_default()
    }

    /// Sets the attribute at this place, or adds one at the end.
    fn set(&mut self, at: usize, key: &[u8], value: &OwnedValue) {
        let start = self.fresh.len();
        put_len(&mut self.fresh, KEY, key);
        let key_end = self.fresh.len();
        put_len(&mut self.fresh, VALUE, value.encoded());
        let body = start..self.fresh.len();
        if self.body(at) == self.fresh_bytes(&body) {
            self.fresh.truncate(start);
            return;
        }
        let slot = Slot::Fresh {
            key: key_end - key.len()..key_end,
            body,
        };
        match self.slots.get_mut(at) {
            Some(place) => *place = slot,
            None => self.slots.push(slot),
        }
    }

    fn remove_from(&mut self, start: usize, key: &str) -> bool {
        let mut found = false;
        for at in start..self.slots.len() {
            if self.key(at) == Some(key.as_bytes()) {
                self.remove_at(at);
                found = true;
            }
        }
        found
    }

    fn remove_at(&mut self, at: usize) {
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Slot::Removed;
        }
    }
}

/// Writes the fields of a carrier, with these attributes instead of its own, and another trace state where it is a
/// span.
pub(super) fn write<'a>(
    mut message: Message<'a>,
    attributes: Option<(&AttributeList<'_>, u32)>,
    mut trace_state: Option<&[u8]>,
    splice: &mut Splice<'a>,
) -> Result<(), Malformed> {
    let replaces_state = trace_state.is_some();
    let mut slots = attributes.map_or(&[][..], |(list, _)| &list.slots).iter();
    while let Some(field) = message.next_field()? {
        match attributes {
            _ if replaces_state && field.number == TRACE_STATE => {
                if let Some(text) = trace_state.take() {
                    splice.put(TRACE_STATE, text);
                }
            }
            Some((list, number)) if field.number == number => match slots.next() {
                Some(Slot::Original { .. }) => splice.copy(field.raw),
                Some(Slot::Fresh { body, .. }) => splice.put(number, list.fresh_bytes(body)),
                Some(Slot::Removed) | None => {}
            },
            _ => splice.copy(field.raw),
        }
    }
    if let Some(text) = trace_state {
        splice.put(TRACE_STATE, text);
    }
    for slot in slots {
        if let (Slot::Fresh { body, .. }, Some((list, number))) = (slot, attributes) {
            splice.put(number, list.fresh_bytes(body));
        }
    }
    Ok(())
}
