//! Header maps: a map, or a list of `{name, value}`; the values are secrets.

use std::fmt;

use serde::de::{self, MapAccess, SeqAccess};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::secret::Secret;

/// Names and values in the order of the file. A name stands once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    list: Vec<(String, Secret)>,
}

impl Headers {
    pub fn new(list: impl IntoIterator<Item = (String, Secret)>) -> Self {
        Self {
            list: list.into_iter().collect(),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.list.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }
}

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.list.len()))?;
        for (name, value) in &self.list {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HeadersVisitor)
    }
}

struct HeadersVisitor;

#[derive(Deserialize)]
struct NamedValue {
    name: String,
    #[serde(default)]
    value: Secret,
}

impl<'de> de::Visitor<'de> for HeadersVisitor {
    type Value = Headers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of headers, or a list of `{name, value}`")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Headers, E> {
        Ok(Headers::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = map.next_entry()? {
            list.push(entry);
        }
        Ok(Headers { list })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Headers, A::Error> {
        let mut list: Vec<(String, Secret)> = Vec::new();
        let mut twice: Vec<String> = Vec::new();
        while let Some(NamedValue { name, value }) = seq.next_element()? {
            if list.iter().any(|(known, _)| *known == name) {
                twice.push(name);
            } else {
                list.push((name, value));
            }
        }
        if twice.is_empty() {
            return Ok(Headers { list });
        }
        let names = twice.join(", ");
        Err(de::Error::custom(format!(
            "duplicate keys in map-style list: [{names}]"
        )))
    }
}
