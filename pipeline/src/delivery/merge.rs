//! Batching in the queue: small batches are joined until they are worth a request.

use std::rc::Rc;
use std::time::Duration;

use super::cut::{Limit, cut};
use super::queue::Entry;
use super::settings::{Merge, Sizer};
use crate::batch::Batch;

/// Distinct metadata values that are kept apart at the same time, as in the Collector; beyond it the oldest partial
/// batch is sent early.
const PARTITIONS_MAX: usize = 10_000;

/// Partial batches, one for each combination of the partition keys' values.
pub(super) struct Merger {
    settings: Merge,
    partials: Vec<Partial>,
}

struct Partial {
    key: Vec<String>,
    entry: Entry,
    since: Duration,
}

impl Merger {
    pub(super) fn new(settings: Merge) -> Self {
        Self {
            settings,
            partials: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.partials.is_empty()
    }

    /// Joins an entry to its partial batch and returns what is ready to be sent.
    pub(super) fn add(&mut self, entry: Entry, now: Duration) -> Vec<Entry> {
        let key = self.key(&entry.batch);
        let mut ready = Vec::new();
        let at = match self.partials.iter().position(|partial| partial.key == key) {
            Some(at) => {
                if let Some(partial) = self.partials.get_mut(at) {
                    partial.entry.join(entry);
                }
                at
            }
            None => {
                if self.partials.len() >= PARTITIONS_MAX {
                    ready.push(self.partials.remove(0).entry);
                }
                self.partials.push(Partial {
                    key,
                    entry,
                    since: now,
                });
                self.partials.len() - 1
            }
        };
        if self
            .partials
            .get(at)
            .is_some_and(|p| self.size(&p.entry.batch) >= self.settings.min_size)
        {
            let partial = self.partials.remove(at);
            ready.extend(self.split(partial.entry));
        }
        ready
    }

    /// When the oldest partial batch must be sent.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.partials
            .iter()
            .map(|p| p.since + self.settings.flush_timeout)
            .min()
    }

    /// What has waited long enough.
    pub(super) fn due(&mut self, now: Duration) -> Vec<Entry> {
        let due = |p: &mut Partial| p.since + self.settings.flush_timeout <= now;
        let entries: Vec<_> = self.partials.extract_if(.., due).map(|p| p.entry).collect();
        entries
            .into_iter()
            .flat_map(|entry| self.split(entry))
            .collect()
    }

    /// Everything, because no more will come.
    pub(super) fn flush(&mut self) -> Vec<Entry> {
        let partials = std::mem::take(&mut self.partials);
        partials
            .into_iter()
            .flat_map(|p| self.split(p.entry))
            .collect()
    }

    fn key(&self, batch: &Batch) -> Vec<String> {
        let values = |key: &String| match batch.context() {
            Some(context) => context.metadata(key).collect::<Vec<_>>().join(";"),
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
        let permits = entry.permits;
        let pieces = cut(entry.batch, limit);
        pieces
            .into_iter()
            .map(|batch| Entry::new(batch, Rc::clone(&permits)))
            .collect()
    }
}
