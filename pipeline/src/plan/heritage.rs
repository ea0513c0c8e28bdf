//! What a new plan takes over from the one that runs.

use std::sync::Arc;

use config::Node;

use super::build::{Planner, Read};
use super::cut::Section;
use super::{PipelineNode, Plan, ProcessorNode};
use crate::component::Sampler;

/// What a component was built from. Two instances with equal identities do the same, so a reload keeps the one that
/// runs. It holds secrets as they were written, and is for comparing alone.
#[derive(Clone, Default, PartialEq)]
pub struct Identity {
    written: Option<Node>,
    /// The extensions that it names, which it holds on to.
    wants: Vec<Self>,
    /// Those whom it asks what became of traces.
    samplers: Arc<[Sampler]>,
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
    /// All of its lanes go on, too.
    pub(crate) lanes_go_on: bool,
    /// One for each processor on the workers, with places in the same part of the old chain.
    pub(crate) on_workers: Vec<Succession>,
    /// By section.
    pub(crate) sections: Vec<Descent>,
}

/// What one section of a pipeline takes over.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Descent {
    /// One for each processor, with places in the same section of the old pipeline, where lanes go on.
    pub(crate) successions: Vec<Succession>,
    /// The pipeline and the section whose sharded processor hands over to the one here, where the lanes are new.
    pub(crate) heir_of: Option<(usize, usize)>,
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
            samplers: Arc::default(),
        }
    }
}

impl Identity {
    pub(super) fn with_samplers(self, samplers: &Arc<[Sampler]>) -> Self {
        let samplers = Arc::clone(samplers);
        Self { samplers, ..self }
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
/// the lanes the pipeline begins anew, and where one has moved between lanes, or their number has changed, the lanes
/// do; what runs empties itself by its own ways. What waits in a sharded processor need not leave it: it goes to the
/// new lanes, and what is still on the way to the old ones follows.
fn lineage(old: &Plan, node: &PipelineNode) -> Lineage {
    let found = old.pipelines.iter().position(|o| o.id == node.id);
    let before = found.and_then(|at| old.pipelines.get(at));
    let old_sections = before.map(PipelineNode::sections).unwrap_or_default();
    let sections = node.sections();
    let stays = before.is_some_and(|old| {
        let strays = |these: &[ProcessorNode], those: &[Section<'_>]| {
            those
                .iter()
                .any(|section| !common(these, section.processors).is_empty())
        };
        !strays(old.on_workers(), &sections) && !strays(node.on_workers(), &old_sections)
    });
    let lanes_go_on = stays && !sections.is_empty() && same_lanes(&old_sections, &sections);
    let descent = |(at, section): (usize, &Section<'_>)| {
        let same = old_sections.get(at).filter(|_| lanes_go_on);
        let same = same.map(|old| old.processors).unwrap_or_default();
        let inherits = before.filter(|_| !lanes_go_on);
        let inherits = inherits.and_then(|old| predecessor(old, &old_sections, node, section));
        Descent {
            successions: successions(same, section.processors),
            heir_of: found.zip(inherits),
        }
    };
    let on_workers = before.filter(|_| stays).map(PipelineNode::on_workers);
    Lineage {
        at: found.filter(|_| stays),
        lanes_go_on,
        on_workers: successions(on_workers.unwrap_or_default(), node.on_workers()),
        sections: sections.iter().enumerate().map(descent).collect(),
    }
}

/// Whether the lanes of one pipeline would do for the other.
fn same_lanes(old: &[Section<'_>], new: &[Section<'_>]) -> bool {
    let apart = |(at, section): (usize, &Section<'_>)| {
        let mut others = new.iter().enumerate().filter(|(other, _)| *other != at);
        others.all(|(_, other)| common(section.processors, other.processors).is_empty())
    };
    let lanes = |sections: &[Section<'_>]| sections.iter().map(|s| s.lanes).collect::<Vec<_>>();
    lanes(old) == lanes(new) && old.iter().enumerate().all(apart)
}

/// The section of the old pipeline whose sharded processor has the same id as that of the new section. What it holds
/// has passed the processors before it and not those behind it, so none may have changed sides.
fn predecessor(
    old: &PipelineNode,
    old_sections: &[Section<'_>],
    new: &PipelineNode,
    section: &Section<'_>,
) -> Option<usize> {
    let id = &section.sharded()?.id;
    let is_it = |section: &Section<'_>| section.sharded().is_some_and(|node| node.id == *id);
    let at = old_sections.iter().position(is_it)?;
    let ([before, behind], [new_before, new_behind]) = (sides(old, id), sides(new, id));
    let stays = common(before, new_behind).is_empty() && common(behind, new_before).is_empty();
    stays.then_some(at)
}

/// The processors before and behind one of them.
fn sides<'a>(node: &'a PipelineNode, id: &str) -> [&'a [ProcessorNode]; 2] {
    let all = node.processors.as_slice();
    let at = all.iter().position(|node| node.id == id);
    let (before, rest) = all.split_at(at.unwrap_or(all.len()));
    [
        before,
        rest.split_first().map_or(rest, |(_, behind)| behind),
    ]
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
            ..Self::default()
        }
    }
}
