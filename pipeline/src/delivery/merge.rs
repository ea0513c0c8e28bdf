//! Batching in the queue: small batches are joined until they are worth a request.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use ledger::Budget;

use super::cut::Limit;
use super::entry::Entry;
use super::settings::{Merge, Sizer};
use crate::batch::{Batch, ContextKey};

/// Distinct metadata values that are kept apart at the same time, as in the Collector; beyond it the oldest partial
/// batch is sent early.
const PARTITIONS_MAX: usize = 10_000;

/// Partial batches, one for each combination of the partition keys' values.
pub(super) struct Merger {
    settings: Merge,
    budget: Arc<Budget>,
    partials: HashMap<Key, Partial>,
    /// By number, which is by age: all wait equally long.
    by_age: BTreeMap<u64, Key>,
    begun: u64,
}

type Key = Vec<String>;

struct Partial {
    number: u64,
    entry: Entry,
    since: Duration,
}

impl Merger {
    pub(super) fn new(settings: Merge, budget: Arc<Budget>) -> Self {
        Self {
            settings,
            budget,
            partials: HashMap::new(),
            by_age: BTreeMap::new(),
            begun: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.partials.is_empty()
    }

    /// Joins an entry to its partial batch and returns what is ready to be sent.
    pub(super) fn add(&mut self, entry: Entry, now: Duration) -> Vec<Entry> {
        let key = self.key(&entry.batch);
        let mut ready = Vec::new();
        if let Some(partial) = self.partials.get_mut(&key) {
            partial.entry.join(entry);
        } else {
            if self.partials.len() >= PARTITIONS_MAX {
                ready.extend(self.take_oldest().map(|partial| partial.entry));
            }
            self.begun += 1;
            self.by_age.insert(self.begun, key.clone());
            let partial = Partial {
                number: self.begun,
                entry,
                since: now,
            };
            self.partials.insert(key.clone(), partial);
        }
        let is_full = |p: &Partial| self.size(&p.entry.batch) >= self.settings.min_size;
        if self.partials.get(&key).is_some_and(is_full)
            && let Some(partial) = self.partials.remove(&key)
        {
            self.by_age.remove(&partial.number);
            ready.extend(self.split(partial.entry));
        }
        ready
    }

    /// When the oldest partial batch must be sent.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let (_, key) = self.by_age.first_key_value()?;
        let oldest = self.partials.get(key)?;
        Some(oldest.since + self.settings.flush_timeout)
    }

    /// What has waited long enough.
    pub(super) fn due(&mut self, now: Duration) -> Vec<Entry> {
        let mut due = Vec::new();
        while self.deadline().is_some_and(|deadline| deadline <= now)
            && let Some(partial) = self.take_oldest()
        {
            due.extend(self.split(partial.entry));
        }
        due
    }

    /// Everything, because no more will come.
    pub(super) fn flush(&mut self) -> Vec<Entry> {
        let mut all = Vec::new();
        while let Some(partial) = self.take_oldest() {
            all.extend(self.split(partial.entry));
        }
        all
    }

    fn take_oldest(&mut self) -> Option<Partial> {
        let (_, key) = self.by_age.pop_first()?;
        self.partials.remove(&key)
    }

    fn key(&self, batch: &Batch) -> Key {
        let values = |key: &ContextKey| match batch.context() {
            Some(context) => context.values(key).collect::<Vec<_>>().join(";"),
            None => String::new(),
        };
        self.settings.partition_keys.iter().map(values).collect()
    }

    fn size(&self, batch: &Batch) -> u64 {
        match self.settings.sizer {
            Sizer::Bytes => batch.bytes() as u64,
            Sizer::Items | Sizer::Requests => batch.items(),
        }
    }

    fn split(&self, entry: Entry) -> Vec<Entry> {
        let Some(max) = self.settings.max_size else {
            return vec![entry];
        };
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let limit = match self.settings.sizer {
            Sizer::Bytes => Limit::Bytes(max),
            Sizer::Items | Sizer::Requests => Limit::Items(max),
        };
        entry.cut(limit, &self.budget).collect()
    }
}
