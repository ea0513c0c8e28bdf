//! The part of a pipeline that there is once: a chain on one worker, and the queue through which all workers reach it.
//!
//! ```text
//! worker 0: chain ─▶ edge (one parked batch) ─┐
//! worker 1: chain ─▶ edge (one parked batch) ─┴▶ intake ─▶ lane: chain ─▶ fan-out
//! ```
//! The way in is an exporter's: room is reserved before a batch enters, and where there is none the batch is parked and
//! closes its chain, up to the senders. The lane ends when the last worker has let go of its way in. Shards are lanes,
//! too, with one door before them.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ledger::{Account, Budget, Reason};

use crate::batch::Batch;
use crate::chain::Chain;
use crate::delivery::{Entries, Intake, Permit, Queue, Room, Settings, Sizer};
use crate::door::Door;
use crate::handover::Handover;
use crate::refusal::Refusal;
use crate::service::Stop;
use crate::shards::Parts;
use crate::share::Outcome;
use crate::worker::Worker;

/// Batches that wait for one lane: some milliseconds of its work, so that it is never idle while the workers are busy.
/// What waits longer waits at the senders, who know of it there.
const BATCHES_MAX: u64 = 256;

/// All lanes together hold one part in so many of the budget in what waits for them. It passes at once or not at all,
/// and the larger parts belong to exporters, who may have to hold for minutes.
const BYTES_PART: u64 = 8;

/// How often a batch that was refused is offered again where no bell rings.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Drives one lane from its intake to its last flush.
pub(crate) struct Lane {
    pub(crate) chain: Rc<Chain>,
    pub(crate) room: Arc<Room>,
    pub(crate) entries: Entries,
    pub(crate) worker: Rc<Worker>,
    pub(crate) stop: Stop,
    pub(crate) handover: Rc<Handover>,
}

/// What a lane has in hand. It is given up with the lane.
#[derive(Default)]
struct InHand {
    entry: Option<(Batch, Permit)>,
    /// What of it is still to go to the successors of this lane.
    parts: Parts,
}

/// What may be done with a batch.
enum Turn {
    Take,
    Refuse(Refusal),
    /// Others have taken over.
    Relay(Door),
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
        in_order: false,
    };
    let byte_share = budget.whole() / BYTES_PART / lanes.max(1) as u64;
    Intake::new(Room::new(&settings, byte_share, account))
}

impl Lane {
    /// Runs until the upstream is gone and everything has gone on, or until the service gives up.
    pub(crate) async fn run(mut self) {
        let mut in_hand = InHand::default();
        let stop = self.stop.clone();
        tokio::select! {
            biased;
            () = stop.abandoned() => self.abandon(in_hand).await,
            () = self.work(&mut in_hand) => {}
        }
        self.chain.close();
    }

    /// Takes batch after batch, each when all processors admit it.
    async fn work(&mut self, in_hand: &mut InHand) {
        self.handover.inherit(&self.chain).await;
        while let Some(entry) = self.entries.recv().await {
            let (batch, _) = in_hand.entry.insert(entry);
            let turn = self.turn(batch).await;
            let Some((batch, permit)) = in_hand.entry.take() else {
                continue;
            };
            match turn {
                Turn::Take => {
                    let now = self.worker.clock.now();
                    self.chain.accept_taken(batch, self.room.account(), now);
                }
                Turn::Refuse(refusal) => {
                    let reason = refusal.reason;
                    self.room.give_up(batch, Outcome::Permanent(reason), reason);
                }
                Turn::Relay(door) => {
                    in_hand.parts = door.shards().divide(batch);
                    door.relay(&mut in_hand.parts).await;
                }
            }
            drop(permit);
        }
        self.chain.drain().await;
    }

    /// Waits until the chain takes the batch, or is known never to take it.
    async fn turn(&self, batch: &Batch) -> Turn {
        loop {
            let freed = self.worker.freed();
            if let Some(door) = self.handover.successor() {
                return Turn::Relay(door.clone());
            }
            let now = self.worker.clock.now();
            if self.chain.is_open() {
                match self.chain.admit(batch, now) {
                    Ok(()) => return Turn::Take,
                    Err(refusal) if refusal.retry.is_none() => return Turn::Refuse(refusal),
                    Err(_) => {}
                }
            }
            // Either the bell or the time: both lead to another look.
            let _ = tokio::time::timeout(LOOK_AGAIN, freed).await;
        }
    }

    async fn abandon(&mut self, in_hand: InHand) {
        // What was on its way here is given up together with what is held.
        self.handover.inherit(&self.chain).await;
        self.chain.abandon();
        self.entries.close();
        let give_up = |batch| {
            let reason = Reason::Shutdown;
            let outcome = Outcome::Retryable(reason);
            self.room.give_up(batch, outcome, reason);
        };
        let InHand { entry, parts } = in_hand;
        parts.into_iter().for_each(|(_, part)| give_up(part));
        entry.into_iter().for_each(|(batch, _)| give_up(batch));
        while let Some((batch, _)) = self.entries.recv().await {
            give_up(batch);
        }
    }
}
