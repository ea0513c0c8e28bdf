//! Rows of the component tables: a type's facts, and how its configuration becomes an instance.
//!
//! A crate of components has one table for each kind, `&[Factory::…::<Batch>(), …]`. Help, reference, checks of the
//! configuration, metric labels and the contract suite all walk these tables.

use std::sync::Arc;

use config::blocks::Ack;
use config::{Capability, Component as Written, Faults, Kind, Validate, Want};
use otlp::Signal;

use super::exporter::Exporter;
use super::extension::Extension;
use super::processor::{Place, Processor};
use super::receiver::Receiver;
use super::verdicts::Sampling;
use super::{Component, Host, Stability};
use crate::batch::ContextKey;
use crate::delivery::Settings;

/// One row: `B` is what a checked configuration turns into.
pub struct Factory<B> {
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    pub signals: &'static [Signal],
    /// Of connectors: each signal that one may take, with the one that it gives for it.
    pub joins: &'static [(Signal, Signal)],
    pub stability: Stability,
    pub example: &'static str,
    pub reference: &'static str,
    pub own_keys: &'static [&'static str],
    /// Reads and checks the configuration of one component of this type.
    pub plan: fn(&Written, &mut Faults) -> Option<Planned<B>>,
}

/// A checked configuration.
pub struct Planned<B> {
    pub build: B,
    /// The effective configuration with defaults, secrets redacted.
    pub effective: serde_json::Value,
    /// The extensions that it names.
    pub wants: Vec<Wanted>,
    /// Whether what is known of a sender goes on with its items.
    pub keeps: Arc<dyn Fn(&ContextKey) -> bool + Send + Sync>,
}

/// An extension that a component names.
#[derive(Clone)]
pub struct Wanted {
    pub want: Want,
    /// Where the id stands.
    pub place: config::Place,
}

/// Makes an instance for a host; the error says what a person must mend.
pub type Build<T> = Arc<dyn Fn(&Host) -> Result<T, String> + Send + Sync>;

/// Makes one instance, called once at every place where one lives.
pub struct BuildProcessor {
    pub make: Build<Box<dyn Processor>>,
    pub holds: Holds,
    pub place: Place,
    /// How many there are of one that lives on shards.
    pub shards: usize,
    pub sampling: Sampling,
}

/// What a processor keeps past the call. Whoever sent it is answered before its fate is known, unless his receiver has
/// promised more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    Nothing,
    /// Requests, each with the share of its sender, who can be told what became of it.
    Requests,
    /// Items, of which nobody can tell any more in which request they came.
    Items,
}

/// Binds the receiver's sockets.
pub struct BuildReceiver {
    pub make: Build<Box<dyn Receiver>>,
    pub ack: Ack,
}

/// Makes the one instance of a signal, on its worker.
pub struct BuildExporter {
    pub make: Build<Box<dyn Exporter>>,
    pub delivery: Settings,
    /// By [`Signal::index`].
    pub labels: [Labels; 3],
}

/// Names and values that a component adds to the series that count what it has sent.
pub type Labels = Vec<(&'static str, String)>;

/// Makes what runs beside the pipelines.
pub struct BuildExtension {
    pub make: Build<Box<dyn Extension>>,
    /// What it will offer, so that the plan can check those who want something of it.
    pub offers: Vec<Capability>,
    /// What must be known of a sender for that.
    pub needs: Vec<ContextKey>,
}

/// A connector that passes a signal on as it is needs no instance: the plan makes an edge of it. One that makes another
/// signal has one for each pair that is used.
pub struct BuildConnector {
    pub maker: Option<Arc<BuildProcessor>>,
}

pub type ReceiverFactory = Factory<BuildReceiver>;
pub type ProcessorFactory = Factory<BuildProcessor>;
pub type ExporterFactory = Factory<BuildExporter>;
pub type ConnectorFactory = Factory<BuildConnector>;
pub type ExtensionFactory = Factory<BuildExtension>;

/// Everything that this build knows, for the plan.
#[derive(Clone, Copy)]
pub struct Registry {
    pub receivers: &'static [ReceiverFactory],
    pub processors: &'static [ProcessorFactory],
    pub exporters: &'static [ExporterFactory],
    pub connectors: &'static [ConnectorFactory],
    /// Several crates have some.
    pub extensions: &'static [&'static [ExtensionFactory]],
    /// Asked about types that no table has.
    pub foreign: fn(Kind, &str) -> Option<Foreign>,
}

/// What to tell people about a type of the Collector that this build does not have.
#[derive(Clone, Copy, Debug)]
pub struct Foreign {
    /// What to write or do instead.
    pub instead: &'static str,
    /// What there is no more without it.
    pub lost: &'static str,
}

impl Registry {
    /// The types and aliases of a kind.
    pub fn names(&self, kind: Kind) -> Vec<&'static str> {
        fn names<B>(table: &[Factory<B>]) -> Vec<&'static str> {
            let rows = table.iter();
            rows.flat_map(|row| row.aliases.iter().copied().chain([row.name]))
                .collect()
        }
        match kind {
            Kind::Receiver => names(self.receivers),
            Kind::Processor => names(self.processors),
            Kind::Exporter => names(self.exporters),
            Kind::Connector => names(self.connectors),
            Kind::Extension => self
                .extensions
                .iter()
                .flat_map(|table| names(table))
                .collect(),
        }
    }

    /// Whether a type or alias is one of this kind.
    pub fn has(&self, kind: Kind, name: &str) -> bool {
        self.names(kind).contains(&name)
    }

    /// The section of the file in which a type or alias stands; the first one if there are several.
    pub(crate) fn section_of(&self, name: &str) -> Option<&'static str> {
        let found = Kind::ALL.into_iter().find(|kind| self.has(*kind, name));
        found.map(Kind::section)
    }
}

impl<B> Factory<B> {
    const fn row<C: Component>(plan: fn(&Written, &mut Faults) -> Option<Planned<B>>) -> Self {
        Self {
            name: C::NAME,
            aliases: C::ALIASES,
            signals: C::SIGNALS,
            joins: &[],
            stability: C::STABILITY,
            example: C::EXAMPLE,
            reference: C::REFERENCE,
            own_keys: C::OWN_KEYS,
            plan,
        }
    }

    /// Whether the YAML type names this row.
    pub fn is_called(&self, kind: &str) -> bool {
        self.name == kind || self.aliases.contains(&kind)
    }
}

// === one kind each ===

/// A processor's row: its configuration makes an instance for every place where one lives.
pub trait ProcessorComponent: Component {
    const HOLDS: Holds = Holds::Nothing;
    const PLACE: Place = Place::Worker;
    const SAMPLING: Sampling = Sampling::None;

    /// How many shards it lives on, if it does.
    fn shards(_config: &Self::Config) -> usize {
        1
    }

    fn build(config: &Self::Config, host: &Host) -> Result<Box<dyn Processor>, String>;
}

/// A connector ends pipelines as an exporter does, and begins others as a receiver does.
pub trait ConnectorComponent: Component {
    /// Each signal that it takes, with the one that it gives for it.
    const JOINS: &'static [(Signal, Signal)];
    /// Makes what makes the other signal: what it takes ends in it, and nobody waits for what it makes.
    /// `host.label.signal` is what it takes. `None`: it gives what it takes, and the plan makes an edge of it.
    const MAKE: Option<MakeProcessor<Self::Config>>;
    const PLACE: Place = Place::Owner;

    /// Whether it asks what became of the traces that it sees.
    fn sampling(_config: &Self::Config) -> Sampling {
        Sampling::None
    }
}

/// Makes an instance of a configuration for a host.
pub type MakeProcessor<C> = fn(&C, &Host) -> Result<Box<dyn Processor>, String>;

pub trait ReceiverComponent: Component {
    /// What its answers promise.
    fn ack(_config: &Self::Config) -> Ack {
        Ack::Accepted
    }

    /// Binds its sockets; `host.label` has no signal, since one receiver serves all.
    fn build(config: &Self::Config, host: &Host) -> Result<Box<dyn Receiver>, String>;
}

pub trait ExporterComponent: Component {
    /// Queue, retry and timeout as configured.
    fn delivery(config: &Self::Config) -> Settings;

    /// Where a signal goes, for the series that count it.
    fn labels(_config: &Self::Config, _signal: Signal) -> Labels {
        Labels::new()
    }

    /// Called on the exporter's worker, inside its runtime.
    fn build(config: &Self::Config, host: &Host) -> Result<Box<dyn Exporter>, String>;
}

pub trait ExtensionComponent: Component {
    /// What an instance with this configuration offers to other components.
    fn offers(_config: &Self::Config) -> Vec<Capability> {
        Vec::new()
    }

    /// What it needs to know of a sender for what it offers.
    fn needs(_config: &Self::Config) -> Vec<ContextKey> {
        Vec::new()
    }

    /// Binds its sockets.
    fn build(config: &Self::Config, host: &Host) -> Result<Box<dyn Extension>, String>;
}

impl Factory<BuildProcessor> {
    pub const fn of<C: ProcessorComponent>() -> Self {
        Self::row::<C>(|written, faults| {
            planned::<C, _>(written, faults, |config| BuildProcessor {
                shards: C::shards(&config),
                make: Arc::new(move |host| C::build(&config, host)),
                holds: C::HOLDS,
                place: C::PLACE,
                sampling: C::SAMPLING,
            })
        })
    }
}

impl Factory<BuildReceiver> {
    pub const fn of<C: ReceiverComponent>() -> Self {
        Self::row::<C>(|written, faults| {
            planned::<C, _>(written, faults, |config| BuildReceiver {
                ack: C::ack(&config),
                make: Arc::new(move |host| C::build(&config, host)),
            })
        })
    }
}

impl Factory<BuildExporter> {
    pub const fn of<C: ExporterComponent>() -> Self {
        Self::row::<C>(|written, faults| {
            planned::<C, _>(written, faults, |config| BuildExporter {
                delivery: C::delivery(&config),
                labels: Signal::ALL.map(|signal| C::labels(&config, signal)),
                make: Arc::new(move |host| C::build(&config, host)),
            })
        })
    }
}

impl Factory<BuildExtension> {
    pub const fn of<C: ExtensionComponent>() -> Self {
        Self::row::<C>(|written, faults| {
            planned::<C, _>(written, faults, |config| BuildExtension {
                offers: C::offers(&config),
                needs: C::needs(&config),
                make: Arc::new(move |host| C::build(&config, host)),
            })
        })
    }
}

impl Factory<BuildConnector> {
    pub const fn of<C: ConnectorComponent>() -> Self {
        let row = Self::row::<C>(|written, faults| {
            planned::<C, _>(written, faults, |config| BuildConnector {
                maker: C::MAKE.map(|make| {
                    let sampling = C::sampling(&config);
                    Arc::new(BuildProcessor {
                        make: Arc::new(move |host| make(&config, host)),
                        holds: Holds::Nothing,
                        place: C::PLACE,
                        shards: 1,
                        sampling,
                    })
                }),
            })
        });
        Self {
            joins: C::JOINS,
            ..row
        }
    }
}

fn planned<C: Component, B>(
    written: &Written,
    faults: &mut Faults,
    build: impl FnOnce(C::Config) -> B,
) -> Option<Planned<B>> {
    let config: C::Config = written.decode_valid(faults)?;
    // A configuration that was read from text can be written as text: a failure here is a defect of the component.
    let effective = serde_json::to_value(&config).unwrap_or_default();
    let wants = config.validate().into_wants().into_iter();
    let wants = wants.map(|want| Wanted {
        place: written.locate(&want.path),
        want,
    });
    let kept = config.clone();
    Some(Planned {
        wants: wants.collect(),
        keeps: Arc::new(move |key| C::keeps(&kept, key)),
        build: build(config),
        effective,
    })
}
