//! What is remembered goes to a successor, whole, or cut by trace id where the number of shards has changed.

use std::sync::Arc;
use std::time::Duration;

use ledger::Budget;

use super::super::super::id::TraceId;
use super::super::super::policies::Charter;
use super::super::Why;
use super::super::record::Record;
use super::Ring;

/// What is remembered, on its way to a successor. It may be cut by trace id and put together again.
#[derive(Debug)]
pub(in super::super::super) struct Memory {
    ring: Ring,
    began: Option<Duration>,
}

// === impl Why ===

impl Why {
    /// Hands over what is remembered.
    pub(in super::super::super) fn yield_memory(&mut self, budget: &Arc<Budget>) -> Memory {
        Memory {
            ring: std::mem::replace(&mut self.ring, Ring::new(0, budget)),
            began: self.began,
        }
    }

    /// Takes over what a predecessor remembers, beside what other predecessors did. What it was made by goes with it;
    /// what is decided from now on has the policies of this one.
    pub(in super::super::super) fn adopt(&mut self, memory: Memory, budget: &Arc<Budget>) {
        let Memory { ring, began } = memory;
        self.began = began.into_iter().chain(self.began).min();
        if self.ring.segments.is_empty() {
            let forgotten = self.ring.forgotten.max(ring.forgotten);
            self.ring.inherit(ring);
            self.ring.forgotten = forgotten.max(self.ring.forgotten);
        } else {
            let all = Ring::of_parts([&self.ring, &ring].into_iter(), budget);
            self.ring.inherit(all);
        }
    }
}

// === impl Memory ===

impl Memory {
    #[cfg(test)]
    pub(super) fn of(ring: Ring) -> Self {
        Self { ring, began: None }
    }

    #[cfg(test)]
    pub(super) fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Cut into so many parts, each with the traces that `part_of` says.
    pub(in super::super::super) fn split(
        &self,
        parts: usize,
        part_of: &dyn Fn(&TraceId) -> usize,
        budget: &Arc<Budget>,
    ) -> Vec<Self> {
        let empty = || Self {
            ring: Ring {
                forgotten: self.ring.forgotten,
                ..Ring::new(self.ring.bytes_max, budget)
            },
            began: self.began,
        };
        let mut cut: Vec<Self> = std::iter::repeat_with(empty).take(parts).collect();
        for (record, charter) in self.ring.all() {
            if let Some(part) = cut.get_mut(part_of(&record.decided.id)) {
                part.ring.append(&record.decided, record.late, charter);
            }
        }
        cut
    }
}

// === impl Ring ===

impl Ring {
    /// Every decision, the oldest first.
    pub(super) fn all(&self) -> impl Iterator<Item = (Record<'_>, &Arc<Charter>)> {
        self.segments.iter().flat_map(|segment| {
            let records = segment.records();
            records.map(|(_, record)| (record, &segment.charter))
        })
    }

    /// Takes over what another has, within the bounds of this one.
    fn inherit(&mut self, other: Self) {
        let bytes_max = self.bytes_max;
        *self = other;
        self.bytes_max = bytes_max;
        self.make_room(0);
    }

    /// All decisions of these, in order. Each of them had equal policies if all had the same.
    fn of_parts<'a>(parts: impl Iterator<Item = &'a Self>, budget: &Arc<Budget>) -> Self {
        let parts: Vec<&Self> = parts.collect();
        let bytes_max = parts.iter().map(|part| part.bytes_max).sum();
        let mut whole = Self::new(bytes_max, budget);
        whole.forgotten = parts.iter().filter_map(|part| part.forgotten).max();
        let mut all: Vec<_> = parts.iter().flat_map(|part| part.all()).collect();
        all.sort_by_key(|(record, _)| record.decided.at);
        let mut charters: Vec<&Arc<Charter>> = Vec::new();
        for (record, charter) in all {
            // Parts have copies of the policies that are equal.
            let known = charters.iter().find(|known| ***known == *charter);
            let charter = known.copied().unwrap_or(charter);
            if known.is_none() {
                charters.push(charter);
            }
            whole.append(&record.decided, record.late, charter);
        }
        whole
    }
}
