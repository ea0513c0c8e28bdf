//! How serde walks the inside of a node: entries, elements, shared maps, enum variants.

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

use super::cursor::Cursor;
use super::error::DecodeError;
use super::{Run, join, special};
use crate::node::{Entry, Map, Node};
use crate::place::Place;

type Result<T, E = DecodeError> = std::result::Result<T, E>;

/// The entries of a map, without those that are out of this run.
pub(super) struct Entries<'a> {
    entries: std::vec::IntoIter<&'a Entry>,
    current: Option<(&'a Entry, String)>,
    path: &'a str,
    in_struct: bool,
    run: &'a Run,
}

/// The elements of a list, without those that are out of this run.
pub(super) struct Elements<'a> {
    elements: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
    path: &'a str,
    key_place: Option<&'a Place>,
    run: &'a Run,
}

/// The types that share one map: an optional switch, then each type.
pub(super) struct Parts<'a> {
    shared: Cursor<'a>,
    map: Option<&'a Map>,
    switch: bool,
}

/// An enum: a word, or a word with a value.
pub(super) struct Variant<'a> {
    word: &'a str,
    value: Option<Cursor<'a>>,
}

// === impl Entries ===

impl<'a> Entries<'a> {
    pub(super) fn new(parent: &'a Cursor<'_>, entries: Vec<&'a Entry>, in_struct: bool) -> Self {
        Self {
            entries: entries.into_iter(),
            current: None,
            path: &parent.path,
            in_struct,
            run: parent.run,
        }
    }
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        for entry in self.entries.by_ref() {
            let path = join(self.path, &entry.key);
            if self.run.skips(&path) {
                continue;
            }
            let key: StrDeserializer<'_, DecodeError> = entry.key.as_str().into_deserializer();
            let key = seed
                .deserialize(key)
                .map_err(|error| error.at(&entry.key_place, &path))?;
            self.current = Some((entry, path));
            return Ok(Some(key));
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        let Some((entry, path)) = self.current.take() else {
            return Err(DecodeError::wrong("a value was asked for before its key"));
        };
        let value = Cursor {
            key_place: Some(&entry.key_place),
            in_struct: self.in_struct,
            ..Cursor::root(&entry.node, &path, self.run)
        };
        let place = value.place();
        seed.deserialize(value)
            .map_err(|error| error.at(&place, &path))
    }
}

// === impl Elements ===

impl<'a> Elements<'a> {
    pub(super) fn new(parent: &'a Cursor<'_>, elements: &'a [Node]) -> Self {
        Self {
            elements: elements.iter().enumerate(),
            path: &parent.path,
            key_place: parent.key_place,
            run: parent.run,
        }
    }
}

impl<'de> de::SeqAccess<'de> for Elements<'_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        for (index, node) in self.elements.by_ref() {
            let path = join(self.path, &format!("[{index}]"));
            if self.run.skips(&path) {
                continue;
            }
            let element = Cursor::root(node, &path, self.run);
            // An empty element has no text of its own to point at.
            let place = match self.key_place {
                Some(key) if node.place.span.is_empty() => key.clone(),
                _ => element.place(),
            };
            let value = seed
                .deserialize(element)
                .map_err(|error| error.at(&place, &path))?;
            return Ok(Some(value));
        }
        Ok(None)
    }
}

// === impl Parts ===

impl<'a> Parts<'a> {
    pub(super) fn new(shared: Cursor<'a>, map: Option<&'a Map>, switch: bool) -> Self {
        Self {
            shared,
            map,
            switch,
        }
    }
}

impl<'de> de::SeqAccess<'de> for Parts<'_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if !std::mem::take(&mut self.switch) {
            return seed.deserialize(self.shared.clone()).map(Some);
        }
        let path = join(&self.shared.path, special::SWITCH);
        let entry = self.map.and_then(|map| map.entry(special::SWITCH));
        match entry.filter(|entry| !entry.node.is_null() && !self.shared.run.skips(&path)) {
            Some(entry) => {
                let switch = Cursor::root(&entry.node, &path, self.shared.run);
                let place = switch.place();
                seed.deserialize(switch)
                    .map_err(|error| error.at(&place, &path))
                    .map(Some)
            }
            None => seed.deserialize(true.into_deserializer()).map(Some),
        }
    }
}

// === impl Variant ===

impl<'a> Variant<'a> {
    pub(super) fn unit(word: &'a str) -> Self {
        Self { word, value: None }
    }

    pub(super) fn with_value(parent: &'a Cursor<'_>, entry: &'a Entry) -> Self {
        let path = join(&parent.path, &entry.key);
        let value = Cursor {
            key_place: Some(&entry.key_place),
            ..Cursor::root(&entry.node, &path, parent.run)
        };
        Self {
            word: &entry.key,
            value: Some(value),
        }
    }

    /// Runs a step on the value of the variant and says where it failed.
    fn within<T>(self, step: impl FnOnce(Cursor<'_>) -> Result<T>) -> Result<T> {
        let Some(value) = self.value else {
            return Err(DecodeError::wrong(format!("`{}` needs a value", self.word)));
        };
        let (place, path) = (value.place(), value.path.clone());
        step(value).map_err(|error| error.at(&place, &path))
    }
}

impl<'de> de::EnumAccess<'de> for Variant<'_> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self)> {
        let word: StrDeserializer<'_, DecodeError> = self.word.into_deserializer();
        Ok((seed.deserialize(word)?, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<()> {
        match self.value {
            Some(value) if !value.node.is_null() => Err(value.expected("nothing")),
            _ => Ok(()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        self.within(|value| seed.deserialize(value))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        self.within(|value| de::Deserializer::deserialize_tuple(value, len, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.within(|value| de::Deserializer::deserialize_struct(value, "", keys, visitor))
    }
}
