//! The contracts that a component fulfils, one file each, and the facts that every kind of component states.

mod ask;
mod exporter;
mod extension;
mod factory;
mod label;
mod outline;
mod processor;
mod receiver;
mod reload;
mod verdicts;

use std::sync::Arc;

use config::ComponentId;
use ledger::Budget;
use otlp::Signal;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::batch::ContextKey;
use crate::clock::Clock;

pub(crate) use ask::Question;
pub use ask::{Answer, Query, Questions, Unanswered};
pub use exporter::{Exporter, Failure, LocalFuture, Partly, Receipt};
pub use extension::{Extension, Extensions, Health, Offer, Vitals};
pub use factory::{
    Build, BuildConnector, BuildExporter, BuildExtension, BuildProcessor, BuildReceiver,
    ConnectorComponent, ConnectorFactory, ExporterComponent, ExporterFactory, ExtensionComponent,
    ExtensionFactory, Factory, Foreign, Holds, Labels, MakeProcessor, Planned, ProcessorComponent,
    ProcessorFactory, ReceiverComponent, ReceiverFactory, Registry, Wanted,
};
pub use label::Label;
pub use outline::{Outline, PipelineOutline};
pub use processor::{Flush, Outbox, Place, Processor, State};
pub use receiver::{Listening, Receiver, Seat};
pub use reload::{Asked, Reload, Reloaded, Reloads};
pub(crate) use verdicts::Sampler;
pub use verdicts::{ASKED_MAX, AskedTraces, Asking, Sampling, Told, Verdict, Verdicts};

/// What every component states about itself. A component is one implementor and one row in its crate's table.
pub trait Component: Sized + 'static {
    /// The type in the YAML.
    const NAME: &'static str;
    /// Older types that mean the same; using one is a warning.
    const ALIASES: &'static [&'static str] = &[];
    /// The plan refuses the others.
    const SIGNALS: &'static [Signal];
    const STABILITY: Stability;
    /// A complete and valid configuration body, in YAML. The reference shows it and the contract suite runs it.
    const EXAMPLE: &'static str;
    /// The reference text in Markdown: what it does, its keys with defaults, its limits, its metrics, and where it
    /// differs from the Collector.
    const REFERENCE: &'static str;
    /// Keys of the configuration that the Collector does not have, as paths without indices:
    /// `protocols::grpc::key`.
    const OWN_KEYS: &'static [&'static str] = &[];
    /// Unknown keys are faults; quantities are types with units; choices are enums.
    type Config: DeserializeOwned + Serialize + config::Validate + Clone + Send + Sync + 'static;

    /// Whether what is known of a sender goes on with its items. Receivers say whether they take note of it.
    fn keeps(_config: &Self::Config, _key: &ContextKey) -> bool {
        true
    }
}

/// How far the Collector's users may rely on a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stability {
    Development,
    Alpha,
    Beta,
    Stable,
}

impl Stability {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Alpha => "alpha",
            Self::Beta => "beta",
            Self::Stable => "stable",
        }
    }
}

/// What a component may ask of the service while it is built.
#[derive(Clone)]
pub struct Host {
    pub budget: Arc<Budget>,
    pub metrics: telemetry::metrics::Metrics,
    /// Time for what lives at the rim; processors are given theirs.
    pub clock: Clock,
    /// Who it is: for its logs and labels.
    pub label: Label,
    pub extensions: Extensions,
    /// What tells this process from others and stays when it starts again: its configured `service.instance.id`, else
    /// the name of the machine.
    pub instance: Arc<str>,
    /// Who decides on the traces that it sees before that, if somebody does and it asks.
    pub verdicts: Option<Verdicts>,
}

impl Host {
    /// What the extension of this id offers under the type `T`. The plan has checked that it does, so `None` is an
    /// extension that does not do what its row says.
    ///
    /// The type is what both sides agree on and this crate need not know, such as `Arc<dyn ServerAuth>`.
    pub fn get<T: Clone + 'static>(&self, id: &ComponentId) -> Option<T> {
        self.extensions.get(id)
    }
}
