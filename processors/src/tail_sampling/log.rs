//! Spans that wait for a decision, encoded as they came, in segments that fill at the back and are freed at the front.
//!
//! A segment is complete in itself: whatever a span shares with others, its resource and scope, stands in the same
//! segment, once, before the first span that needs it. So a segment could lie on disk as it is, and what is shared
//! ends with the last segment that holds it.
//!
//! ```text
//! shared   length 4 | resource 4 | hash 8      | fields of the resource group | fields of the scope group
//! span     length 4 | shared 4   | previous 8  | the span
//! ```
//!
//! All numbers are little endian. `shared` is an offset in the same segment, `previous` the [`At`] of the span of the
//! same trace that came before.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap};
use ledger::{Budget, Lease};

/// A segment's size. Large enough that what its spans share is a small part, small enough that the one that is being
/// filled and the one that still waits for its last trace are.
const SEGMENT_BYTES: usize = 4 << 20;

const HEADER: usize = 16;

/// Where a span lies: the number of its segment, and the offset in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At(u64);

/// Where the shared fields of spans lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SharedAt(u64);

/// What the spans of a scope group have in common, encoded.
#[derive(Debug)]
pub(super) struct Shared<'a> {
    /// The resource group without its scope groups.
    pub(super) resource: Cow<'a, [u8]>,
    /// The scope group without its spans.
    pub(super) scope: Cow<'a, [u8]>,
    hash: u64,
    written: Option<SharedAt>,
}

/// One span of the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) span: &'a [u8],
    pub(super) shared: SharedAt,
    /// The span of the same trace that came before.
    pub(super) previous: Option<At>,
}

#[derive(Debug)]
pub(super) struct Log {
    segments: VecDeque<Segment>,
    /// The number of the first of them.
    first: u32,
    /// What has been written to the last segment, by hash.
    shared: HashMap<u64, u32>,
    /// The buffer of a segment that has gone: the next one needs none from the system.
    spare: Option<Vec<u8>>,
    hasher: DefaultHashBuilder,
    /// Of the buffers' capacity.
    lease: Lease,
}

#[derive(Debug)]
struct Segment {
    buffer: Vec<u8>,
    /// Spans that have not been released.
    live: u32,
}

// === impl Log ===

impl Log {
    pub(super) fn new(budget: &Arc<Budget>) -> Self {
        Self {
            segments: VecDeque::new(),
            first: 0,
            shared: HashMap::new(),
            spare: None,
            hasher: DefaultHashBuilder::default(),
            lease: budget.lease(),
        }
    }

    /// Bytes of memory that the log has.
    pub(super) fn bytes(&self) -> u64 {
        self.lease.bytes()
    }

    pub(super) fn share<'a>(&self, resource: Cow<'a, [u8]>, scope: Cow<'a, [u8]>) -> Shared<'a> {
        Shared {
            hash: self.hasher.hash_one((&resource, &scope)),
            resource,
            scope,
            written: None,
        }
    }

    /// Appends a span, and before it what it shares unless the segment has that already.
    pub(super) fn append(
        &mut self,
        shared: &mut Shared<'_>,
        span: &[u8],
        previous: Option<At>,
    ) -> At {
        let needed = 2 * HEADER + shared.resource.len() + shared.scope.len() + span.len();
        if self
            .segments
            .back()
            .is_none_or(|last| last.buffer.capacity() - last.buffer.len() < needed)
        {
            self.open(needed);
        }
        let number = self.first.wrapping_add(self.segments.len() as u32 - 1);
        let in_last = |at: &SharedAt| segment_of(at.0) == number;
        let shared_at = match shared.written.filter(in_last) {
            Some(at) => at,
            None => self.write_shared(shared, number),
        };
        // There is a last segment: it was opened above if there was none.
        let Some(last) = self.segments.back_mut() else {
            return At(0);
        };
        let at = At(place(number, last.buffer.len()));
        last.put(
            span.len() as u32,
            offset_of(shared_at.0) as u32,
            previous.map_or(NONE, |at| at.0),
        );
        last.buffer.extend_from_slice(span);
        last.live += 1;
        at
    }

    /// The span at a place that has not been released.
    pub(super) fn record(&self, at: At) -> Option<Record<'_>> {
        let (segment, offset) = self.find(at.0)?;
        let ([length, shared, previous], body) = segment.read(offset)?;
        Some(Record {
            span: body.get(..length as usize)?,
            shared: SharedAt(place(segment_of(at.0), shared as usize)),
            previous: (previous != NONE).then_some(At(previous)),
        })
    }

    /// The fields of the resource group and of the scope group that a span of the log shares.
    pub(super) fn shared(&self, at: SharedAt) -> Option<(&[u8], &[u8])> {
        let (segment, offset) = self.find(at.0)?;
        let ([length, resource, _], body) = segment.read(offset)?;
        body.get(..length as usize)?
            .split_at_checked(resource as usize)
    }

    /// What tells shared fields apart, by content: the same for equal ones of all segments.
    pub(super) fn shared_hash(&self, at: SharedAt) -> Option<u64> {
        let (segment, offset) = self.find(at.0)?;
        segment.read(offset).map(|([_, _, hash], _)| hash)
    }

    /// Lets a span go. Memory is freed from the front, as far as nothing is left there.
    pub(super) fn release(&mut self, at: At) {
        let index = segment_of(at.0).wrapping_sub(self.first) as usize;
        if let Some(segment) = self.segments.get_mut(index) {
            segment.live = segment.live.saturating_sub(1);
        }
        // The last one is being filled.
        while self.segments.len() > 1 && self.segments.front().is_some_and(|first| first.live == 0)
        {
            self.first = self.first.wrapping_add(1);
            if let Some(gone) = self.segments.pop_front() {
                self.free(gone.buffer);
            }
        }
    }

    fn open(&mut self, needed: usize) {
        // A giant span leaves the spare for those that fit it.
        let spare = self.spare.take_if(|spare| spare.capacity() >= needed);
        let buffer = spare.unwrap_or_else(|| {
            let buffer = Vec::with_capacity(needed.max(SEGMENT_BYTES));
            self.lease.overdraw(buffer.capacity());
            buffer
        });
        self.segments.push_back(Segment { buffer, live: 0 });
        self.shared.clear();
    }

    /// A segment of the usual size is kept for the next; all others are given back.
    fn free(&mut self, mut buffer: Vec<u8>) {
        if self.spare.is_none() && buffer.capacity() == SEGMENT_BYTES {
            buffer.clear();
            self.spare = Some(buffer);
        } else {
            self.lease.give_back(buffer.capacity());
        }
    }

    fn write_shared(&mut self, shared: &mut Shared<'_>, number: u32) -> SharedAt {
        let known = self
            .shared
            .get(&shared.hash)
            .map(|&offset| SharedAt(place(number, offset as usize)));
        let same = |at: &SharedAt| self.shared(*at) == Some((&*shared.resource, &*shared.scope));
        let at = known.filter(same).unwrap_or_else(|| {
            let Some(last) = self.segments.back_mut() else {
                return SharedAt(0);
            };
            let offset = last.buffer.len();
            let length = shared.resource.len() + shared.scope.len();
            last.put(length as u32, shared.resource.len() as u32, shared.hash);
            last.buffer.extend_from_slice(&shared.resource);
            last.buffer.extend_from_slice(&shared.scope);
            self.shared.insert(shared.hash, offset as u32);
            SharedAt(place(number, offset))
        });
        shared.written = Some(at);
        at
    }

    fn find(&self, place: u64) -> Option<(&Segment, usize)> {
        let index = segment_of(place).wrapping_sub(self.first) as usize;
        Some((self.segments.get(index)?, offset_of(place)))
    }
}

// === impl Segment ===

impl Segment {
    fn put(&mut self, length: u32, second: u32, third: u64) {
        self.buffer.extend_from_slice(&length.to_le_bytes());
        self.buffer.extend_from_slice(&second.to_le_bytes());
        self.buffer.extend_from_slice(&third.to_le_bytes());
    }

    /// The header at an offset, and everything behind it.
    fn read(&self, offset: usize) -> Option<([u64; 3], &[u8])> {
        let (header, body) = self.buffer.get(offset..)?.split_first_chunk::<HEADER>()?;
        let (length, rest) = header.split_first_chunk::<4>()?;
        let (second, third) = rest.split_first_chunk::<4>()?;
        let numbers = [
            u64::from(u32::from_le_bytes(*length)),
            u64::from(u32::from_le_bytes(*second)),
            u64::from_le_bytes(third.try_into().ok()?),
        ];
        Some((numbers, body))
    }
}

/// No place: no segment is that large.
const NONE: u64 = u64::MAX;

fn place(segment: u32, offset: usize) -> u64 {
    u64::from(segment) << 32 | offset as u64
}

fn segment_of(place: u64) -> u32 {
    (place >> 32) as u32
}

fn offset_of(place: u64) -> usize {
    (place & u64::from(u32::MAX)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARED: [(&[u8], &[u8]); 2] = [(b"resource", b"scope"), (b"other", b"")];

    fn append(log: &mut Log, which: usize, span: &[u8], previous: Option<At>) -> At {
        let (resource, scope) = SHARED[which];
        let mut shared = log.share(resource.into(), scope.into());
        log.append(&mut shared, span, previous)
    }

    fn log() -> (Log, Arc<Budget>) {
        let budget = Budget::new(1 << 30);
        (Log::new(&budget), budget)
    }

    #[test]
    fn a_span_is_read_back_with_what_it_shares_and_the_one_before() {
        let (mut log, _) = log();
        let first = append(&mut log, 0, b"first", None);
        let other = append(&mut log, 1, b"", None);
        let second = append(&mut log, 0, b"second", Some(first));
        let check = |at: At, span: &[u8], which: usize, previous: Option<At>| {
            let record = log.record(at).unwrap();
            assert_eq!((record.span, record.previous), (span, previous));
            assert_eq!(log.shared(record.shared), Some(SHARED[which]));
        };
        check(first, b"first", 0, None);
        check(other, b"", 1, None);
        check(second, b"second", 0, Some(first));
    }

    #[test]
    fn what_spans_share_is_written_once_a_segment() {
        let (mut log, _) = log();
        let at: Vec<At> = (0..10)
            .map(|_| append(&mut log, 0, &[0; 1 << 20], None))
            .collect();
        let shared: Vec<SharedAt> = at
            .iter()
            .map(|&at| log.record(at).unwrap().shared)
            .collect();
        let mut distinct = shared.clone();
        distinct.dedup();
        assert_eq!(distinct.len(), log.segments.len(), "{shared:?}");
        assert!(log.segments.len() > 2);
    }

    #[test]
    fn memory_is_freed_from_the_front_and_one_buffer_is_kept() {
        let (mut log, budget) = log();
        let at: Vec<At> = (0..12)
            .map(|_| append(&mut log, 0, &[0; 1 << 20], None))
            .collect();
        let segments = log.segments.len() as u64;
        assert_eq!(budget.used(), segments << 22);
        // The one in the middle goes when those before it have gone.
        at[3..6].iter().for_each(|&at| log.release(at));
        assert_eq!(log.segments.len() as u64, segments);
        at[..3].iter().for_each(|&at| log.release(at));
        assert_eq!(log.segments.len() as u64, segments - 2);
        assert!(log.record(at[0]).is_none() && log.record(at[6]).is_some());
        at[6..].iter().for_each(|&at| log.release(at));
        assert_eq!(
            (log.segments.len(), budget.used()),
            (1, 2 << 22),
            "the last and the spare"
        );
        drop(log);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_giant_span_has_a_segment_of_its_own() {
        let (mut log, budget) = log();
        let small = append(&mut log, 0, b"small", None);
        let giant = append(&mut log, 0, &vec![7; 3 * SEGMENT_BYTES], Some(small));
        let next = append(&mut log, 0, b"next", Some(giant));
        assert_eq!(log.record(giant).unwrap().span.len(), 3 * SEGMENT_BYTES);
        for at in [small, giant, next] {
            log.release(at);
        }
        assert!(budget.used() <= 2 << 22, "{}", budget.used());
    }

    #[test]
    fn a_giant_span_leaves_the_spare_and_its_charge_as_they_are() {
        let (mut log, budget) = log();
        for _ in 0..10 {
            for size in [SEGMENT_BYTES / 2, 3 * SEGMENT_BYTES] {
                for at in [size; 2].map(|size| append(&mut log, 0, &vec![7; size], None)) {
                    log.release(at);
                }
            }
        }
        let small = append(&mut log, 0, b"small", None);
        log.release(small);
        assert!(budget.used() <= 2 << 22, "{}", budget.used());
    }

    #[test]
    fn places_that_the_log_never_had_are_nowhere() {
        let (mut log, _) = log();
        append(&mut log, 0, b"span", None);
        for place in [NONE, 1 << 32, u64::from(u32::MAX)] {
            assert!(log.record(At(place)).is_none());
            assert!(log.shared(SharedAt(place)).is_none());
        }
    }
}
