//! What will run: every component's configuration read by its owner, every edge checked, nothing opened.

mod build;
mod changes;
mod context;
mod cut;
mod foreign;
mod heritage;
mod order;
mod reach;
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
pub(crate) use reach::holds;

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
