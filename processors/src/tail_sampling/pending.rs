//! The traces that wait, and in which order their time comes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ledger::{Budget, Lease};
use smallvec::SmallVec;

use super::id::TraceId;
use super::index::Index;
use super::log::Chain;
use super::policies::Facts;
use super::slab::{Slab, Slot};

/// Traces that are looked at together.
pub(super) const BLOCK: usize = 32;

/// A trace that waits for its decision.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) id: TraceId,
    pub(super) facts: Facts,
    pub(super) chain: Chain,
    /// When its first span came, and its root if that put the decision forward; on the service's clock.
    pub(super) came: Duration,
    pub(super) rooted: Option<Duration>,
    /// How long after the first span the last one came, in milliseconds.
    pub(super) last_after: u32,
}

/// All of them. Every trace waits equally long, from its first span or from its root, so the order in which they come
/// is the order in which they are due, for either: each stands in one of two lines.
#[derive(Debug)]
pub(super) struct Traces {
    waits: Waits,
    by_id: Index<Slot>,
    entries: Slab<Entry>,
    by_first: Line,
    by_root: Line,
    /// Of the last place.
    number: u32,
    /// Of the memory for facts and places, without the spans.
    lease: Lease,
}

/// How long a trace waits from its first span, and from its root; no longer than either.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    pub(super) first: Duration,
    pub(super) root: Option<Duration>,
}

#[derive(Debug)]
struct Entry {
    pending: Pending,
    /// Of its place in the line where it stands.
    number: u32,
}

/// Those that wait for the same, the longest first. One that has left its line leaves its place there, which is passed
/// over when its turn comes.
#[derive(Debug, Default)]
struct Line(VecDeque<Place>);

#[derive(Clone, Copy, Debug)]
struct Place {
    slot: Slot,
    /// No two places of the last four thousand million have the same.
    number: u32,
}

/// Empty places that a line may have beside as many as there are traces.
const EMPTY_MAX: usize = 1024;

// === impl Traces ===

impl Traces {
    pub(super) fn new(waits: Waits, budget: &Arc<Budget>) -> Self {
        Self {
            waits,
            by_id: Index::default(),
            entries: Slab::default(),
            by_first: Line::default(),
            by_root: Line::default(),
            number: 0,
            lease: budget.lease(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of memory for all but the spans.
    pub(super) fn bytes(&self) -> u64 {
        self.lease.bytes()
    }

    pub(super) fn find(&self, id: &TraceId) -> Option<Slot> {
        self.by_id.find(id, |slot| {
            let entry = self.entries.get(slot);
            entry.is_some_and(|entry| entry.pending.id == *id)
        })
    }

    /// Asks for the memory in which a trace is looked for.
    pub(super) fn ask_for(&self, id: &TraceId) {
        self.by_id.ask_for(id);
    }

    /// Where the trace is, if it waits, by all that is known without waiting for the memory there, which is asked for.
    pub(super) fn guess(&self, id: &TraceId) -> Option<Slot> {
        let slot = self.by_id.candidates(id).next()?;
        self.entries.ask_for(slot);
        Some(slot)
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&Pending> {
        Some(&self.entries.get(slot)?.pending)
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Pending> {
        Some(&mut self.entries.get_mut(slot)?.pending)
    }

    /// Adds a trace that is not there yet.
    pub(super) fn add(&mut self, pending: Pending) -> Slot {
        let (id, number) = (pending.id, self.next_number());
        let slot = self.entries.insert(Entry { pending, number });
        self.by_id.insert(&id, slot);
        self.by_first.0.push_back(Place { slot, number });
        self.charge();
        slot
    }

    fn next_number(&mut self) -> u32 {
        self.number = self.number.wrapping_add(1);
        self.number
    }

    /// The root of a trace has come: it is decided a while after that, if that is sooner.
    pub(super) fn hasten(&mut self, slot: Slot, now: Duration) {
        let Some(wait) = self.waits.root else { return };
        let number = self.next_number();
        let Some(entry) = self.entries.get_mut(slot) else {
            return;
        };
        let pending = &mut entry.pending;
        let is_sooner = now.saturating_add(wait) < pending.came.saturating_add(self.waits.first);
        if pending.rooted.is_none() && is_sooner {
            pending.rooted = Some(now);
            entry.number = number;
            self.by_root.0.push_back(Place { slot, number });
            self.by_first.close(&self.entries);
            self.charge();
        }
    }

    /// When the next trace is due.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.first().map(|(due, _)| due)
    }

    /// When the first trace came of those that wait.
    pub(super) fn oldest(&self) -> Option<Duration> {
        let came = |line: &Line| Some(line.head(&self.entries)?.1.pending.came);
        let heads = [came(&self.by_root), came(&self.by_first)];
        heads.into_iter().flatten().min()
    }

    /// Takes the trace that is due first, whether its time has come or not.
    pub(super) fn take_first(&mut self) -> Option<Pending> {
        let (_, slot) = self.first()?;
        self.take(slot)
    }

    /// Takes all, as they came.
    pub(super) fn take_all(&mut self) -> Vec<Pending> {
        let mut all = Vec::with_capacity(self.len());
        for line in [&self.by_first, &self.by_root] {
            for place in &line.0 {
                if line.holds(place, &self.entries) {
                    all.extend(self.entries.remove(place.slot).map(|entry| entry.pending));
                }
            }
        }
        (self.by_first, self.by_root) = (Line::default(), Line::default());
        self.by_id = Index::default();
        self.charge();
        all.sort_by_key(|pending| pending.came);
        all
    }

    /// Puts traces among those that are here, each where its time says.
    pub(super) fn restore(&mut self, traces: Vec<Pending>) {
        let mut all = self.take_all();
        all.extend(traces);
        all.sort_by_key(|pending| pending.came);
        let mut rooted = Vec::new();
        for mut pending in all {
            // What a root puts forward is for the rules that hold now.
            let root = pending.rooted.take();
            let slot = self.add(pending);
            rooted.extend(root.map(|root| (root, slot)));
        }
        rooted.sort_by_key(|(root, _)| *root);
        for (root, slot) in rooted {
            self.hasten(slot, root);
        }
    }

    pub(super) fn take(&mut self, slot: Slot) -> Option<Pending> {
        let pending = &self.entries.get(slot)?.pending;
        let line = match pending.rooted {
            None => &mut self.by_first,
            Some(_) => &mut self.by_root,
        };
        self.by_id.remove(&pending.id, slot);
        let entry = self.entries.remove(slot);
        line.close(&self.entries);
        self.charge();
        entry.map(|entry| entry.pending)
    }

    /// The next traces that are due, in order, at most so many. Most lie where memory is slow; it is asked for here,
    /// and is there when they are taken.
    pub(super) fn due_by(&self, now: Duration, max: usize) -> SmallVec<[TraceId; BLOCK]> {
        let mut ids = SmallVec::new();
        for line in [&self.by_root, &self.by_first] {
            let places = line.0.iter().take(max);
            places.clone().for_each(|at| self.entries.ask_for(at.slot));
            let entries = places.filter_map(|place| {
                let entry = self.entries.get(place.slot)?;
                (entry.number == place.number).then_some(&entry.pending)
            });
            let due = entries.take_while(|pending| self.due(pending) <= now);
            ids.extend(due.map(|pending| pending.id));
        }
        ids.truncate(max);
        for id in &ids {
            self.by_id.ask_for(id);
        }
        ids
    }

    fn first(&self) -> Option<(Duration, Slot)> {
        let head = |line: &Line| {
            let (slot, entry) = line.head(&self.entries)?;
            Some((self.due(&entry.pending), slot))
        };
        let heads = [head(&self.by_root), head(&self.by_first)];
        heads.into_iter().flatten().min_by_key(|(due, _)| *due)
    }

    /// When this one is due.
    pub(super) fn due(&self, pending: &Pending) -> Duration {
        let first = pending.came.saturating_add(self.waits.first);
        let root = pending.rooted.zip(self.waits.root);
        root.map_or(first, |(root, wait)| root.saturating_add(wait).min(first))
    }

    fn charge(&mut self) {
        let places = self.by_first.0.capacity() + self.by_root.0.capacity();
        let bytes = self.entries.bytes() + self.by_id.bytes();
        self.lease
            .resize((bytes + places * size_of::<Place>()) as u64);
    }
}

// === impl Line ===

impl Line {
    /// The first that is here.
    fn head<'e>(&self, entries: &'e Slab<Entry>) -> Option<(Slot, &'e Entry)> {
        let place = self.0.front()?;
        Some((place.slot, entries.get(place.slot)?))
    }

    fn holds(&self, place: &Place, entries: &Slab<Entry>) -> bool {
        let entry = entries.get(place.slot);
        entry.is_some_and(|entry| entry.number == place.number)
    }

    /// Closes the gap that one leaves: the first place is never empty, and not too many of the others are.
    fn close(&mut self, entries: &Slab<Entry>) {
        while self
            .0
            .front()
            .is_some_and(|place| !self.holds(place, entries))
        {
            self.0.pop_front();
        }
        if self.0.len() > 2 * entries.len() + EMPTY_MAX {
            let mut all = std::mem::take(&mut self.0);
            all.retain(|place| self.holds(place, entries));
            all.shrink_to_fit();
            self.0 = all;
        }
    }
}
