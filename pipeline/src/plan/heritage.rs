//! What a new plan takes over from the one that runs.

use config::Node;

use super::build::{Planner, Read};
use super::{PipelineNode, Plan, ProcessorNode};

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
    /// The pipeline of the same id, whose chains go on.
    pub(crate) at: Option<usize>,
    /// Its lane goes on, too.
    pub(crate) lane_goes_on: bool,
    /// One for each processor on the workers, with places in the same part of the old chain.
    pub(crate) on_workers: Vec<Succession>,
    /// The same for those on the lane.
    pub(crate) on_lane: Vec<Succession>,
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
        let pipelines = new.pipelines.iter().map(|node| lineage(old, node));
        Self {
            exporters: exporters.collect(),
            receivers: receivers.collect(),
            pipelines: pipelines.collect(),
        }
    }
}

/// Items that are in a chain must not pass a processor twice, or never. So where one has moved between the workers and
/// the lane the pipeline begins anew, and what runs empties itself by its own ways.
fn lineage(old: &Plan, node: &PipelineNode) -> Lineage {
    let found = old.pipelines.iter().position(|o| o.id == node.id);
    let at = found.filter(|&at| {
        let old = &old.pipelines[at];
        let apart = |these: &[ProcessorNode], those| common(these, those).is_empty();
        apart(old.on_workers(), node.on_lane()) && apart(old.on_lane(), node.on_workers())
    });
    let before = at.map(|at| &old.pipelines[at]);
    let on_workers = before.map(PipelineNode::on_workers).unwrap_or_default();
    let on_lane = before.map(PipelineNode::on_lane).unwrap_or_default();
    Lineage {
        at,
        lane_goes_on: !on_lane.is_empty() && node.has_lane(),
        on_workers: successions(on_workers, node.on_workers()),
        on_lane: successions(on_lane, node.on_lane()),
    }
}

/// A processor may hold items that have passed those before it and not those behind it. It goes on only where the
/// processors that are in both chains stand in the same order.
fn successions(before: &[ProcessorNode], new: &[ProcessorNode]) -> Vec<Succession> {
    let in_order = common(before, new) == common(new, before);
    let succession = |node: &ProcessorNode| match before.iter().position(|o| o.id == node.id) {
        Some(_) if !in_order => Succession::Nobody,
        Some(at) if before[at].identity == node.identity => Succession::Same(at),
        Some(at) => Succession::Successor(at),
        None => Succession::Nobody,
    };
    new.iter().map(succession).collect()
}

/// The ids of these processors that are among those, too.
fn common<'a>(these: &'a [ProcessorNode], those: &[ProcessorNode]) -> Vec<&'a str> {
    let ids = these.iter().map(|node| node.id.as_str());
    ids.filter(|id| those.iter().any(|other| other.id == *id))
        .collect()
}

#[cfg(test)]
impl Identity {
    /// One that equals another of the same number.
    pub(crate) fn numbered(number: usize) -> Self {
        Self {
            written: None,
            wants: vec![Self::default(); number],
        }
    }
}
