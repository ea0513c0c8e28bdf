//! What a reload changes, for people.

use std::fmt;

use super::{Identity, Plan};

/// The components of two plans, compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub added: Vec<String>,
    pub changed: Vec<String>,
    pub removed: Vec<String>,
    /// How many are as they were.
    pub kept: usize,
}

impl Changes {
    pub(crate) fn between(old: &Plan, new: &Plan) -> Self {
        let (old, new) = (components(old), components(new));
        let mut changes = Self::default();
        for (name, identity) in &new {
            match old.iter().find(|(known, _)| known == name) {
                None => changes.added.push(name.clone()),
                Some((_, before)) if before != identity => changes.changed.push(name.clone()),
                Some(_) => changes.kept += 1,
            }
        }
        let gone = old
            .iter()
            .filter(|(name, _)| !new.iter().any(|(known, _)| known == name));
        changes.removed = gone.map(|(name, _)| name.clone()).collect();
        changes
    }
}

/// Each component with its name, once for each instance that a reload may keep.
fn components(plan: &Plan) -> Vec<(String, &Identity)> {
    let extensions = plan.extensions.iter();
    let extensions = extensions.map(|node| (format!("extension {}", node.id), &node.identity));
    let receivers = plan.receivers.iter();
    let receivers = receivers.map(|node| (format!("receiver {}", node.id), &node.identity));
    let processors = plan.pipelines.iter().flat_map(|pipeline| {
        let name = |id: &str| match pipeline.makes {
            None => format!("processor {id} of {}", pipeline.id),
            Some(makes) => format!("connector {id} for {} to {makes}", pipeline.signal),
        };
        let processors = pipeline.processors.iter();
        processors.map(move |node| (name(&node.id), &node.identity))
    });
    let exporters = plan.exporters.iter();
    let name = |id: &str, signal| format!("exporter {id} for {signal}");
    let exporters = exporters.map(|node| (name(&node.id, node.signal), &node.identity));
    extensions
        .chain(receivers)
        .chain(processors)
        .chain(exporters)
        .collect()
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (word, names) in [
            ("added", &self.added),
            ("changed", &self.changed),
            ("removed", &self.removed),
        ] {
            if !names.is_empty() {
                write!(f, "{word}: {}; ", names.join(", "))?;
            }
        }
        write!(f, "{} kept as they were", self.kept)
    }
}
