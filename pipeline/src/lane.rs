//! The part of a pipeline that there is once: a chain on one worker, and the queue through which all workers reach it.
//!
//! ```text
//! worker 0: chain ─▶ edge (one parked batch) ─┐
//! worker 1: chain ─▶ edge (one parked batch) ─┴▶ intake ─▶ lane: chain ─▶ fan-out
//! ```
//! The way in is an exporter's: room is reserved before a batch enters, and where there is none the batch is parked and
//! closes its chain, up to the senders. The lane ends when the last worker has let go of its way in.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ledger::{Account, Budget, Reason};

use crate::batch::Batch;
use crate::chain::Chain;
use crate::delivery::{Entries, Intake, Permit, Queue, Room, Settings, Sizer};
use crate::refusal::Refusal;
use crate::service::Stop;
use crate::share::Outcome;
use crate::worker::Worker;

/// Batches that wait for one lane: some milliseconds of its work, so that it is never idle while the workers are busy.
/// What waits longer waits at the senders, who know of it there.
const BATCHES_MAX: u64 = 256;

/// All lanes together hold one part in so many of the budget in what waits for them. It passes at once or not at all,
/// and the larger parts belong to exporters, who may have to hold for minutes.
const BYTES_PART: u64 = 8;

/// How often a batch that was refused is offered again where no bell rings, as for memory.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Drives one lane from its intake to its last flush.
pub(crate) struct Lane {
    pub(crate) chain: Rc<Chain>,
    pub(crate) room: Arc<Room>,
    pub(crate) entries: Entries,
    pub(crate) worker: Rc<Worker>,
    pub(crate) stop: Stop,
}

/// The way into one of so many lanes. What waits there is in this account, that of the lane's first processor.
pub(crate) fn open(budget: &Budget, lanes: usize, account: Arc<Account>) -> (Intake, Entries) {
    let queue = Queue {
        consumers: 1,
        size: BATCHES_MAX,
        sizer: Sizer::Requests,
        // Whether anybody waits for what is behind is for the lane's own edges to say.
        wait_for_result: true,
        block_on_overflow: true,
        merge: None,
    };
    let settings = Settings {
        queue: Some(queue),
        retry: None,
        timeout: None,
    };
    let byte_share = budget.whole() / BYTES_PART / lanes.max(1) as u64;
    Intake::new(Room::new(&settings, byte_share, account))
}

impl Lane {
    /// Runs until the upstream is gone and everything has gone on, or until the service gives up.
    pub(crate) async fn run(mut self) {
        let mut waiting = None;
        let stop = self.stop.clone();
        tokio::select! {
            biased;
            () = stop.abandoned() => self.abandon(waiting).await,
            () = self.work(&mut waiting) => {}
        }
        self.chain.close();
    }

    /// Takes batch after batch, each when all processors admit it. What is at work stays in `waiting`.
    async fn work(&mut self, waiting: &mut Option<(Batch, Permit)>) {
        while let Some(entry) = self.entries.recv().await {
            let (batch, _) = waiting.insert(entry);
            let admitted = admitted(&self.chain, &self.worker, batch).await;
            let Some((batch, permit)) = waiting.take() else {
                continue;
            };
            match admitted {
                Ok(()) => {
                    let now = self.worker.clock.now();
                    self.chain.accept_taken(batch, self.room.account(), now);
                }
                Err(refusal) => {
                    let reason = refusal.reason;
                    self.room.give_up(batch, Outcome::Permanent(reason), reason);
                }
            }
            drop(permit);
        }
        self.chain.drain().await;
    }

    async fn abandon(&mut self, waiting: Option<(Batch, Permit)>) {
        self.chain.abandon();
        self.entries.close();
        let give_up = |(batch, _): (Batch, Permit)| {
            let reason = Reason::Shutdown;
            let outcome = Outcome::Retryable(reason);
            self.room.give_up(batch, outcome, reason);
        };
        waiting.into_iter().for_each(give_up);
        while let Some(entry) = self.entries.recv().await {
            give_up(entry);
        }
    }
}

/// Waits until the chain takes the batch. The error is a refusal that no waiting turns.
async fn admitted(chain: &Chain, worker: &Worker, batch: &Batch) -> Result<(), Refusal> {
    loop {
        let freed = worker.freed();
        let now = worker.clock.now();
        if chain.is_open() {
            match chain.admit(batch, now) {
                Ok(()) => return Ok(()),
                Err(refusal) if refusal.retry.is_none() => {
                    chain.refused(batch, now);
                    return Err(refusal);
                }
                Err(_) => {}
            }
        }
        // Either the bell or the time: both lead to another look.
        let _ = tokio::time::timeout(LOOK_AGAIN, freed).await;
    }
}
