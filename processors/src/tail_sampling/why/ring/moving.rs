//! What is remembered goes to a successor, whole, or cut by trace id where the number of shards has changed.
#![cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "a reload that keeps what a sampler knows will call it"
    )
)]

use std::sync::Arc;
use std::time::Duration;

use ledger::Budget;

use super::super::super::policies::{Charter, TraceId};
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

    /// Takes over what a predecessor remembers. What it was made by goes with it; what is decided from now on has the
    /// policies of this one.
    pub(in super::super::super) fn adopt(&mut self, memory: Memory) {
        self.began = memory.began.or(self.began);
        self.ring.inherit(memory.ring);
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
        let part = |at: usize| Self {
            ring: self.ring.part(|id| part_of(id) == at, budget),
            began: self.began,
        };
        (0..parts).map(part).collect()
    }

    /// Put together again.
    pub(in super::super::super) fn join(parts: &[Self], budget: &Arc<Budget>) -> Self {
        Self {
            ring: Ring::of_parts(parts.iter().map(|part| &part.ring), budget),
            began: parts.iter().filter_map(|part| part.began).min(),
        }
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

    /// A copy with the traces that are `mine`.
    fn part(&self, mine: impl Fn(&TraceId) -> bool, budget: &Arc<Budget>) -> Self {
        let mut part = Self::new(self.bytes_max, budget);
        part.forgotten = self.forgotten;
        for (record, charter) in self.all().filter(|(record, _)| mine(&record.decided.id)) {
            part.append(&record.decided, record.late, charter);
        }
        part
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
