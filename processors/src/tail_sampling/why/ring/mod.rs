//! The decisions of the last hour, or as many as fit, by trace.
//!
//! Records are appended to segments; the oldest segment goes as a whole, with its entries of the index. A segment knows
//! the policies that were in force, so that they live as long as some decision of theirs.

mod moving;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ledger::{Budget, Lease};

use super::super::id::TraceId;
use super::super::index::Index;
use super::super::policies::Charter;
use super::record::{self, Decided, Record};

pub(in super::super) use moving::Memory;

/// What an offset of 16 bits reaches; some thousand traces.
const SEGMENT_BYTES: usize = 1 << 16;

/// Segments are numbered by 16 bits, and one number is never two of them.
pub(in super::super) const BYTES_MAX: u64 = 2 << 30;

/// How far back anything is remembered.
pub(super) const HORIZON: Duration = Duration::from_secs(3600);

/// A segment is closed after this long, so that what is too old goes in small parts also where little comes.
const SEGMENT_TIME_MAX: Duration = Duration::from_secs(300);

/// Where a record lies: the number of its segment, and the offset in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct At(u32);

#[derive(Debug)]
pub(super) struct Ring {
    segments: VecDeque<Segment>,
    /// The number of the first of them.
    first: u16,
    index: Index<At>,
    bytes_max: u64,
    /// The newest decision that has been forgotten.
    forgotten: Option<Duration>,
    /// The buffer of a segment that has gone, for the next one. It is charged as soon as that is there.
    spare: Option<Vec<u8>>,
    lease: Lease,
}

#[derive(Debug)]
struct Segment {
    buffer: Vec<u8>,
    charter: Arc<Charter>,
    /// Of its first and its last record.
    base: Duration,
    last: Duration,
}

// === impl Ring ===

impl Ring {
    /// `bytes_max` of 0 remembers nothing.
    pub(super) fn new(bytes_max: u64, budget: &Arc<Budget>) -> Self {
        Self {
            segments: VecDeque::new(),
            first: 0,
            index: Index::default(),
            bytes_max: bytes_max.min(BYTES_MAX),
            forgotten: None,
            spare: None,
            lease: budget.lease(),
        }
    }

    /// The moment since which everything is remembered, given that something was decided before; `None`: nothing has
    /// been forgotten.
    pub(super) fn forgotten(&self, now: Duration) -> Option<Duration> {
        let oldest = self.segments.front().map(|segment| segment.base);
        let horizon = now.checked_sub(HORIZON).filter(|horizon| {
            let oldest = self.forgotten.into_iter().chain(oldest).min();
            oldest.is_some_and(|oldest| oldest < *horizon)
        });
        self.forgotten.max(horizon)
    }

    pub(super) fn append(&mut self, decided: &Decided<'_>, late: u32, charter: &Arc<Charter>) {
        if self.bytes_max == 0 {
            return self.forget_until(decided.at);
        }
        let needed = record::length_max(decided);
        let fits = |segment: &Segment| {
            segment.buffer.len() + needed <= SEGMENT_BYTES
                && decided.at.saturating_sub(segment.base) < SEGMENT_TIME_MAX
                && Arc::ptr_eq(&segment.charter, charter)
        };
        if !self.segments.back().is_some_and(fits) {
            self.open(decided.at, charter);
        }
        let number = self
            .first
            .wrapping_add(self.segments.len() as u16)
            .wrapping_sub(1);
        let Some(segment) = self.segments.back_mut() else {
            return;
        };
        let at = At(u32::from(number) << 16 | segment.buffer.len() as u32);
        record::put(&mut segment.buffer, decided, late, segment.base);
        segment.last = decided.at;
        self.index.insert(&decided.id, at);
    }

    /// One more span of a trace that was decided.
    pub(super) fn add_late(&mut self, id: &TraceId) {
        if let Some(at) = self.newest(id)
            && let Some(segment) = self.segments.get_mut(at.segment(self.first))
            && let Some(bytes) = segment.buffer.get_mut(at.offset()..)
        {
            record::add_late(bytes);
        }
    }

    /// What was decided about a trace, the newest first: more than once if it was forgotten meanwhile by those who
    /// decide.
    pub(super) fn find(&self, id: &TraceId, now: Duration) -> Vec<(Record<'_>, &Arc<Charter>)> {
        let places = self.places(id).filter_map(|at| {
            let segment = self.segments.get(at.segment(self.first))?;
            let record = record::read(segment.buffer.get(at.offset()..)?, segment.base)?;
            Some((record, &segment.charter))
        });
        let young = |record: &Record<'_>| now.saturating_sub(record.decided.at) <= HORIZON;
        let mut found: Vec<_> = places.filter(|(record, _)| young(record)).collect();
        found.sort_by_key(|(record, _)| std::cmp::Reverse(record.decided.at));
        found
    }

    /// Everything up to here is unknown.
    pub(super) fn forget_until(&mut self, moment: Duration) {
        self.forgotten = self.forgotten.max(Some(moment));
    }

    /// Drops what is too old.
    pub(super) fn expire(&mut self, now: Duration) {
        let is_old = |segment: &Segment| now.saturating_sub(segment.last) > HORIZON;
        while self.segments.front().is_some_and(is_old) {
            self.drop_first();
        }
    }

    fn places(&self, id: &TraceId) -> impl Iterator<Item = At> {
        self.index.candidates(id).filter(move |at| {
            let known = at.bytes(&self.segments, self.first).and_then(record::id);
            known == Some(id)
        })
    }

    /// Asks for the memory in which a trace is looked for, or remembered.
    pub(super) fn ask_for(&self, id: &TraceId) {
        self.index.ask_for(id);
    }

    fn newest(&self, id: &TraceId) -> Option<At> {
        // Numbers wrap; how far a record is from the first does not.
        self.places(id)
            .max_by_key(|at| (at.segment(self.first), at.offset()))
    }

    fn open(&mut self, now: Duration, charter: &Arc<Charter>) {
        // What an older configuration has left half full is given back.
        if let Some(last) = self.segments.back_mut()
            && last.buffer.len() < SEGMENT_BYTES / 2
        {
            last.buffer.shrink_to_fit();
        }
        self.expire(now);
        self.make_room(SEGMENT_BYTES as u64);
        let buffer = self
            .spare
            .take()
            .unwrap_or_else(|| Vec::with_capacity(SEGMENT_BYTES));
        self.segments.push_back(Segment {
            buffer,
            charter: Arc::clone(charter),
            base: now,
            last: now,
        });
        self.charge();
    }

    /// Forgets the oldest until there is room for so many bytes more.
    fn make_room(&mut self, more: u64) {
        while !self.segments.is_empty() && self.charge() + more > self.bytes_max {
            self.drop_first();
        }
    }

    /// Bytes of memory that the segments and the index have, which are charged.
    fn charge(&mut self) -> u64 {
        let held = self
            .segments
            .iter()
            .map(|segment| segment.buffer.capacity());
        let bytes = held.sum::<usize>() + self.index.bytes();
        let charged = self.lease.bytes() as usize;
        self.lease.overdraw(bytes.saturating_sub(charged));
        self.lease.give_back(charged.saturating_sub(bytes));
        bytes as u64
    }

    fn drop_first(&mut self) {
        let Some(segment) = self.segments.front() else {
            return;
        };
        for (offset, record) in segment.records() {
            let at = At(u32::from(self.first) << 16 | offset as u32);
            self.index.remove(&record.decided.id, at);
        }
        let last = segment.last;
        self.forget_until(last);
        self.first = self.first.wrapping_add(1);
        if let Some(mut gone) = self.segments.pop_front().map(|segment| segment.buffer)
            && gone.capacity() == SEGMENT_BYTES
        {
            gone.clear();
            self.spare = Some(gone);
        }
    }
}

// === impl Segment ===

impl Segment {
    /// The records with their offsets, the oldest first.
    fn records(&self) -> impl Iterator<Item = (usize, Record<'_>)> {
        let mut offset = 0;
        std::iter::from_fn(move || {
            let record = record::read(self.buffer.get(offset..)?, self.base)?;
            let at = offset;
            offset += record.length;
            Some((at, record))
        })
    }
}

// === impl At ===

impl At {
    /// Its place among the segments, of which the first has this number.
    fn segment(self, first: u16) -> usize {
        ((self.0 >> 16) as u16).wrapping_sub(first).into()
    }

    fn offset(self) -> usize {
        (self.0 & 0xffff) as usize
    }

    /// From the beginning of the record.
    fn bytes(self, segments: &VecDeque<Segment>, first: u16) -> Option<&[u8]> {
        segments
            .get(self.segment(first))?
            .buffer
            .get(self.offset()..)
    }
}

#[cfg(test)]
mod tests;
