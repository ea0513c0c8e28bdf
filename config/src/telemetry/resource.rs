//! `resource`: what is said about this process, in the new form or the old one.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, IgnoredAny, MapAccess, SeqAccess};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::node::{Node, Value};
use crate::validate::{Problems, Validate};

/// `resource`: what is said about this process. `None` takes a default away.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    pub attributes: BTreeMap<String, Option<String>>,
    /// Keys that were written and have no effect, with the reason.
    doubts: Vec<(&'static str, &'static str)>,
}

impl Validate for Resource {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        for (key, text) in &self.doubts {
            problems.warn(*key, *text);
        }
        problems
    }
}

impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.attributes.len()))?;
        for (key, value) in &self.attributes {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Resource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ResourceVisitor)
    }
}

struct ResourceVisitor;

#[derive(Deserialize)]
struct NamedAttribute {
    name: String,
    value: Node,
    #[serde(default, rename = "type")]
    _kind: String,
}

impl<'de> de::Visitor<'de> for ResourceVisitor {
    type Value = Resource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of attributes, or `attributes` with a list of `{name, value}`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Resource, A::Error> {
        let mut resource = Resource::default();
        let mut inline = false;
        let mut listed = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "attributes" => {
                    listed = true;
                    let Attributes { own, is_map } = map.next_value()?;
                    resource.attributes.extend(own);
                    if is_map {
                        let text = "a map is the form of schema version 0.2; write a list of \
                                    `{name, value}`";
                        resource.doubts.push(("attributes", text));
                    }
                }
                "attributes_list" => {
                    listed = true;
                    for (name, value) in pairs(&map.next_value::<String>()?) {
                        // Those of `attributes` win, wherever they stand.
                        resource.attributes.entry(name).or_insert(Some(value));
                    }
                }
                // Names the vocabulary that the attributes are from; nothing depends on it.
                "schema_url" => drop(map.next_value::<String>()?),
                "detectors" | "detection/development" => {
                    map.next_value::<IgnoredAny>()?;
                    let key = match key.as_str() {
                        "detectors" => "detectors",
                        _ => "detection/development",
                    };
                    let text = "has no effect: nothing is found out about container, host or \
                                process; write what should be known under `attributes`";
                    resource.doubts.push((key, text));
                }
                _ => {
                    inline = true;
                    let value = attribute_text::<A::Error>(&map.next_value()?)?;
                    resource.attributes.insert(key, value);
                }
            }
        }
        if inline && listed {
            let text = "resource::attributes cannot be used together with legacy inline \
                        resource attributes";
            return Err(de::Error::custom(text));
        }
        Ok(resource)
    }
}

/// `attributes`: a list, or in the older schema a map.
#[derive(Default)]
struct Attributes {
    own: Vec<(String, Option<String>)>,
    is_map: bool,
}

struct AttributesVisitor;

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AttributesVisitor)
    }
}

impl<'de> de::Visitor<'de> for AttributesVisitor {
    type Value = Attributes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of `{name, value}`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Attributes, A::Error> {
        let mut attributes = Attributes::default();
        while let Some(NamedAttribute { name, value, .. }) = list.next_element()? {
            let value = attribute_text::<A::Error>(&value)?;
            attributes.own.push((name, value));
        }
        Ok(attributes)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
        let mut attributes = Attributes {
            is_map: true,
            ..Attributes::default()
        };
        while let Some((name, value)) = map.next_entry::<String, Node>()? {
            attributes
                .own
                .push((name, attribute_text::<A::Error>(&value)?));
        }
        Ok(attributes)
    }
}

/// `name=value,…`, as the environment variable `OTEL_RESOURCE_ATTRIBUTES` has it.
fn pairs(list: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = list.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
}

/// An attribute of a process is shown as text, whatever it was written as.
fn attribute_text<E: de::Error>(node: &Node) -> Result<Option<String>, E> {
    if let Some(text) = node.as_text() {
        return Ok(Some(text.to_owned()));
    }
    match &node.value {
        Value::Null => Ok(None),
        Value::Bool(value) => Ok(Some(value.to_string())),
        Value::Int(value) => Ok(Some(value.to_string())),
        Value::Float(value) => Ok(Some(value.to_string())),
        _ => Err(E::custom(format!(
            "expected a text, found {}",
            node.describe()
        ))),
    }
}
