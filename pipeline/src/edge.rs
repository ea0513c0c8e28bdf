//! The edges of a chain's fan-out: to the intake of an exporter or a lane, or through a connector to other chains.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use ledger::{Account, Fate, Reason};
use tokio::sync::Notify;

use crate::batch::Batch;
use crate::chain::Chain;
use crate::clock::Now;
use crate::delivery::Room;
use crate::door::Door;
use crate::refusal::Refusal;
use crate::shards::Parts;
use crate::worker::Worker;

pub(crate) enum Edge {
    Exporter(Rc<ExporterEdge>),
    Connector(ConnectorEdge),
}

/// The way to one exporter, or to the lanes where the pipeline goes on. When its queue is full one batch waits here;
/// what comes after it either stays upstream (`blocking`, as before every lane) or is dropped for this exporter alone,
/// so that a dead back end never stops a live one.
pub(crate) struct ExporterEdge {
    door: Door,
    blocking: bool,
    parked: RefCell<Option<Parts>>,
    wake: Notify,
    /// Nothing more comes: a reload has put another edge in its place.
    retired: Cell<bool>,
}

/// The way through a connector.
pub(crate) struct ConnectorEdge {
    pub(crate) account: Arc<Account>,
    pub(crate) worker: Rc<Worker>,
    pub(crate) targets: Vec<Rc<Chain>>,
    /// The connector itself is behind, and counts what comes in.
    pub(crate) leads_to_maker: bool,
}

impl Edge {
    pub(crate) fn exporter(&self) -> Option<Rc<ExporterEdge>> {
        match self {
            Self::Exporter(edge) => Some(Rc::clone(edge)),
            Self::Connector(_) => None,
        }
    }

    /// Whether a batch sent now would find a place without loss to anybody whom this edge must not lose for.
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Self::Exporter(edge) => !edge.blocking || edge.parked.borrow().is_none(),
            Self::Connector(edge) => edge.targets.iter().all(|chain| chain.is_open()),
        }
    }

    pub(crate) fn admit(&self, batch: &Batch, now: Now) -> Result<(), Refusal> {
        match self {
            Self::Exporter(_) => Ok(()),
            Self::Connector(edge) => edge
                .targets
                .iter()
                .try_for_each(|chain| chain.admit(batch, now)),
        }
    }

    pub(crate) fn send(&self, batch: Batch) {
        match self {
            Self::Exporter(edge) => edge.send(batch),
            Self::Connector(edge) => edge.send(batch),
        }
    }

    /// As [`Chain::hurry`], for the chains behind.
    pub(crate) fn hurry(&self) {
        if let Self::Connector(edge) = self {
            edge.targets.iter().for_each(|chain| chain.hurry());
        }
    }

    /// The rooms of the exporters that stop their upstream when they are full.
    pub(crate) fn pacing(&self, rooms: &mut Vec<Arc<Room>>) {
        match self {
            Self::Exporter(edge) if edge.blocking => rooms.extend(edge.door.rooms().cloned()),
            Self::Exporter(_) => {}
            Self::Connector(edge) => edge.targets.iter().for_each(|chain| chain.pacing(rooms)),
        }
    }

    /// Resolves when nothing is parked here.
    pub(crate) async fn emptied(&self, worker: &Worker) {
        if let Self::Exporter(edge) = self {
            edge.emptied(worker).await;
        }
    }

    pub(crate) fn abandon(&self, batch: Batch) {
        match self {
            Self::Exporter(edge) => edge.refuse(batch, Reason::Shutdown),
            Self::Connector(edge) => {
                edge.account.take(batch.items());
                edge.account
                    .end(batch.items(), Fate::Dropped(Reason::Shutdown));
            }
        }
    }

    pub(crate) fn abandon_parked(&self) {
        if let Self::Exporter(edge) = self {
            edge.abandon_parked();
        }
    }
}

// === impl ExporterEdge ===

impl ExporterEdge {
    pub(crate) fn new(door: Door, blocking: bool) -> Rc<Self> {
        Rc::new(Self {
            door,
            blocking,
            parked: RefCell::new(None),
            wake: Notify::new(),
            retired: Cell::new(false),
        })
    }

    /// Whether this edge would do for whoever is behind this door.
    pub(crate) fn leads_to(&self, door: &Door, blocking: bool) -> bool {
        self.blocking == blocking && self.door.is(door)
    }

    /// Says that nothing more comes. What is parked still goes to the exporter.
    pub(crate) fn retire(&self) {
        self.retired.set(true);
        self.wake.notify_one();
    }

    /// Resolves when nothing is parked here.
    pub(crate) async fn emptied(&self, worker: &Worker) {
        loop {
            let freed = worker.freed();
            if self.parked.borrow().is_none() {
                return;
            }
            freed.await;
        }
    }

    pub(crate) fn abandon_parked(&self) {
        if let Some(parked) = self.parked.borrow_mut().take() {
            self.door.refuse(parked, Reason::Shutdown);
        }
    }

    fn refuse(&self, batch: Batch, reason: Reason) {
        self.door.refuse(self.door.shards().divide(batch), reason);
    }

    fn send(&self, mut batch: Batch) {
        if !self.door.waits() {
            batch.release();
        }
        // What waits goes first.
        if self.parked.borrow().is_some() {
            self.refuse(batch, Reason::QueueFull);
        } else if let Err(parts) = self.door.try_send(batch) {
            *self.parked.borrow_mut() = Some(parts);
            self.wake.notify_one();
        }
    }

    /// Brings the parked batch to the exporter as soon as there is room, until the edge has retired.
    pub(crate) async fn keep_moving(self: Rc<Self>, worker: Rc<Worker>) {
        while !self.retired.get() || self.parked.borrow().is_some() {
            self.wake.notified().await;
            if self.parked.borrow().is_some() {
                // The drain deadline may take the batch while this edge waits.
                self.door.send(&self.parked).await;
                worker.room_appeared();
            }
        }
    }
}

// === impl ConnectorEdge ===

impl ConnectorEdge {
    fn send(&self, batch: Batch) {
        if !self.leads_to_maker {
            self.account.take(batch.items());
            self.account.pass(batch.items());
        }
        let now = self.worker.clock.now();
        if let Some((last, others)) = self.targets.split_last() {
            for chain in others {
                chain.accept(batch.clone(), now);
            }
            last.accept(batch, now);
        }
    }
}
