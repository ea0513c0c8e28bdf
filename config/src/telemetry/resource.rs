//! `resource`: what is said about this process, in the new form or the old one.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, MapAccess};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::decode::NotYet;
use crate::node::{Node, Value};

/// `resource`: what is said about this process. `None` takes a default away.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    pub attributes: BTreeMap<String, Option<String>>,
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
                    for attribute in map.next_value::<Vec<NamedAttribute>>()? {
                        let value = attribute_text::<A::Error>(&attribute.value)?;
                        resource.attributes.insert(attribute.name, value);
                    }
                }
                // Names the vocabulary that the attributes are from; nothing depends on it.
                "schema_url" => drop(map.next_value::<String>()?),
                "detectors" | "detection/development" => drop(map.next_value::<NotYet>()?),
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
