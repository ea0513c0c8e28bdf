//! What an edge leads to: the intake of an exporter or a lane, or those of shards, which are one door. A batch goes in
//! whole or waits: room is reserved behind all of its parts before any of them enters.

use std::cell::RefCell;
use std::sync::Arc;

use ledger::Reason;
use smallvec::SmallVec;

use crate::batch::Batch;
use crate::delivery::{Intake, Permit, Room};
use crate::shards::{Parts, Shards};

/// There is at least one intake, and one for each shard if there are several.
#[derive(Clone, Debug)]
pub(crate) struct Door(SmallVec<[Intake; 1]>);

impl Door {
    pub(crate) fn new(intakes: impl IntoIterator<Item = Intake>) -> Self {
        Self(intakes.into_iter().collect())
    }

    pub(crate) fn shards(&self) -> Shards {
        Shards::new(self.0.len())
    }

    pub(crate) fn rooms(&self) -> impl Iterator<Item = &Arc<Room>> {
        self.0.iter().map(Intake::room)
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self
                .rooms()
                .zip(other.rooms())
                .all(|(a, b)| Arc::ptr_eq(a, b))
    }

    /// Whether senders wait for what is behind.
    pub(crate) fn waits(&self) -> bool {
        self.0.iter().any(Intake::waits)
    }

    /// Takes the batch if there is room for all of it now, else hands back what is to wait.
    #[allow(
        clippy::result_large_err,
        reason = "what is handed back is what was handed in"
    )]
    pub(crate) fn try_send(&self, batch: Batch) -> Result<(), Parts> {
        if let [intake] = self.0.as_slice() {
            let back = intake.try_send(batch);
            return back.map_err(|batch| Parts::from_buf([(0, batch)]));
        }
        let parts = self.shards().divide(batch);
        // What has been reserved is given back where one of them is full.
        let permits = parts
            .iter()
            .map(|(at, part)| self.0.get(*at)?.try_reserve(part));
        match permits.collect::<Option<Vec<Permit>>>() {
            None => Err(parts),
            Some(permits) => {
                self.enter(parts, permits);
                Ok(())
            }
        }
    }

    /// Brings in what waits, as soon as there is room for all of it. Somebody else may take it away meanwhile.
    ///
    /// All who wait reserve in the order of the shards, so that no two wait for each other.
    pub(crate) async fn send(&self, waiting: &RefCell<Option<Parts>>) {
        let sizes: SmallVec<[_; 1]> = match &*waiting.borrow() {
            None => return,
            Some(parts) => {
                let parts = parts.iter();
                parts
                    .filter_map(|(at, part)| {
                        self.0.get(*at).map(|intake| (intake, intake.size(part)))
                    })
                    .collect()
            }
        };
        let mut permits = Vec::with_capacity(sizes.len());
        for (intake, size) in sizes {
            permits.push(intake.reserve(size).await);
        }
        let parts = waiting.borrow_mut().take();
        self.enter(parts.unwrap_or_default(), permits);
    }

    fn enter(&self, parts: Parts, permits: Vec<Permit>) {
        for ((at, part), permit) in parts.into_iter().zip(permits) {
            if let Some(intake) = self.0.get(at) {
                intake.send(part, permit);
            }
        }
    }

    /// Brings in parts that are in the books of this door already, because they waited before the lanes whose place
    /// these take. What is left in `parts` if nobody waits any longer has not gone in.
    pub(crate) async fn relay(&self, parts: &mut Parts) {
        while let Some((at, part)) = parts.last() {
            let Some(intake) = self.0.get(*at) else {
                return;
            };
            let permit = intake.reserve(intake.size(part)).await;
            if let Some((_, part)) = parts.pop() {
                intake.hand_on(part, permit);
            }
        }
    }

    /// Drops at the door what never went in.
    pub(crate) fn refuse(&self, parts: Parts, reason: Reason) {
        for (at, part) in parts {
            if let Some(intake) = self.0.get(at) {
                intake.refuse(part, reason);
            }
        }
    }
}
