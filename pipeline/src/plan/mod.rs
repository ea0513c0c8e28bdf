//! What will run: every component's configuration read by its owner, every edge checked, nothing opened.

mod build;
mod changes;
mod context;
mod foreign;
mod heritage;
mod order;
#[cfg(test)]
mod tests;
mod wants;

use std::sync::Arc;

use config::ComponentId;
use otlp::Signal;

use crate::component::{BuildExporter, BuildExtension, BuildProcessor, BuildReceiver};

pub use build::Planner;
pub use changes::Changes;
pub use heritage::Identity;
pub(crate) use heritage::{Heritage, Lineage, Succession};

/// The nodes and edges of a service. Places in the lists are the references.
#[derive(Default)]
pub struct Plan {
    pub(crate) receivers: Vec<ReceiverNode>,
    /// In topological order: a connector leads to later ones only.
    pub(crate) pipelines: Vec<PipelineNode>,
    pub(crate) exporters: Vec<ExporterNode>,
    /// In the order of `service::extensions`, but each after those that it wants something of.
    pub extensions: Vec<ExtensionNode>,
}

pub struct ExtensionNode {
    pub id: ComponentId,
    /// Nobody asked for it: the service starts without it where it cannot be built.
    pub implied: bool,
    pub identity: Identity,
    pub build: BuildExtension,
}

pub(crate) struct ReceiverNode {
    pub(crate) id: String,
    pub(crate) identity: Identity,
    pub(crate) build: BuildReceiver,
    /// Pipelines by [`Signal::index`].
    pub(crate) feeds: [Vec<usize>; 3],
}

pub(crate) struct PipelineNode {
    /// `traces/name`.
    pub(crate) id: String,
    pub(crate) signal: Signal,
    pub(crate) processors: Vec<ProcessorNode>,
    pub(crate) edges: Vec<EdgeNode>,
}

pub(crate) struct ProcessorNode {
    pub(crate) id: String,
    pub(crate) identity: Identity,
    pub(crate) build: Arc<BuildProcessor>,
}

pub(crate) enum EdgeNode {
    Exporter(usize),
    Connector { id: String, targets: Vec<usize> },
}

/// One for each exporter and signal.
pub(crate) struct ExporterNode {
    pub(crate) id: String,
    pub(crate) signal: Signal,
    pub(crate) identity: Identity,
    pub(crate) build: Arc<BuildExporter>,
}

impl Plan {
    /// Whether a request that enters this pipeline is answered only when an exporter has answered: some exporter on
    /// its way asks for that, and no processor before it holds items on its own account.
    pub(crate) fn waits(&self, pipeline: usize) -> bool {
        let Some(node) = self.pipelines.get(pipeline) else {
            return false;
        };
        if node.holds() {
            return false;
        }
        node.edges.iter().any(|edge| match edge {
            EdgeNode::Exporter(at) => self
                .exporters
                .get(*at)
                .is_some_and(|exporter| exporter.build.delivery.waits()),
            EdgeNode::Connector { targets, .. } => targets.iter().any(|&at| self.waits(at)),
        })
    }
}

impl PipelineNode {
    /// Whether some processor keeps items past the call.
    pub(crate) fn holds(&self) -> bool {
        self.processors
            .iter()
            .any(|processor| processor.build.holds)
    }
}
