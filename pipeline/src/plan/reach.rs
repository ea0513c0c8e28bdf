//! Which exporters the requests of a receiver reach, and what follows from it: who waits for whom, who may stop whom,
//! and which promise cannot be kept.

use std::collections::BTreeSet;

use config::blocks::Ack;
use config::{Fault, Faults, Pipeline};

use super::{EdgeNode, PipelineNode, Plan, ProcessorNode, ReceiverNode};
use crate::component::Holds;

impl Plan {
    /// Whether a request that enters this pipeline is answered only when an exporter has answered: some exporter on
    /// its way asks for that, and no processor before it holds items on its own account.
    pub(crate) fn waits(&self, pipeline: usize) -> bool {
        let Some(node) = self.pipelines.get(pipeline) else {
            return false;
        };
        if node.holds() || node.makes.is_some() {
            return false;
        }
        node.edges.iter().any(|edge| match edge {
            EdgeNode::Exporter(at) => self
                .exporters
                .get(*at)
                .is_some_and(|exporter| exporter.build.delivery.waits()),
            // A connector that makes another signal has taken what came in.
            EdgeNode::Connector { targets, .. } => targets.iter().any(|&at| self.waits(at)),
        })
    }

    /// Whether an exporter is the only one that any request reaches which comes through this pipeline. It may stop its
    /// upstream, since no other waits for the same requests: neither behind this pipeline nor behind another one that
    /// the same receiver feeds. A connector that makes another signal is a sender of its own, which waits with what it
    /// makes while it goes on taking.
    pub(crate) fn is_lone(&self, exporter: usize, pipeline: usize) -> bool {
        let feeds = self.receivers.iter().flat_map(|node| &node.feeds);
        let makers = self.pipelines.iter().filter(|node| node.makes.is_some());
        let made = makers
            .flat_map(|node| &node.edges)
            .filter_map(EdgeNode::targets);
        feeds
            .chain(made)
            .map(|feed| self.reached(feed))
            .filter(|reached| reached.contains(&pipeline))
            .flatten()
            .filter_map(|at| self.pipelines.get(at))
            .flat_map(|node| &node.edges)
            .all(|edge| match edge {
                EdgeNode::Exporter(other) => *other == exporter,
                // What is behind it has been reached too.
                EdgeNode::Connector { .. } => true,
            })
    }

    /// Whether the sender of something that comes through this pipeline was promised to be told of its delivery, and
    /// waits here.
    pub(crate) fn has_promised(&self, pipeline: usize) -> bool {
        if self
            .pipelines
            .get(pipeline)
            .is_some_and(|node| node.makes.is_some())
        {
            return false;
        }
        let promising = self.receivers.iter().filter(|node| node.promises());
        let mut feeds = promising.flat_map(|node| &node.feeds);
        feeds.any(|feed| self.reached(feed).contains(&pipeline))
    }

    /// These pipelines and all behind their connectors, up to those that make another signal.
    pub(super) fn reached(&self, pipelines: &[usize]) -> BTreeSet<usize> {
        self.reached_through(pipelines, |_| true)
    }

    /// The same, without what is reached only through pipelines that do not let it pass.
    pub(super) fn reached_through(
        &self,
        pipelines: &[usize],
        lets_pass: impl Fn(&PipelineNode) -> bool,
    ) -> BTreeSet<usize> {
        let mut reached: BTreeSet<_> = pipelines.iter().copied().collect();
        // Connectors lead to later pipelines only.
        for (at, node) in self.pipelines.iter().enumerate() {
            if reached.contains(&at) && node.makes.is_none() && lets_pass(node) {
                reached.extend(node.behind());
            }
        }
        reached
    }

    /// Names every processor that loses track of requests whose receiver promises their delivery. `written` are the
    /// pipelines as they stand in the file.
    pub(super) fn check_promises(&self, written: &[&Pipeline], faults: &mut Faults) {
        for receiver in self.receivers.iter().filter(|node| node.promises()) {
            let reached: BTreeSet<_> = receiver
                .feeds
                .iter()
                .flat_map(|feed| self.reached(feed))
                .collect();
            for (at, node) in self.pipelines.iter().enumerate() {
                let mut written = written.iter().filter(|p| p.id.to_string() == node.id);
                let Some(pipeline) = written.next().filter(|_| reached.contains(&at)) else {
                    continue;
                };
                for (processor, reference) in node.processors.iter().zip(&pipeline.processors) {
                    if processor.build.holds == Holds::Items {
                        let text = format!(
                            "receiver \"{}\" has `ack: delivered`, and processor \"{}\" keeps items \
                             apart from the requests that they came in",
                            receiver.id, processor.id
                        );
                        let fault = Fault::error(reference.place.clone(), pipeline.path(), text);
                        faults.push(fault.with_help(
                            "use `ack: accepted`, or feed this pipeline from another receiver",
                        ));
                    }
                }
            }
        }
    }
}

impl EdgeNode {
    /// The pipelines behind a connector.
    fn targets(&self) -> Option<&Vec<usize>> {
        match self {
            Self::Connector { targets, .. } => Some(targets),
            Self::Exporter(_) => None,
        }
    }
}

impl ReceiverNode {
    pub(crate) fn promises(&self) -> bool {
        self.build.ack != Ack::Accepted
    }
}

impl PipelineNode {
    /// Whether some processor keeps something past the call.
    pub(crate) fn holds(&self) -> bool {
        holds(&self.processors)
    }
}

/// Whether one of these keeps something past the call.
pub(crate) fn holds(processors: &[ProcessorNode]) -> bool {
    let mut holds = processors.iter().map(|node| node.build.holds);
    holds.any(|holds| holds != Holds::Nothing)
}
