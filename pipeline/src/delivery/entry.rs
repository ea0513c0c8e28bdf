//! What is in the queue: a batch, the room that it holds, and how its attempts have gone so far.

use std::rc::Rc;
use std::sync::Arc;

use ledger::Budget;

use super::cut::{Limit, cut, divide};
use super::intake::Permits;
use super::retry::Backoff;
use super::search::Search;
use crate::batch::Batch;

/// A batch in the queue.
pub(super) struct Entry {
    pub(super) batch: Batch,
    pub(super) permits: Permits,
    /// Begins with the first attempt.
    pub(super) backoff: Option<Backoff>,
    /// Of which refused batch this is a part.
    pub(super) search: Option<Rc<Search>>,
}

impl Entry {
    pub(super) fn new(batch: Batch, permits: Permits) -> Self {
        Self {
            batch,
            permits,
            backoff: None,
            search: None,
        }
    }

    /// Takes another entry's batch and room.
    pub(super) fn join(&mut self, other: Self) {
        self.batch.append(other.batch);
        match (
            Rc::get_mut(&mut self.permits),
            Rc::try_unwrap(other.permits),
        ) {
            (Some(own), Ok(permits)) => own.extend(permits),
            // Entries are joined before they are cut, so nobody else holds these.
            _ => debug_assert!(false, "joined an entry whose room is shared"),
        }
    }

    /// Pieces of at most this size, which share the room and go on with the same back-off.
    pub(super) fn cut(self, limit: Limit, budget: &Arc<Budget>) -> impl Iterator<Item = Self> {
        let Self {
            batch,
            permits,
            backoff,
            search,
        } = self;
        let pieces = cut(batch, limit, budget).into_iter();
        pieces.map(move |batch| Self {
            batch,
            permits: Rc::clone(&permits),
            backoff,
            search: search.clone(),
        })
    }

    /// The items that are done, and the rest, which goes on with the same room and back-off.
    pub(super) fn divide(self, left: &[bool], budget: &Arc<Budget>) -> (Batch, Self) {
        let (done, batch) = divide(self.batch, left, budget);
        (done, Self { batch, ..self })
    }

    /// The first half of the requests, and the rest.
    pub(super) fn halves(self) -> [Self; 2] {
        let signal = self.batch.signal();
        let (chunks, context) = self.batch.into_parts();
        let half = chunks.len() / 2;
        let mut halves = [(); 2].map(|()| Batch::empty(signal).with_context(context.clone()));
        for (at, chunk) in chunks.into_iter().enumerate() {
            halves[usize::from(at >= half)].push(chunk);
        }
        halves.map(|batch| Self {
            batch,
            permits: Rc::clone(&self.permits),
            backoff: self.backoff,
            search: self.search.clone(),
        })
    }
}
