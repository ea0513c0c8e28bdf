//! The door of an exporter: room is reserved before a batch enters, and held until its fate is known.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ledger::{Account, Fate, Reason};
use tokio::sync::{Notify, Semaphore, mpsc};

use super::settings::{Settings, Sizer};
use crate::batch::Batch;
use crate::share::Outcome;

/// Exports at the same time without a queue: each serves a caller, whose number the receivers bound already.
const UNQUEUED_MAX: usize = 100;

/// How much an exporter may hold: units of its sizer, and a byte share of the budget.
#[derive(Debug)]
pub(crate) struct Room {
    units: Semaphore,
    units_max: u32,
    bytes: Semaphore,
    bytes_max: u32,
    sizer: Sizer,
    /// There is a queue, rather than one place for each caller.
    queued: bool,
    waits: bool,
    account: Arc<Account>,
    /// When the present run of failed attempts began, in nanoseconds of the service's clock; 0: the last one succeeded.
    failing_since: AtomicU64,
    /// Batches that are being sent or wait to be sent again.
    in_flight: AtomicU64,
    /// Rung when the exporter is no longer behind.
    eased: Notify,
}

/// What one batch takes of a [`Room`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    units: u32,
    /// In [`BYTE_UNIT`]s, so that a large room fits the semaphore's 32-bit steps.
    bytes: u32,
}

const BYTE_UNIT: usize = 256;

/// An exporter that holds more bytes than this is behind: several requests are under way and more wait. Memory that is
/// used again costs a third less per span than memory that grows, so that senders who can wait a little should.
const BEHIND_BYTES: usize = 16 << 20;

/// A part of the room, given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    room: Arc<Room>,
    size: Size,
}

/// Permits of the batches that one entry consists of; shared when an entry is cut.
pub(crate) type Permits = Rc<Vec<Permit>>;

/// A clone for every edge that leads to the exporter. When the last is dropped the queue drains and ends.
#[derive(Clone, Debug)]
pub(crate) struct Intake {
    room: Arc<Room>,
    sender: mpsc::Sender<(Batch, Permit)>,
}

pub(crate) type Entries = mpsc::Receiver<(Batch, Permit)>;

// === impl Room ===

impl Room {
    /// `byte_share`: the exporter's part of the memory budget.
    pub(crate) fn new(settings: &Settings, byte_share: u64, account: Arc<Account>) -> Arc<Self> {
        let (size, sizer) = match &settings.queue {
            Some(queue) => (queue.size, queue.sizer),
            None => (UNQUEUED_MAX as u64, Sizer::Requests),
        };
        let units_max = u32::try_from(size).unwrap_or(u32::MAX);
        let bytes_max = u32::try_from(byte_share / BYTE_UNIT as u64)
            .unwrap_or(u32::MAX)
            .max(1);
        Arc::new(Self {
            units: Semaphore::new(units_max as usize),
            units_max,
            bytes: Semaphore::new(bytes_max as usize),
            bytes_max,
            sizer,
            queued: settings.queue.is_some(),
            waits: settings.waits(),
            account,
            failing_since: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            eased: Notify::new(),
        })
    }

    /// Units of the sizer in use and in all; `None` without a queue.
    pub(crate) fn fill(&self) -> Option<(u64, u64)> {
        self.queued
            .then(|| (self.used(), u64::from(self.units_max)))
    }

    pub(crate) fn used(&self) -> u64 {
        (self.units_max as usize).saturating_sub(self.units.available_permits()) as u64
    }

    /// Whether more comes in than goes out.
    pub(crate) fn is_behind(&self) -> bool {
        let used = (self.bytes_max as usize).saturating_sub(self.bytes.available_permits());
        used > BEHIND_BYTES / BYTE_UNIT
    }

    /// Resolves once the exporter is not behind.
    pub(crate) async fn eased(&self) {
        loop {
            let eased = self.eased.notified();
            if !self.is_behind() {
                return;
            }
            eased.await;
        }
    }

    pub(crate) fn failing_since(&self) -> Option<Duration> {
        let nanos = self.failing_since.load(Ordering::Relaxed);
        (nanos > 0).then(|| Duration::from_nanos(nanos))
    }

    /// Notes how an attempt ended at this moment.
    pub(crate) fn attempted(&self, succeeded: bool, now: Duration) {
        if succeeded {
            self.failing_since.store(0, Ordering::Relaxed);
        } else if self.failing_since.load(Ordering::Relaxed) == 0 {
            self.failing_since
                .store((now.as_nanos() as u64).max(1), Ordering::Relaxed);
        }
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(crate) fn set_in_flight(&self, batches: usize) {
        self.in_flight.store(batches as u64, Ordering::Relaxed);
    }

    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// Ends a batch that was not delivered.
    pub(crate) fn give_up(&self, batch: Batch, outcome: Outcome, reason: Reason) {
        self.count(batch.items(), batch.waited(), reason);
        batch.resolve(outcome);
    }

    /// Counts items that were not delivered. A sender that waits is told, so its items are its own again; what was
    /// acknowledged is lost.
    pub(crate) fn count(&self, items: u64, waited: u64, reason: Reason) {
        self.account.end(waited, Fate::Rejected(reason));
        self.account.end(items - waited, Fate::Dropped(reason));
    }

    /// A batch larger than the whole room is let in alone: it can be sent, and refusing it would never end.
    fn size(&self, batch: &Batch) -> Size {
        let units = match self.sizer {
            Sizer::Requests => 1,
            Sizer::Items => batch.items(),
            Sizer::Bytes => batch.bytes() as u64,
        };
        let bytes = (batch.bytes() / BYTE_UNIT) as u64;
        Size {
            units: u32::try_from(units).unwrap_or(u32::MAX).min(self.units_max),
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX).min(self.bytes_max),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.room.units.add_permits(self.size.units as usize);
        let behind = self.room.is_behind();
        self.room.bytes.add_permits(self.size.bytes as usize);
        if behind && !self.room.is_behind() {
            self.room.eased.notify_waiters();
        }
    }
}

// === impl Intake ===

impl Intake {
    pub(crate) fn new(room: Arc<Room>) -> (Self, Entries) {
        // An entry holds at least one unit while it is in the channel, so the channel can never be the fuller one.
        let (sender, entries) =
            mpsc::channel((room.units_max as usize).min(Semaphore::MAX_PERMITS));
        (Self { room, sender }, entries)
    }

    /// Whether senders wait for this exporter.
    pub(crate) fn waits(&self) -> bool {
        self.room.waits
    }

    pub(crate) fn room(&self) -> &Arc<Room> {
        &self.room
    }

    pub(crate) fn size(&self, batch: &Batch) -> Size {
        self.room.size(batch)
    }

    /// Takes the batch if there is room now, else hands it back.
    #[allow(
        clippy::result_large_err,
        reason = "what is handed back is what was handed in"
    )]
    pub(crate) fn try_send(&self, batch: Batch) -> Result<(), Batch> {
        match self.try_reserve(&batch) {
            None => Err(batch),
            Some(permit) => {
                self.send(batch, permit);
                Ok(())
            }
        }
    }

    /// Room for the batch, if there is some now.
    pub(crate) fn try_reserve(&self, batch: &Batch) -> Option<Permit> {
        let size = self.room.size(batch);
        let units = self.room.units.try_acquire_many(size.units).ok()?;
        let bytes = self.room.bytes.try_acquire_many(size.bytes).ok()?;
        units.forget();
        bytes.forget();
        Some(Permit {
            room: Arc::clone(&self.room),
            size,
        })
    }

    /// Waits for room, first come first served.
    pub(crate) async fn reserve(&self, size: Size) -> Permit {
        // The semaphores are never closed; if they were, the batch would only be let in early.
        if let Ok(units) = self.room.units.acquire_many(size.units).await {
            units.forget();
        }
        // From here on a cancelled wait must give the units back.
        let mut permit = Permit {
            room: Arc::clone(&self.room),
            size: Size { bytes: 0, ..size },
        };
        if let Ok(bytes) = self.room.bytes.acquire_many(size.bytes).await {
            bytes.forget();
        }
        permit.size = size;
        permit
    }

    pub(crate) fn send(&self, batch: Batch, permit: Permit) {
        self.room.account.take(batch.items());
        self.hand_on(batch, permit);
    }

    /// As [`send`](Self::send), of what is in this account already.
    pub(crate) fn hand_on(&self, batch: Batch, permit: Permit) {
        if let Err(error) = self.sender.try_send((batch, permit)) {
            // The exporter has ended before its upstream, which only the drain deadline does.
            let (mpsc::error::TrySendError::Full(entry) | mpsc::error::TrySendError::Closed(entry)) =
                error;
            let reason = Reason::Shutdown;
            self.room
                .give_up(entry.0, Outcome::Retryable(reason), reason);
        }
    }

    /// Drops a batch at the door.
    pub(crate) fn refuse(&self, batch: Batch, reason: Reason) {
        self.room.account.take(batch.items());
        self.room.give_up(batch, Outcome::Retryable(reason), reason);
    }
}
