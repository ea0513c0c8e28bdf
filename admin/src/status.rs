//! How each component is, derived from the service's health, the exporters' rooms and the budget
//! when somebody asks.
//!
//! The states are those of the Collector that can occur here. A permanent or fatal error of a
//! component would have ended the start, and what has stopped answers nobody. Unlike the
//! Collector's our exporters say when they do not deliver, and a memory limiter when it refuses.

use std::collections::BTreeMap;
use std::time::Duration;

use ledger::{Kind, NodeKey, Tally};
use otlp::Signal;
use pipeline::component::{Health, Outline, Vitals};

/// What a component says about itself, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    Ok,
    Starting,
    /// It does not do its work, and may do so again without help.
    Recoverable,
    Stopping,
}

/// One component in the service: as receiver, exporter or connector once for each signal, as
/// processor once for each pipeline.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    /// Extensions have none.
    pub(crate) signal: Option<Signal>,
    /// In which it stands.
    pub(crate) pipelines: Vec<String>,
    pub(crate) state: State,
    /// How long it has not done its work.
    pub(crate) failing: Option<Duration>,
    /// Units in use and capacity of an exporter's queue, in the unit of its sizer.
    pub(crate) queue: Option<(u64, u64)>,
    /// Batches that an exporter is sending, or will send again.
    pub(crate) in_flight: Option<u64>,
    /// One account, or for a receiver one for each transport.
    pub(crate) books: Vec<(NodeKey, Tally)>,
}

/// Whose account a node is: kind, id, signal, and for processors the pipeline.
type Key = (Kind, String, Option<Signal>, String);

// === impl State ===

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ok => "ok",
            Self::Recoverable => "recoverable_error",
            Self::Stopping => "stopping",
        }
    }

    pub(crate) fn of(health: Health) -> Self {
        match health {
            Health::Starting => Self::Starting,
            Health::Ready => Self::Ok,
            Health::Draining => Self::Stopping,
        }
    }
}

/// Every component that runs: pipelines in the order of the file, extensions at the end.
pub(crate) fn nodes(vitals: &Vitals) -> Vec<Node> {
    let outline = vitals.outline.borrow();
    let books = vitals.shared.books.tallies();
    let state = State::of(*vitals.health.borrow());
    let mut nodes: Vec<Node> = Vec::new();
    for ((kind, id, signal, _), pipelines) in in_order(&outline) {
        let own = |key: &NodeKey| {
            let here = key.kind != Kind::Processor || pipelines.contains(&key.pipeline);
            key.kind == kind && key.id == id && Some(key.signal) == signal && here
        };
        let books = books.iter().filter(|(key, _)| own(key)).cloned();
        nodes.push(Node {
            kind,
            signal,
            state,
            failing: None,
            queue: None,
            in_flight: None,
            books: books.collect(),
            id,
            pipelines,
        });
    }
    for node in &mut nodes {
        look_closer(node, vitals);
    }
    nodes
}

/// The nodes' names in the order of the file, each with the pipelines in which it stands.
fn in_order(outline: &Outline) -> Vec<(Key, Vec<String>)> {
    let mut places: BTreeMap<Key, usize> = BTreeMap::new();
    let mut found: Vec<(Key, Vec<String>)> = Vec::new();
    let mut add = |key: Key, pipeline: Option<&String>| {
        let at = *places.entry(key.clone()).or_insert_with(|| {
            found.push((key, Vec::new()));
            found.len() - 1
        });
        if let Some((_, pipelines)) = found.get_mut(at) {
            pipelines.extend(pipeline.cloned());
        }
    };
    for pipeline in &outline.pipelines {
        let signal = Some(pipeline.signal);
        let side = |id: &str, kind| match outline.is_connector(id) {
            true => Kind::Connector,
            false => kind,
        };
        for id in &pipeline.receivers {
            let kind = side(id, Kind::Receiver);
            add(
                (kind, id.clone(), signal, String::new()),
                Some(&pipeline.id),
            );
        }
        for id in &pipeline.processors {
            let key = (Kind::Processor, id.clone(), signal, pipeline.id.clone());
            add(key, Some(&pipeline.id));
        }
        for id in &pipeline.exporters {
            let kind = side(id, Kind::Exporter);
            add(
                (kind, id.clone(), signal, String::new()),
                Some(&pipeline.id),
            );
        }
    }
    for id in &outline.extensions {
        add((Kind::Extension, id.clone(), None, String::new()), None);
    }
    found
}

/// What the exporters' rooms and the budget add.
fn look_closer(node: &mut Node, vitals: &Vitals) {
    match node.kind {
        Kind::Exporter => {
            let here = |id: &str, signal| id == node.id && Some(signal) == node.signal;
            let rooms = vitals.rooms.borrow();
            let room = rooms.iter().find(|room| here(&room.id, room.signal));
            node.queue = room.and_then(|room| room.fill());
            node.in_flight = room.map(|room| room.in_flight());
            let failing = vitals.failing(Duration::ZERO).into_iter();
            let failing = failing
                .filter(|(id, signal, _)| here(id, *signal))
                .map(|f| f.2);
            node.failing = failing.max();
        }
        Kind::Processor if kind_of(&node.id) == "memory_limiter" => {
            let budget = &vitals.shared.budget;
            let refuses = budget.used() >= budget.admission();
            // Nobody notes since when: it is a matter of moments.
            node.failing = refuses.then_some(Duration::ZERO);
        }
        _ => {}
    }
    if node.failing.is_some() && node.state == State::Ok {
        node.state = State::Recoverable;
    }
}

/// The worst state of the components in this pipeline.
pub(crate) fn of_pipeline(id: &str, nodes: &[Node]) -> State {
    let here = nodes
        .iter()
        .filter(|node| node.pipelines.iter().any(|p| p == id));
    here.map(|node| node.state).max().unwrap_or(State::Ok)
}

/// The type in an id.
pub(crate) fn kind_of(id: &str) -> &str {
    id.split('/').next().unwrap_or_default()
}
