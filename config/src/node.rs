//! The tree of values that a configuration is, each with its place in the file.

use std::fmt::Write as _;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use crate::place::Place;

/// Separates the parts of a path: `receivers::otlp::protocols`.
pub(crate) const SEPARATOR: &str = "::";

/// One value and where it was written.
///
/// Two nodes are equal if their values are: the place does not count, so that a reload sees that
/// a moved component did not change.
#[derive(Clone, Debug)]
pub struct Node {
    pub place: Place,
    pub value: Value,
    /// The text that a `${…}` stood for, when it was the whole value. A string field gets this
    /// text (`0123` stays `0123`), any other field gets `value`.
    pub original: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(String),
    List(Vec<Node>),
    Map(Map),
}

/// Entries in the order of the file; keys are unique.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    entries: Vec<Entry>,
}

/// One `key: value`.
#[derive(Clone, Debug)]
pub struct Entry {
    pub key: String,
    pub key_place: Place,
    pub node: Node,
}

// === impl Node ===

impl Node {
    pub fn new(place: Place, value: Value) -> Self {
        Self {
            place,
            value,
            original: None,
        }
    }

    pub fn null(place: Place) -> Self {
        Self::new(place, Value::Null)
    }

    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    pub fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The text of a string, or of a `${…}` that was the whole value.
    pub fn as_text(&self) -> Option<&str> {
        match (&self.original, &self.value) {
            (Some(text), _) | (None, Value::Str(text)) => Some(text),
            _ => None,
        }
    }

    /// The value of a key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key)
    }

    /// Follows a relative path such as `sending_queue::batch` or `actions[2]::key` as far as the
    /// file goes. Gives the place of the last key found, else that of this node.
    pub fn locate(&self, path: &str) -> Place {
        self.follow(path).0
    }

    /// Where the value of a path was written, if it was: see [`Self::locate`].
    pub fn find(&self, path: &str) -> Option<Place> {
        let (place, whole) = self.follow(path);
        whole.then_some(place)
    }

    /// The place of the last key found, and whether that is the last one of the path.
    fn follow(&self, path: &str) -> (Place, bool) {
        let mut node = self;
        let mut place = self.place.clone();
        for part in path.split(SEPARATOR).filter(|part| !part.is_empty()) {
            let (key, indices) = part.split_once('[').unwrap_or((part, ""));
            if !key.is_empty() {
                let Some(entry) = node.as_map().and_then(|map| map.entry(key)) else {
                    return (place, false);
                };
                place = entry.key_place.clone();
                node = &entry.node;
            }
            for index in indices
                .split('[')
                .filter_map(|text| text.trim_end_matches(']').parse().ok())
            {
                let Value::List(list) = &node.value else {
                    return (place, false);
                };
                let Some(element) = list.get::<usize>(index) else {
                    return (place, false);
                };
                place = element.place.clone();
                node = element;
            }
        }
        (place, true)
    }

    /// What a person sees here, for "found …". Text that came from `${…}` is not shown: it may
    /// be a secret.
    pub(crate) fn describe(&self) -> String {
        let mut text = match &self.value {
            Value::Null => return "nothing".to_owned(),
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "an integer",
            Value::Float(_) => "a number",
            Value::Str(_) => "a string",
            Value::List(_) => return "a list".to_owned(),
            Value::Map(_) => return "a map".to_owned(),
        }
        .to_owned();
        if self.original.is_none() {
            let _ = match &self.value {
                Value::Bool(value) => write!(text, " `{value}`"),
                Value::Int(value) => write!(text, " `{value}`"),
                Value::Float(value) => write!(text, " `{value}`"),
                Value::Str(value) => write!(text, " `{}`", shorten(value)),
                _ => Ok(()),
            };
        }
        text
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value && self.original == other.original
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i128(*value),
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::Str(value) => serializer.serialize_str(value),
            Value::List(list) => {
                let mut out = serializer.serialize_seq(Some(list.len()))?;
                for element in list {
                    out.serialize_element(element)?;
                }
                out.end()
            }
            Value::Map(map) => {
                let mut out = serializer.serialize_map(Some(map.len()))?;
                for entry in map.iter() {
                    out.serialize_entry(&entry.key, &entry.node)?;
                }
                out.end()
            }
        }
    }
}

// === impl Map ===

impl Map {
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    pub fn entry_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.key == key)
    }

    /// Takes an entry out, if there is one with this key.
    pub fn remove(&mut self, key: &str) -> Option<Entry> {
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(at))
    }

    /// The caller has made sure that the key is new.
    pub fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }
}

impl IntoIterator for Map {
    type Item = Entry;
    type IntoIter = std::vec::IntoIter<Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

// === impl Entry ===

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.node == other.node
    }
}

/// Messages quote at most this many characters of a value, so that they stay one line.
const QUOTED_CHARS: usize = 60;

/// The first line of a text, cut to what a message can carry.
pub(crate) fn shorten(text: &str) -> String {
    let line = text.lines().next().unwrap_or("");
    if line.chars().count() <= QUOTED_CHARS && line.len() == text.len() {
        return line.to_owned();
    }
    let mut short: String = line.chars().take(QUOTED_CHARS).collect();
    short.push('…');
    short
}
