//! Where a pipeline's chain is cut: processors before the first of which there may be only one run on every worker, and
//! from there on the rest of the chain lives once, on a lane.

use ledger::{Kind, NodeKey};

use super::{PipelineNode, ProcessorNode};
use crate::component::Place;

impl PipelineNode {
    /// The processors of which every worker has its own.
    pub(crate) fn on_workers(&self) -> &[ProcessorNode] {
        self.cut().0
    }

    /// Those of which there is one; with them stands the fan-out.
    pub(crate) fn on_lane(&self) -> &[ProcessorNode] {
        self.cut().1
    }

    pub(crate) fn has_lane(&self) -> bool {
        !self.on_lane().is_empty()
    }

    /// The name of a processor of this pipeline in the books, wherever it runs.
    pub(crate) fn account_of(&self, processor: &ProcessorNode) -> NodeKey {
        let pipeline = match self.makes {
            None => self.id.clone(),
            Some(_) => String::new(),
        };
        NodeKey {
            kind: self.kind(),
            id: processor.id.clone(),
            pipeline,
            transport: "",
            signal: self.signal,
        }
    }

    /// What its processors are.
    pub(crate) const fn kind(&self) -> Kind {
        match self.makes {
            None => Kind::Processor,
            Some(_) => Kind::Connector,
        }
    }

    fn cut(&self) -> (&[ProcessorNode], &[ProcessorNode]) {
        let owner = |node: &ProcessorNode| node.build.place == Place::Owner;
        let all = self.processors.as_slice();
        all.split_at(all.iter().position(owner).unwrap_or(all.len()))
    }
}
