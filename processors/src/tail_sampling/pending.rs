//! The traces that wait, and in which order their time comes.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::{DefaultHashBuilder, HashTable};
use ledger::{Budget, Lease};

use super::log::Chain;
use super::policies::{Facts, TraceId};
use super::slab::{Slab, Slot};

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
    by_id: HashTable<Slot>,
    entries: Slab<Entry>,
    by_first: Line,
    by_root: Line,
    hasher: DefaultHashBuilder,
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
    /// Its neighbours in its line.
    before: Option<Slot>,
    after: Option<Slot>,
}

/// Those that wait for the same, the longest first.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    first: Option<Slot>,
    last: Option<Slot>,
}

// === impl Traces ===

impl Traces {
    pub(super) fn new(waits: Waits, budget: &Arc<Budget>) -> Self {
        Self {
            waits,
            by_id: HashTable::new(),
            entries: Slab::default(),
            by_first: Line::default(),
            by_root: Line::default(),
            hasher: DefaultHashBuilder::default(),
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
        let is_it = |&slot: &Slot| {
            let entry = self.entries.get(slot);
            entry.is_some_and(|entry| entry.pending.id == *id)
        };
        self.by_id.find(self.hasher.hash_one(id), is_it).copied()
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&Pending> {
        Some(&self.entries.get(slot)?.pending)
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Pending> {
        Some(&mut self.entries.get_mut(slot)?.pending)
    }

    /// Adds a trace that is not there yet.
    pub(super) fn add(&mut self, pending: Pending) -> Slot {
        let hash = self.hasher.hash_one(pending.id);
        let slot = self.entries.insert(Entry {
            pending,
            before: None,
            after: None,
        });
        let Self {
            by_id,
            entries,
            hasher,
            ..
        } = self;
        by_id.insert_unique(hash, slot, |&slot| {
            entries
                .get(slot)
                .map_or(0, |entry| hasher.hash_one(entry.pending.id))
        });
        self.by_first.push(&mut self.entries, slot);
        self.charge();
        slot
    }

    /// The root of a trace has come: it is decided a while after that, if that is sooner.
    pub(super) fn hasten(&mut self, slot: Slot, now: Duration) {
        let Some(wait) = self.waits.root else { return };
        let Some(entry) = self.entries.get_mut(slot) else {
            return;
        };
        let pending = &mut entry.pending;
        let is_sooner = now.saturating_add(wait) < pending.came.saturating_add(self.waits.first);
        if pending.rooted.is_none() && is_sooner {
            pending.rooted = Some(now);
            self.by_first.unlink(&mut self.entries, slot);
            self.by_root.push(&mut self.entries, slot);
        }
    }

    /// When the next trace is due.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.first().map(|(due, _)| due)
    }

    /// When the first trace came of those that wait.
    pub(super) fn oldest(&self) -> Option<Duration> {
        let came = |line: &Line| Some(self.entries.get(line.first?)?.pending.came);
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
        for line in [self.by_first, self.by_root] {
            let mut next = line.first;
            while let Some(slot) = next {
                next = self.entries.get(slot).and_then(|entry| entry.after);
                all.extend(self.entries.remove(slot).map(|entry| entry.pending));
            }
        }
        (self.by_first, self.by_root) = (Line::default(), Line::default());
        self.by_id = HashTable::new();
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
        let hash = self.hasher.hash_one(pending.id);
        let line = match pending.rooted {
            None => &mut self.by_first,
            Some(_) => &mut self.by_root,
        };
        line.unlink(&mut self.entries, slot);
        if let Ok(entry) = self.by_id.find_entry(hash, |&other| other == slot) {
            entry.remove();
        }
        let entry = self.entries.remove(slot);
        self.charge();
        entry.map(|entry| entry.pending)
    }

    fn first(&self) -> Option<(Duration, Slot)> {
        let head = |line: &Line| {
            let slot = line.first?;
            Some((self.due(&self.entries.get(slot)?.pending), slot))
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
        let bytes = self.entries.bytes() + self.by_id.allocation_size();
        self.lease.resize(bytes as u64);
    }
}

// === impl Line ===

impl Line {
    fn push(&mut self, entries: &mut Slab<Entry>, slot: Slot) {
        let before = self.last.replace(slot);
        match before.and_then(|before| entries.get_mut(before)) {
            Some(entry) => entry.after = Some(slot),
            None => self.first = Some(slot),
        }
        if let Some(entry) = entries.get_mut(slot) {
            (entry.before, entry.after) = (before, None);
        }
    }

    fn unlink(&mut self, entries: &mut Slab<Entry>, slot: Slot) {
        let Some((before, after)) = entries.get(slot).map(|entry| (entry.before, entry.after))
        else {
            return;
        };
        match before.and_then(|before| entries.get_mut(before)) {
            Some(entry) => entry.after = after,
            None => self.first = after,
        }
        match after.and_then(|after| entries.get_mut(after)) {
            Some(entry) => entry.before = before,
            None => self.last = before,
        }
    }
}
