//! What will run: every component's configuration read by its owner, every edge checked, nothing opened.

mod build;
mod changes;
mod context;
mod cut;
mod foreign;
mod heritage;
mod order;
mod reach;
mod sampling;
mod steps;
#[cfg(test)]
mod tests;
mod wants;

use std::sync::Arc;

use config::ComponentId;
use otlp::Signal;

use crate::component::{BuildExporter, BuildExtension, BuildProcessor, BuildReceiver, Sampler};

pub use build::Planner;
pub use changes::Changes;
pub(crate) use cut::Section;
pub use heritage::Identity;
pub(crate) use heritage::{Descent, Heritage, Lineage, Succession};
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

/// A pipeline, or a connector that makes another signal: one processor, which pipelines lead to and which leads to
/// pipelines.
pub(crate) struct PipelineNode {
    /// `traces/name`.
    pub(crate) id: String,
    /// What comes in.
    pub(crate) signal: Signal,
    /// What a connector makes of it; `None` for a pipeline.
    pub(crate) makes: Option<Signal>,
    pub(crate) processors: Vec<ProcessorNode>,
    pub(crate) edges: Vec<EdgeNode>,
}

pub(crate) struct ProcessorNode {
    pub(crate) id: String,
    pub(crate) identity: Identity,
    pub(crate) build: Arc<BuildProcessor>,
    /// Those who decide on the traces that it sees, if it asks.
    pub(crate) samplers: Arc<[Sampler]>,
}

pub(crate) enum EdgeNode {
    Exporter(usize),
    Connector {
        id: String,
        targets: Vec<usize>,
        /// Targets that are the connector itself, which counts what comes in by itself.
        makers: Vec<usize>,
    },
}

/// One for each exporter and signal.
pub(crate) struct ExporterNode {
    pub(crate) id: String,
    pub(crate) signal: Signal,
    pub(crate) identity: Identity,
    pub(crate) build: Arc<BuildExporter>,
}
