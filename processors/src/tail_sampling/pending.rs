//! The traces that wait, and in which order their time comes.

use std::collections::VecDeque;
use std::time::Duration;

use hashbrown::HashMap;

use super::log::At;
use super::policies::{Facts, TraceId};

/// A trace that waits for its decision.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) facts: Facts,
    /// Its last span, from which one comes to the others.
    pub(super) last: Option<At>,
    /// When it is decided, on the service's clock.
    due: Duration,
}

/// All of them. Every trace waits equally long, from its first span or from its root, so the order in which they come
/// is the order in which they are due, for either.
#[derive(Debug, Default)]
pub(super) struct Traces {
    waiting: HashMap<TraceId, Pending>,
    /// Traces that have gone, or are due at another time by now, are skipped.
    by_first: VecDeque<(Duration, TraceId)>,
    by_root: VecDeque<(Duration, TraceId)>,
}

// === impl Traces ===

impl Traces {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn get_mut(&mut self, id: &TraceId) -> Option<&mut Pending> {
        self.waiting.get_mut(id)
    }

    pub(super) fn add(
        &mut self,
        id: TraceId,
        facts: Facts,
        now: Duration,
        wait: Duration,
    ) -> &mut Pending {
        let due = now.saturating_add(wait);
        self.by_first.push_back((due, id));
        self.waiting
            .entry(id)
            .insert(Pending {
                facts,
                last: None,
                due,
            })
            .into_mut()
    }

    /// The root of a trace has come: it is decided then if that is sooner.
    pub(super) fn hasten(&mut self, id: TraceId, due: Duration) {
        if let Some(pending) = self
            .waiting
            .get_mut(&id)
            .filter(|pending| due < pending.due)
        {
            pending.due = due;
            self.by_root.push_back((due, id));
        }
    }

    /// When the next trace is due.
    pub(super) fn next_due(&mut self) -> Option<Duration> {
        self.skip();
        let first = self.by_first.front().map(|(due, _)| *due);
        let root = self.by_root.front().map(|(due, _)| *due);
        first.into_iter().chain(root).min()
    }

    /// Takes the trace that is due first, whether its time has come or not.
    pub(super) fn take_first(&mut self) -> Option<(TraceId, Pending)> {
        let due = self.next_due()?;
        let is_root = self.by_root.front().is_some_and(|(first, _)| *first == due);
        let queue = if is_root {
            &mut self.by_root
        } else {
            &mut self.by_first
        };
        let (_, id) = queue.pop_front()?;
        self.take(&id)
    }

    pub(super) fn take(&mut self, id: &TraceId) -> Option<(TraceId, Pending)> {
        self.waiting.remove_entry(id)
    }

    /// Drops the entries at the fronts that say nothing any more.
    fn skip(&mut self) {
        for queue in [&mut self.by_first, &mut self.by_root] {
            while let Some((due, id)) = queue.front() {
                if self
                    .waiting
                    .get(id)
                    .is_some_and(|pending| pending.due == *due)
                {
                    break;
                }
                queue.pop_front();
            }
        }
    }
}
