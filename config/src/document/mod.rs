//! The configuration as typed sections: which components are written where, and which pipelines
//! name them. What a component's own keys mean is left to its owner.

mod check;
mod section;
mod service;

use crate::fault::{Fault, Faults};
use crate::id::ComponentId;
use crate::node::Node;
use crate::place::Place;

pub use self::section::{Component, Kind, Section};
pub use self::service::{Pipeline, Reference, Service};

/// Everything that was written, nothing resolved.
#[derive(Clone, Debug)]
pub struct Document {
    pub receivers: Section,
    pub processors: Section,
    pub exporters: Section,
    pub connectors: Section,
    pub extensions: Section,
    pub service: Service,
}

const SERVICE: &str = "service";

impl Document {
    /// Finds the sections of a tree. What cannot be read is named in `faults` and left out.
    pub fn read(root: &Node, faults: &mut Faults) -> Self {
        let known = Kind::ALL.map(Kind::section);
        for entry in root.as_map().into_iter().flat_map(|map| map.iter()) {
            let key = entry.key.as_str();
            if key != SERVICE && !known.contains(&key) {
                let text = format!("unknown key `{key}`");
                let candidates = known.into_iter().chain([SERVICE]);
                let fault = Fault::error(entry.key_place.clone(), key, text);
                faults.push(fault.with_suggestion(key, candidates));
            }
        }
        let mut section = |kind: Kind| Section::read(kind, root, faults);
        Self {
            receivers: section(Kind::Receiver),
            processors: section(Kind::Processor),
            exporters: section(Kind::Exporter),
            connectors: section(Kind::Connector),
            extensions: section(Kind::Extension),
            service: Service::read(root, faults),
        }
    }

    /// Adds an extension of this type, with defaults, unless the file has one, and lets it run
    /// whether or not `service::extensions` names it.
    pub fn imply_extension(&mut self, id: &ComponentId) {
        let place = self.service.place.clone();
        if !self.extensions.iter().any(|own| own.id.kind() == id.kind()) {
            self.extensions.add_implied(id, &place);
        }
        let own = self.extensions.iter().filter(|e| e.id.kind() == id.kind());
        let named = &mut self.service.extensions;
        for component in own {
            if !named.iter().any(|reference| reference.id == component.id) {
                named.push(Reference {
                    id: component.id.clone(),
                    place: component.place.clone(),
                });
            }
        }
    }

    pub fn section(&self, kind: Kind) -> &Section {
        match kind {
            Kind::Receiver => &self.receivers,
            Kind::Processor => &self.processors,
            Kind::Exporter => &self.exporters,
            Kind::Connector => &self.connectors,
            Kind::Extension => &self.extensions,
        }
    }

    /// The components of all sections, in the order of [`Kind::ALL`] and of the file.
    pub fn components(&self) -> impl Iterator<Item = &Component> {
        Kind::ALL
            .into_iter()
            .flat_map(|kind| self.section(kind).iter())
    }

    pub fn component(&self, kind: Kind, id: &ComponentId) -> Option<&Component> {
        self.section(kind).get(id)
    }

    /// Does `service` name this component, so that it is to be built?
    pub fn uses(&self, kind: Kind, id: &ComponentId) -> bool {
        let named = |list: &[Reference]| list.iter().any(|reference| reference.id == *id);
        let pipelines = &self.service.pipelines;
        match kind {
            Kind::Extension => named(&self.service.extensions),
            Kind::Receiver => pipelines.iter().any(|pipeline| named(&pipeline.receivers)),
            Kind::Processor => pipelines.iter().any(|pipeline| named(&pipeline.processors)),
            Kind::Exporter => pipelines.iter().any(|pipeline| named(&pipeline.exporters)),
            Kind::Connector => pipelines
                .iter()
                .any(|pipeline| named(&pipeline.receivers) || named(&pipeline.exporters)),
        }
    }
}

/// A map to walk, or a fault that says what stands there instead. Null is an empty map.
fn entries<'a>(
    node: &'a Node,
    key_place: &Place,
    path: &str,
    faults: &mut Faults,
) -> impl Iterator<Item = &'a crate::node::Entry> + use<'a> {
    let map = node.as_map();
    if map.is_none() && !node.is_null() {
        let text = format!("expected a map, found {}", node.describe());
        let help = match node.as_text() {
            // A forgotten colon is the usual slip.
            Some(key) if !key.contains(char::is_whitespace) => format!("write `{key}:` below it"),
            _ => "write `key: value` lines below it, without dashes".to_owned(),
        };
        faults.push(Fault::error(key_place.clone(), path, text).with_help(help));
    }
    map.into_iter().flat_map(|map| map.iter())
}
