//! Connectors: which signals each joins, and where one that makes a signal stands among the pipelines.

use std::sync::Arc;

use config::{ComponentId, Document, Fault, Faults, Pipeline, Reference};
use otlp::Signal;

use super::build::Planner;
use super::{EdgeNode, PipelineNode, ProcessorNode};

/// What is to be a node of the plan.
#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    Pipeline(&'a Pipeline),
    /// A connector that makes the second signal of the first.
    Maker(&'a ComponentId, Signal, Signal),
}

impl Planner {
    /// Whether it is a connector that takes the first signal and gives the second.
    pub(super) fn joins(&self, id: &ComponentId, from: Signal, to: Signal) -> bool {
        let connector = self.connectors.get(id);
        connector.is_some_and(|read| read.joins.contains(&(from, to)))
    }

    /// The pipelines, and behind the last one that leads to it each connector that makes another signal for one of
    /// those that follow.
    pub(super) fn steps<'a>(&self, pipelines: &[&'a Pipeline]) -> Vec<Step<'a>> {
        let mut steps = Vec::new();
        for (at, pipeline) in pipelines.iter().enumerate() {
            steps.push(Step::Pipeline(pipeline));
            let from = pipeline.id.signal;
            let (_, later) = pipelines.split_at(at + 1);
            let mut seen: Vec<&ComponentId> = Vec::new();
            for Reference { id, .. } in &pipeline.exporters {
                let leads_here = |p: &&Pipeline| p.id.signal == from && names(&p.exporters, id);
                let is_maker = self
                    .connectors
                    .get(id)
                    .is_some_and(|read| read.planned.build.maker.is_some());
                if !is_maker || seen.contains(&id) || later.iter().any(leads_here) {
                    continue;
                }
                seen.push(id);
                let made = Signal::ALL
                    .into_iter()
                    .filter(|to| self.joins(id, from, *to));
                let used = made.filter(|to| {
                    later
                        .iter()
                        .any(|p| p.id.signal == *to && names(&p.receivers, id))
                });
                steps.extend(used.map(|to| Step::Maker(id, from, to)));
            }
        }
        steps
    }

    /// A connector ends some pipelines and begins others, of a signal that it gives for theirs.
    pub(super) fn check_connectors(&self, document: &Document, faults: &mut Faults) {
        let pipelines = &document.service.pipelines;
        for pipeline in pipelines {
            let ends = pipeline.exporters.iter().map(|r| (r, true));
            let begins = pipeline.receivers.iter().map(|r| (r, false));
            for (reference, ends) in ends.chain(begins).filter(|(r, _)| self.connects(&r.id)) {
                let id = &reference.id;
                let joined = pipelines.iter().any(|other| {
                    let list = if ends {
                        &other.receivers
                    } else {
                        &other.exporters
                    };
                    let (from, to) = match ends {
                        true => (pipeline.id.signal, other.id.signal),
                        false => (other.id.signal, pipeline.id.signal),
                    };
                    self.joins(id, from, to) && names(list, id)
                });
                if !joined {
                    let (here, there) = if ends {
                        ("exporter", "receiver")
                    } else {
                        ("receiver", "exporter")
                    };
                    let text = format!(
                        "connector \"{id}\" used as {here} in [{}] pipeline but not used in any \
                         supported {there} pipeline",
                        pipeline.id
                    );
                    faults.push(Fault::error(reference.place.clone(), pipeline.path(), text));
                }
            }
        }
    }

    /// Everything has been checked: an id that does not resolve cannot occur.
    pub(super) fn maker(
        &self,
        id: &ComponentId,
        (from, to): (Signal, Signal),
        steps: &[Step<'_>],
    ) -> Option<PipelineNode> {
        let read = self.connectors.get(id)?;
        let processor = ProcessorNode {
            id: id.to_string(),
            identity: self.identity(read),
            build: Arc::clone(read.planned.build.maker.as_ref()?),
            samplers: Arc::default(),
        };
        Some(PipelineNode {
            id: format!("{id} ({from} to {to})"),
            signal: from,
            makes: Some(to),
            processors: vec![processor],
            edges: vec![EdgeNode::Connector {
                id: id.to_string(),
                targets: fed(id, to, steps),
                makers: Vec::new(),
            }],
        })
    }

    /// The edge of a pipeline of this signal to a connector.
    pub(super) fn connector_edge(
        &self,
        id: &ComponentId,
        signal: Signal,
        steps: &[Step<'_>],
    ) -> EdgeNode {
        let makes = |step: &Step<'_>| match step {
            Step::Maker(other, takes, _) => *other == id && *takes == signal,
            Step::Pipeline(_) => false,
        };
        let places = steps.iter().enumerate();
        let makers = places.filter(|(_, step)| makes(step)).map(|(at, _)| at);
        let makers: Vec<_> = makers.collect();
        let targets = match makers.is_empty() {
            true => fed(id, signal, steps),
            false => Vec::new(),
        };
        EdgeNode::Connector {
            id: id.to_string(),
            targets,
            makers,
        }
    }
}

/// The places of the pipelines of this signal that name the id as a receiver.
pub(super) fn fed(id: &ComponentId, signal: Signal, steps: &[Step<'_>]) -> Vec<usize> {
    let fed = steps.iter().enumerate().filter(|(_, step)| match step {
        Step::Pipeline(pipeline) => pipeline.id.signal == signal && names(&pipeline.receivers, id),
        Step::Maker(..) => false,
    });
    fed.map(|(at, _)| at).collect()
}

fn names(list: &[Reference], id: &ComponentId) -> bool {
    list.iter().any(|reference| reference.id == *id)
}
