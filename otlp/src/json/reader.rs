//! OTLP/JSON to protobuf: objects, the way to what is being read, and what is said when it fails.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::JsonFault;
use super::field::{Field, MAX_FIELDS, Message, Presence};
use super::place::Place;
use crate::ELEMENT_COST_MIN;

/// Steps of a path that a fault shows, and characters of its text and of what it quotes. An answer
/// goes into a header or a log line, and its size must not be the sender's to choose.
const SHOWN_STEPS: usize = 16;
const SHOWN_TEXT: usize = 200;
pub(super) const SHOWN_QUOTE: usize = 40;

/// A message that was read.
pub(super) struct Read {
    pub(super) bytes: Vec<u8>,
    /// Whether the root had any key of the message.
    pub(super) known: bool,
    /// The first key of the root that was none.
    pub(super) strange: Option<String>,
}

pub(super) fn read(
    message: &'static Message,
    body: &[u8],
    cost_max: usize,
) -> Result<Read, JsonFault> {
    let text = std::str::from_utf8(body).map_err(|error| {
        JsonFault::whole(format!(
            "byte {} does not belong to UTF-8",
            error.valid_up_to()
        ))
    })?;
    let mut reader = Reader::new(body.len(), cost_max);
    let mut json = serde_json::Deserializer::from_str(text);
    // The limit here is ours: an AnyValue of 64 levels is more than 200 levels of JSON. Only known
    // messages recurse; what is skipped does not.
    json.disable_recursion_limit();
    let root = Root {
        reader: &mut reader,
        message,
    };
    match root.deserialize(&mut json).and_then(|()| json.end()) {
        Ok(()) => Ok(reader.read),
        Err(error) => Err(reader.fault(&error)),
    }
}

/// What is open while the text is read.
pub(super) struct Reader {
    read: Read,
    /// The way from the root to the value that is being read. It is left standing by an error.
    pub(super) path: Vec<Step>,
    /// AnyValues open around this place.
    pub(super) depth: usize,
    /// What short elements of lists cost beyond their bytes.
    surcharge: usize,
    cost_max: usize,
}

#[derive(Clone, Copy)]
pub(super) enum Step {
    Key(&'static str),
    Index(usize),
}

/// The outermost object.
struct Root<'a> {
    reader: &'a mut Reader,
    message: &'static Message,
}

/// A key of an object of `message`.
struct Key<'a> {
    reader: &'a mut Reader,
    message: &'static Message,
}

/// Where the fields of an open message stand in the output, so that a key that is repeated can
/// replace what it said before. Each cut moves what follows it; as a field can be cut only once per
/// time it was written, no order of keys makes this more than `MAX_FIELDS` moves of a message.
#[derive(Default)]
struct Written([(usize, usize); MAX_FIELDS]);

// === impl Reader ===

impl Reader {
    fn new(body: usize, cost_max: usize) -> Self {
        let bytes = Vec::with_capacity((body / 2).min(cost_max));
        Self {
            read: Read {
                bytes,
                known: false,
                strange: None,
            },
            path: Vec::new(),
            depth: 0,
            surcharge: 0,
            cost_max,
        }
    }

    /// Whether the request costs too much, with one more element that was written from `start` on.
    pub(super) fn is_too_large_with(&mut self, start: usize) -> bool {
        let end = self.read.bytes.len();
        self.surcharge += ELEMENT_COST_MIN.saturating_sub(end - start);
        end.saturating_add(self.surcharge) > self.cost_max
    }

    pub(super) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.read.bytes
    }

    /// Reads the members of an object of `message` to the end of the output.
    pub(super) fn members<'de, A: MapAccess<'de>>(
        &mut self,
        message: &'static Message,
        mut map: A,
    ) -> Result<(), A::Error> {
        let mut written = Written::default();
        while let Some(row) = map.next_key_seed(Key {
            reader: self,
            message,
        })? {
            let Some((at, field)) = row else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let start = self.out().len();
            self.path.push(Step::Key(field.name));
            map.next_value_seed(Place {
                reader: self,
                field,
                element: false,
            })?;
            self.path.pop();
            let place = (start, self.out().len());
            if field.presence != Presence::Oneof {
                written.replace(self.out(), at, place);
            } else if place.0 < place.1 {
                // All members of a oneof share one slot, and a null says nothing about the others.
                let first = message.0.iter().position(|f| f.presence == Presence::Oneof);
                written.replace(self.out(), first.unwrap_or(at), place);
            }
        }
        Ok(())
    }

    fn fault(&self, error: &serde_json::Error) -> JsonFault {
        let (line, column) = (error.line(), error.column());
        let what = error.to_string();
        let what = what
            .strip_suffix(&format!(" at line {line} column {column}"))
            .unwrap_or(&what);
        let cost = self.read.bytes.len().saturating_add(self.surcharge);
        JsonFault {
            what: clip(what, SHOWN_TEXT),
            place: self.place(),
            line,
            column,
            too_large: cost > self.cost_max,
        }
    }

    fn place(&self) -> String {
        let mut place = String::new();
        for (at, step) in self.path.iter().enumerate() {
            match step {
                _ if at == SHOWN_STEPS => return place + "…",
                Step::Key(key) if at == 0 => place += key,
                Step::Key(key) => place.extend([".", key]),
                Step::Index(index) => place += &format!("[{index}]"),
            }
        }
        place
    }
}

impl JsonFault {
    /// A fault of the body as a whole.
    pub(super) fn whole(what: String) -> Self {
        Self {
            what,
            place: String::new(),
            line: 0,
            column: 0,
            too_large: false,
        }
    }
}

/// The first `limit` characters.
pub(super) fn clip(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

// === impl Written ===

impl Written {
    /// `place`, at the end of `out`, is now what the slot says; what it said before is cut out.
    fn replace(&mut self, out: &mut Vec<u8>, slot: usize, place: (usize, usize)) {
        let Some(slot) = self.0.get_mut(slot) else {
            return;
        };
        let (from, to) = std::mem::replace(slot, place);
        if from == to {
            return;
        }
        out.drain(from..to);
        for (start, end) in self.0.iter_mut().filter(|(start, _)| *start >= to) {
            *start -= to - from;
            *end -= to - from;
        }
    }
}

// === impl Root ===

impl<'de> DeserializeSeed<'de> for Root<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Root<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.reader.members(self.message, map)
    }
}

// === impl Key ===

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<(usize, &'static Field)>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = Option<(usize, &'static Field)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        let row = self.message.by_key(key);
        if self.reader.path.is_empty() {
            let read = &mut self.reader.read;
            read.known |= row.is_some();
            if row.is_none() && read.strange.is_none() {
                read.strange = Some(clip(key, SHOWN_QUOTE));
            }
        }
        Ok(row)
    }
}
