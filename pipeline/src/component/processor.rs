//! The contract of processors, and of connectors, which are processors that end one pipeline and begin others.

use std::any::Any;
use std::time::Duration;

use ledger::{Limits, Reason};

use super::ask::{Answer, Query};
use crate::batch::Batch;
use crate::clock::Now;
use crate::refusal::Refusal;
use crate::shards::Shards;

/// Where a processor lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An instance on every worker, which calls it in place. It sees what comes in over the worker's connections.
    Worker,
    /// One instance in the process, on a lane: what comes in on any worker meets there. The processors behind it in
    /// the pipeline share its lane.
    Owner,
    /// As many instances as the configuration says, each on a lane of its own. Every trace has one of them, and comes
    /// there whole: of a request each is given what is [selected](crate::Chunk::selection) for it. With one shard this
    /// is an `Owner`, and so it is for signals other than traces. The processors behind several shards meet on one
    /// lane.
    Shard,
}

/// A state machine that is given batches and the time. It knows no lock, no clock and no runtime; who drives it, a
/// worker or a lane, calls it in place.
pub trait Processor {
    /// Whether a batch would be taken now. The driver asks every processor of every pipeline that a request goes to
    /// before any of them sees it, so that a request is taken by all or by none.
    ///
    /// Whoever has no memory for a batch must take it all the same: it is in memory already, and to keep it waiting
    /// frees none. [`limits`](Self::limits) hold before it comes.
    ///
    /// On a lane it is asked when the batch has come there, and its sender may have been answered: the batch waits
    /// before the lane until it is taken, and ends there only if it is refused for good.
    fn admit(&self, _batch: &Batch, _now: Now) -> Result<(), Refusal> {
        Ok(())
    }

    /// Takes a batch that was admitted. What goes on is pushed, what ends is dropped with a reason, the rest is held.
    fn process(&mut self, batch: Batch, now: Now, out: &mut Outbox);

    /// When [`tick`](Self::tick) is wanted, on [`Now::mono`]; `None` while nothing is held.
    fn deadline(&self) -> Option<Duration> {
        None
    }

    fn tick(&mut self, _now: Now, _out: &mut Outbox) {}

    /// Hands out what is held because the service drains. Called until it answers [`Flush::Done`], each time with
    /// an empty outbox.
    fn flush(&mut self, _now: Now, _out: &mut Outbox) -> Flush {
        Flush::Done
    }

    /// Limits on the memory of the process for as long as this processor runs; the lowest of all hold.
    fn limits(&self) -> Option<Limits> {
        None
    }

    /// Says what it knows. Called between two batches and before them, so it should take microseconds.
    fn ask(&self, _query: &Query, _now: Now) -> Answer {
        Answer::None
    }

    /// Hands over what the processor holds and knows, because a reload puts a successor with another configuration in
    /// its place: one state for each of `heirs`, in order. An empty list: it has nothing to hand over, and
    /// [`flush`](Self::flush) empties it.
    ///
    /// There is one heir, unless it lives on shards; then each is given the traces that are its own, and what belongs
    /// to no trace is divided so that it is there once.
    fn yield_state(&mut self, _heirs: Shards) -> Vec<State> {
        Vec::new()
    }

    /// Takes over from a predecessor of the same id: what does not fit the new configuration goes on or is dropped
    /// with a reason. Only a processor that yields state is ever given any, and it may be of another type. Where
    /// several shards had a part of what is to be one's own, each hands over its part.
    fn adopt(&mut self, _state: State, _now: Now, _out: &mut Outbox) {}
}

/// What a processor hands to its successor, who may live on another worker; both know the type.
pub type State = Box<dyn Any + Send>;

/// Whether a processor still holds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    More,
    Done,
}

/// Where a processor puts what it is done with. A push never blocks and never fails.
#[derive(Debug, Default)]
pub struct Outbox {
    pushed: Vec<Batch>,
    dropped: Vec<(u64, Reason)>,
}

impl Outbox {
    pub fn push(&mut self, batch: Batch) {
        self.pushed.push(batch);
    }

    /// Ends this many items here; whoever waits for the batch must have been told by [`Batch::resolve`].
    pub fn drop_items(&mut self, items: u64, reason: Reason) {
        match self.dropped.last_mut() {
            Some((others, last)) if *last == reason => *others += items,
            _ => self.dropped.push((items, reason)),
        }
    }

    /// What was pushed since the last call, in order.
    pub fn drain(&mut self) -> std::vec::Drain<'_, Batch> {
        self.pushed.drain(..)
    }

    /// What was dropped since the last call.
    pub fn drain_dropped(&mut self) -> std::vec::Drain<'_, (u64, Reason)> {
        self.dropped.drain(..)
    }

    /// Items dropped since [`drain_dropped`](Self::drain_dropped).
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.iter().map(|(items, _)| items).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.pushed.is_empty() && self.dropped.is_empty()
    }
}
