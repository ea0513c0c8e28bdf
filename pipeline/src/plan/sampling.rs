//! Who decides on the traces that a component sees before that: samplers behind the same receivers.
//!
//! ```text
//! receiver ─┬▶ connector that asks
//!           └▶ sampler ─▶ sampler ─▶ exporter
//!                         the last one's word counts; the one before it says how long to wait
//! ```

use std::collections::BTreeSet;

use config::{Document, Fault, Faults};

use super::{EdgeNode, PipelineNode, Plan, ProcessorNode};
use crate::component::{Sampler, Sampling};

/// What a component that asks finds.
#[derive(Default)]
struct Found {
    samplers: Vec<Sampler>,
    /// Receivers whose traces nobody decides on.
    undecided: Vec<String>,
}

impl Plan {
    /// Names to each component that asks those who can answer, and says where there are none.
    pub(super) fn find_samplers(&mut self, document: &Document, faults: &mut Faults) {
        for at in 0..self.pipelines.len() {
            let asks = |node: &PipelineNode| {
                let asking = node.processors.first().filter(|_| node.makes.is_some())?;
                Some((asking.id.clone(), asking.build.sampling))
            };
            let Some((id, sampling)) = self.pipelines.get(at).and_then(asks) else {
                continue;
            };
            if !matches!(sampling, Sampling::Asks | Sampling::Insists { .. }) {
                continue;
            }
            let found = self.found(at);
            tell((&id, sampling), &found, document, faults);
            let asking = self.pipelines.get_mut(at);
            if let Some(asking) = asking.and_then(|node| node.processors.first_mut()) {
                asking.samplers = found.samplers.into();
                let identity = std::mem::take(&mut asking.identity);
                asking.identity = identity.with_samplers(&asking.samplers);
            }
        }
    }

    fn found(&self, asking: usize) -> Found {
        let mut found = Found::default();
        for receiver in &self.receivers {
            let feeds = || receiver.feeds.iter();
            // What has passed a sampler has been kept, and there is nothing to ask.
            if !feeds().any(|feed| self.undecided(feed).contains(&asking)) {
                continue;
            }
            let reached: BTreeSet<_> = feeds().flat_map(|feed| self.reached(feed)).collect();
            let samplers: Vec<_> = reached.iter().flat_map(|at| self.samplers(*at)).collect();
            if !samplers.iter().any(|sampler| sampler.is_last) {
                found.undecided.push(receiver.id.clone());
            }
            found.samplers.extend(samplers);
        }
        // Whoever finds the same asks the same, in whatever order pipelines stand.
        found.samplers.sort_unstable();
        found.samplers.dedup();
        if !found.samplers.iter().any(|sampler| sampler.is_last) {
            found.samplers.clear();
        }
        found
    }

    /// These pipelines and those behind their connectors that are reached without passing a sampler.
    fn undecided(&self, pipelines: &[usize]) -> BTreeSet<usize> {
        self.reached_through(pipelines, |node| !node.decides())
    }

    /// The samplers of a pipeline, in order.
    fn samplers(&self, at: usize) -> Vec<Sampler> {
        let Some(node) = self.pipelines.get(at) else {
            return Vec::new();
        };
        let ids = node.processors.iter().filter(|p| decides(p));
        let sampler = |processor: &ProcessorNode| Sampler {
            pipeline: node.id.clone(),
            id: processor.id.clone(),
            is_last: false,
        };
        let mut samplers: Vec<_> = ids.map(sampler).collect();
        if let Some(last) = samplers.last_mut() {
            last.is_last = self.is_exported(node);
        }
        samplers
    }

    /// Whether what leaves a pipeline reaches an exporter without passing a sampler.
    fn is_exported(&self, node: &PipelineNode) -> bool {
        node.edges.iter().any(|edge| match edge {
            EdgeNode::Exporter(_) => true,
            EdgeNode::Connector { targets, .. } => {
                let mut targets = targets.iter().filter_map(|at| self.pipelines.get(*at));
                targets.any(|node| !node.decides() && self.is_exported(node))
            }
        })
    }
}

impl PipelineNode {
    fn decides(&self) -> bool {
        self.processors.iter().any(decides)
    }

    /// The pipelines behind its connectors, and the connectors that make another signal.
    pub(super) fn behind(&self) -> impl Iterator<Item = usize> {
        let behind = self.edges.iter().flat_map(|edge| match edge {
            EdgeNode::Connector {
                targets, makers, ..
            } => [targets.as_slice(), makers],
            EdgeNode::Exporter(_) => [[].as_slice(), &[]],
        });
        behind.flatten().copied()
    }
}

fn decides(processor: &ProcessorNode) -> bool {
    processor.build.sampling == Sampling::Decides
}

fn tell((id, sampling): (&str, Sampling), found: &Found, document: &Document, faults: &mut Faults) {
    let mut connectors = document.connectors.iter();
    let written = connectors.find(|component| component.id.to_string() == id);
    let Some(written) = written.filter(|_| !found.undecided.is_empty()) else {
        return;
    };
    let receivers = found.undecided.join("`, `");
    match (sampling, found.samplers.is_empty()) {
        (Sampling::Insists { key, help }, true) => {
            let text = format!(
                "nothing decides which traces of receiver `{receivers}` are kept, so none of them would ever be \
                 known to be"
            );
            let path = format!("{}::{key}", written.path());
            let fault = Fault::error(written.locate(key), path, text);
            faults.push(fault.with_help(help));
        }
        (_, false) => {
            let text = format!(
                "it asks what samplers keep, and none decides on the traces of receiver `{receivers}`, which \
                 therefore never become exemplars"
            );
            let fault = Fault::warning(written.place.clone(), written.path(), text);
            let help = "have the same samplers see them, or a connector of its own";
            faults.push(fault.with_help(help));
        }
        (_, true) => {}
    }
}
