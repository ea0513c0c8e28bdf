//! What a new plan takes over from the one that runs.

use config::Node;

use super::build::{Planner, Read};
use super::{PipelineNode, Plan};

/// What a component was built from. Two instances with equal identities do the same, so a reload keeps the one that
/// runs. It holds secrets as they were written, and is for comparing alone.
#[derive(Clone, Default, PartialEq)]
pub struct Identity {
    written: Option<Node>,
    /// The extensions that it names, which it holds on to.
    wants: Vec<Self>,
}

/// For each node of the new plan the place of its predecessor in the old.
pub(crate) struct Heritage {
    /// Exporters whose instance goes on.
    pub(crate) exporters: Vec<Option<usize>>,
    pub(crate) receivers: Vec<Option<Predecessor>>,
    pub(crate) pipelines: Vec<Lineage>,
}

/// A receiver of the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Predecessor {
    pub(crate) at: usize,
    /// Its instance goes on.
    pub(crate) goes_on: bool,
}

/// What one pipeline takes over.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Lineage {
    /// The pipeline of the same id.
    pub(crate) at: Option<usize>,
    /// One for each processor.
    pub(crate) processors: Vec<Succession>,
}

/// Who stood in the place of a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Succession {
    /// It itself: the instance at this place goes on.
    Same(usize),
    /// One of the same id with another configuration, whose state it may adopt.
    Successor(usize),
    Nobody,
}

// === impl Identity ===

impl Planner {
    /// The extensions that a component names have been checked to be in no cycle.
    pub(super) fn identity<B>(&self, read: &Read<B>) -> Identity {
        let named = read.planned.wants.iter();
        let named = named.filter_map(|wanted| self.extensions.get(&wanted.want.id));
        Identity {
            written: Some(read.written.clone()),
            wants: named.map(|extension| self.identity(extension)).collect(),
        }
    }
}

// === impl Heritage ===

impl Heritage {
    pub(crate) fn between(old: &Plan, new: &Plan) -> Self {
        let exporters = new.exporters.iter().map(|node| {
            let same = |o: &super::ExporterNode| o.id == node.id && o.signal == node.signal;
            let at = old.exporters.iter().position(same)?;
            (old.exporters[at].identity == node.identity).then_some(at)
        });
        let receivers = new.receivers.iter().map(|node| {
            let at = old.receivers.iter().position(|o| o.id == node.id)?;
            let goes_on = old.receivers[at].identity == node.identity;
            Some(Predecessor { at, goes_on })
        });
        let pipelines = new.pipelines.iter().map(|node| {
            let at = old.pipelines.iter().position(|o| o.id == node.id);
            let before = at.map(|at| &old.pipelines[at]);
            Lineage {
                at,
                processors: successions(before, node),
            }
        });
        Self {
            exporters: exporters.collect(),
            receivers: receivers.collect(),
            pipelines: pipelines.collect(),
        }
    }
}

/// A processor may hold items that have passed those before it and not those behind it. It goes on only where the
/// processors that are in both chains stand in the same order: else such items would pass one twice or never.
fn successions(old: Option<&PipelineNode>, new: &PipelineNode) -> Vec<Succession> {
    let before = old
        .map(|node| node.processors.as_slice())
        .unwrap_or_default();
    let common = |these: &[super::ProcessorNode], those: &[super::ProcessorNode]| -> Vec<String> {
        let ids = these.iter().map(|p| &p.id);
        let shared = ids.filter(|id| those.iter().any(|other| other.id == **id));
        shared.cloned().collect()
    };
    let in_order = common(before, &new.processors) == common(&new.processors, before);
    let succession = |node: &super::ProcessorNode| match before.iter().position(|o| o.id == node.id)
    {
        Some(_) if !in_order => Succession::Nobody,
        Some(at) if before[at].identity == node.identity => Succession::Same(at),
        Some(at) => Succession::Successor(at),
        None => Succession::Nobody,
    };
    new.processors.iter().map(succession).collect()
}
