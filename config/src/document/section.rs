//! One of the five sections of components.

use serde::de::DeserializeOwned;

use super::entries;
use crate::decode::{decode, decode_valid};
use crate::fault::{Fault, Faults};
use crate::id::ComponentId;
use crate::node::Node;
use crate::place::Place;
use crate::validate::Validate;

/// What a component does, which is the section that it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Receiver,
    Processor,
    Exporter,
    Connector,
    Extension,
}

/// The components of one kind, in the order of the file.
#[derive(Clone, Debug)]
pub struct Section {
    pub kind: Kind,
    /// Where the section's key stands, if it does.
    pub place: Option<Place>,
    components: Vec<Component>,
}

/// One component as it was written.
#[derive(Clone, Debug)]
pub struct Component {
    pub kind: Kind,
    pub id: ComponentId,
    /// Where its id stands.
    pub place: Place,
    /// Its own keys; null for all defaults.
    pub node: Node,
    /// Nobody wrote it: it runs by default, and `place` is that of the section that would name it.
    pub implied: bool,
}

// === impl Kind ===

impl Kind {
    pub const ALL: [Self; 5] = [
        Self::Receiver,
        Self::Processor,
        Self::Exporter,
        Self::Connector,
        Self::Extension,
    ];

    /// `receiver`
    pub fn name(self) -> &'static str {
        match self {
            Self::Receiver => "receiver",
            Self::Processor => "processor",
            Self::Exporter => "exporter",
            Self::Connector => "connector",
            Self::Extension => "extension",
        }
    }

    /// `receivers`
    pub fn section(self) -> &'static str {
        match self {
            Self::Receiver => "receivers",
            Self::Processor => "processors",
            Self::Exporter => "exporters",
            Self::Connector => "connectors",
            Self::Extension => "extensions",
        }
    }
}

// === impl Section ===

impl Section {
    pub(super) fn read(kind: Kind, root: &Node, faults: &mut Faults) -> Self {
        let mut section = Self {
            kind,
            place: None,
            components: Vec::new(),
        };
        let Some(entry) = root.as_map().and_then(|map| map.entry(kind.section())) else {
            return section;
        };
        section.place = Some(entry.key_place.clone());
        for entry in entries(&entry.node, &entry.key_place, kind.section(), faults) {
            let path = format!("{}::{}", kind.section(), entry.key);
            let fail = |text: String| Fault::error(entry.key_place.clone(), &path, text);
            match entry.key.parse::<ComponentId>() {
                Err(fault) => faults.push(fail(fault.to_string())),
                Ok(id) if section.get(&id).is_some() => {
                    let text = format!("duplicate name \"{id}\" after unmarshaling");
                    faults.push(fail(text));
                }
                Ok(id) => section.components.push(Component {
                    kind,
                    id,
                    place: entry.key_place.clone(),
                    node: entry.node.clone(),
                    implied: false,
                }),
            }
        }
        section
    }

    pub(super) fn add_implied(&mut self, id: &ComponentId, place: &Place) {
        self.components.push(Component {
            kind: self.kind,
            id: id.clone(),
            place: place.clone(),
            node: Node::null(place.clone()),
            implied: true,
        });
    }

    pub fn iter(&self) -> impl Iterator<Item = &Component> {
        self.components.iter()
    }

    pub fn get(&self, id: &ComponentId) -> Option<&Component> {
        self.components.iter().find(|component| component.id == *id)
    }

    pub fn is_empty(&self) -> bool {
        self.components.is_empty()
    }

    pub fn len(&self) -> usize {
        self.components.len()
    }
}

// === impl Component ===

impl Component {
    /// `receivers::otlp/2`
    pub fn path(&self) -> String {
        format!("{}::{}", self.kind.section(), self.id)
    }

    /// Reads the component's keys as its own type; see [`decode`].
    pub fn decode<T: DeserializeOwned>(&self, faults: &mut Faults) -> Option<T> {
        decode(&self.node_at_key(), &self.path(), faults)
    }

    /// The same, and lets the value check itself; see [`decode_valid`].
    pub fn decode_valid<T: DeserializeOwned + Validate>(&self, faults: &mut Faults) -> Option<T> {
        decode_valid(&self.node_at_key(), &self.path(), faults)
    }

    /// A fault of the component as a whole, at its id.
    pub fn fault(&self, text: impl Into<String>) -> Fault {
        Fault::error(self.place.clone(), self.path(), text)
    }

    /// Where something below the component stands, else what it is in.
    pub fn locate(&self, path: &str) -> Place {
        self.node_at_key().locate(path)
    }

    /// What is wrong with the component as a whole is marked at its id.
    fn node_at_key(&self) -> Node {
        Node {
            place: self.place.clone(),
            ..self.node.clone()
        }
    }
}
