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
use smallvec::SmallVec;

use super::ahead;
use super::pending::BLOCK;

/// A segment's size. Large enough that what its spans share is a small part, small enough that the one that is being
/// filled and the one that still waits for its last trace are.
pub(super) const SEGMENT_BYTES: usize = 4 << 20;

/// Buffers of segments that have gone which are kept for the next: what one point of the decisions' grid frees is used
/// up until the next one, and pages of the system are dear. Beside a few they are one in so many of those in use.
const SPARES: usize = 4;
const SPARES_PART: usize = 8;

const HEADER: usize = 16;

/// How far behind the last span memory is asked for: far enough that it is there when the log has come so far.
const AHEAD: usize = 2 << 10;

/// Spans of one trace that are brought near before they are read: those behind them would push the first out again.
const NEAR_SPANS_MAX: usize = 64;

/// Where a span lies: the number of its segment, and the offset in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At(u64);

/// The spans of one trace. They stay in the log until the chain is given to [`Log::release`].
#[derive(Debug)]
pub(super) struct Chain {
    last: At,
    /// The number of the segment with the first of them. No segment is freed before those in front of it, so it is
    /// this one alone that the chain holds.
    first_segment: u32,
}

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
    previous: Option<At>,
}

#[derive(Debug)]
pub(super) struct Log {
    segments: VecDeque<Segment>,
    /// The number of the first of them.
    first: u32,
    /// What has been written to the last segment, by hash.
    shared: HashMap<u64, u32>,
    /// Buffers of segments that have gone: the next ones need none from the system.
    spares: Vec<Vec<u8>>,
    /// Nothing comes to it any more.
    is_closed: bool,
    hasher: DefaultHashBuilder,
    /// Of the buffers' capacity.
    lease: Lease,
}

#[derive(Debug)]
struct Segment {
    buffer: Vec<u8>,
    /// Chains that begin here and have not been released.
    live: u32,
}

// === impl Chain ===

impl Chain {
    /// The place of its last span, from which the others are found.
    pub(super) fn last(&self) -> At {
        self.last
    }
}

// === impl Log ===

impl Log {
    pub(super) fn new(budget: &Arc<Budget>) -> Self {
        Self {
            segments: VecDeque::new(),
            first: 0,
            shared: HashMap::new(),
            spares: Vec::new(),
            is_closed: false,
            hasher: DefaultHashBuilder::default(),
            lease: budget.lease(),
        }
    }

    /// Bytes of memory that the spans take, without what is ready for others.
    pub(super) fn bytes(&self) -> u64 {
        self.lease.bytes() - (self.spares.len() * SEGMENT_BYTES) as u64
    }

    pub(super) fn share<'a>(&self, resource: Cow<'a, [u8]>, scope: Cow<'a, [u8]>) -> Shared<'a> {
        Shared {
            hash: self.hasher.hash_one((&resource, &scope)),
            resource,
            scope,
            written: None,
        }
    }

    /// Appends the first span of a trace.
    pub(super) fn append(&mut self, shared: &mut Shared<'_>, span: &[u8]) -> Chain {
        let last = self.put(shared, span, NONE);
        if let Some(segment) = self.segments.back_mut() {
            segment.live += 1;
        }
        Chain {
            last,
            first_segment: segment_of(last.0),
        }
    }

    /// Appends the next span of a trace.
    pub(super) fn extend(&mut self, chain: &mut Chain, shared: &mut Shared<'_>, span: &[u8]) {
        chain.last = self.put(shared, span, chain.last.0);
    }

    /// The spans of a trace with their places, from the last to the first.
    pub(super) fn spans(&self, chain: &Chain) -> impl Iterator<Item = (At, Record<'_>)> {
        self.spans_from(chain.last)
    }

    /// The same from this span on.
    pub(super) fn spans_from(&self, at: At) -> impl Iterator<Item = (At, Record<'_>)> {
        let mut next = Some(at);
        std::iter::from_fn(move || {
            let at = next?;
            let record = self.record(at)?;
            next = record.previous;
            Some((at, record))
        })
    }

    /// Brings the spans near that are to be read, by the last one of each trace. Those of one trace lie wherever memory
    /// is slow, and each is known by the one behind it, so several traces are followed at a time.
    pub(super) fn bring_near(&self, mut next: SmallVec<[At; BLOCK]>) {
        for _ in 0..NEAR_SPANS_MAX {
            let mut at = 0;
            while let Some(place) = next.get_mut(at) {
                match self.record(*place).and_then(|record| record.previous) {
                    Some(previous) => {
                        *place = previous;
                        at += 1;
                    }
                    None => {
                        next.swap_remove(at);
                    }
                }
            }
        }
    }

    /// The span at a place.
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

    /// Appends the spans of a trace to another log.
    pub(super) fn copy(&self, chain: &Chain, to: &mut Self) -> Option<Chain> {
        let mut spans: Vec<_> = self.spans(chain).map(|(_, record)| record).collect();
        spans.reverse();
        let mut copied: Option<Chain> = None;
        let mut known: Option<(SharedAt, Shared<'_>)> = None;
        for Record { span, shared, .. } in spans {
            let (_, shared) = match known.take().filter(|(at, _)| *at == shared) {
                Some(same) => known.insert(same),
                None => {
                    let (resource, scope) = self.shared(shared)?;
                    known.insert((shared, to.share(resource.into(), scope.into())))
                }
            };
            match &mut copied {
                Some(chain) => to.extend(chain, shared, span),
                None => copied = Some(to.append(shared, span)),
            }
        }
        copied
    }

    /// Lets the spans of a trace go. Memory is freed from the front, as far as nothing is left there.
    pub(super) fn release(&mut self, chain: Chain) {
        let index = chain.first_segment.wrapping_sub(self.first) as usize;
        if let Some(segment) = self.segments.get_mut(index) {
            segment.live = segment.live.saturating_sub(1);
        }
        // The last one is being filled, unless it was made for one giant span.
        while let Some(front) = self.segments.front()
            && front.live == 0
            && (self.segments.len() > 1 || front.buffer.capacity() > SEGMENT_BYTES)
        {
            self.first = self.first.wrapping_add(1);
            if let Some(gone) = self.segments.pop_front() {
                self.free(gone.buffer);
            }
        }
    }

    /// Appends a span, and before it what it shares unless the segment has that already.
    fn put(&mut self, shared: &mut Shared<'_>, span: &[u8], previous: u64) -> At {
        let needed = 2 * HEADER + shared.resource.len() + shared.scope.len() + span.len();
        if self
            .segments
            .back()
            .is_none_or(|last| last.buffer.capacity() - last.buffer.len() < needed)
        {
            self.open(needed);
        }
        let number = self.first.wrapping_add(self.segments.len() as u32 - 1);
        let start = self.segments.back().map_or(0, |last| last.buffer.len());
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
        last.put(span.len() as u32, offset_of(shared_at.0) as u32, previous);
        last.buffer.extend_from_slice(span);
        last.ask_for_more(last.buffer.len() - start);
        at
    }

    fn open(&mut self, needed: usize) {
        let spare = if needed <= SEGMENT_BYTES {
            self.spares.pop()
        } else {
            None
        };
        let buffer = spare.unwrap_or_else(|| {
            let buffer = Vec::with_capacity(needed.max(SEGMENT_BYTES));
            self.lease.overdraw(buffer.capacity());
            buffer
        });
        self.segments.push_back(Segment { buffer, live: 0 });
        self.shared.clear();
    }

    /// Some segments of the usual size are kept for the next; all others are given back.
    fn free(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() == SEGMENT_BYTES {
            buffer.clear();
            self.spares.push(buffer);
        } else {
            self.lease.give_back(buffer.capacity());
        }
        self.keep_spares(SPARES.max(self.segments.len() / SPARES_PART));
    }

    /// Keeps no buffer for what comes: all that is released is given back at once.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
        self.keep_spares(0);
    }

    fn keep_spares(&mut self, max: usize) {
        let max = if self.is_closed { 0 } else { max };
        for buffer in self.spares.drain(max.min(self.spares.len())..) {
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
        let header = u128::from(length) | u128::from(second) << 32 | u128::from(third) << 64;
        self.buffer.extend_from_slice(&header.to_le_bytes());
    }

    /// As much memory as has just been written is asked for in front, if it is not more than what is soon used.
    fn ask_for_more(&mut self, written: usize) {
        let rest = self.buffer.spare_capacity_mut();
        let rest = rest.get(AHEAD..).unwrap_or_default();
        let next = rest.get(..written.min(2 * AHEAD));
        ahead::ask_for(next.unwrap_or(rest));
    }

    /// The header at an offset, and everything behind it.
    fn read(&self, offset: usize) -> Option<([u64; 3], &[u8])> {
        let (header, body) = self.buffer.get(offset..)?.split_first_chunk::<HEADER>()?;
        let header = u128::from_le_bytes(*header);
        let low = |bits: u128| u64::from(bits as u32);
        let numbers = [low(header), low(header >> 32), (header >> 64) as u64];
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

    fn append(log: &mut Log, which: usize, span: &[u8]) -> Chain {
        let (resource, scope) = SHARED[which];
        log.append(&mut log.share(resource.into(), scope.into()), span)
    }

    fn extend(log: &mut Log, chain: &mut Chain, which: usize, span: &[u8]) {
        let (resource, scope) = SHARED[which];
        log.extend(chain, &mut log.share(resource.into(), scope.into()), span);
    }

    fn log() -> (Log, Arc<Budget>) {
        let budget = Budget::new(1 << 30);
        (Log::new(&budget), budget)
    }

    #[test]
    fn a_trace_is_read_back_from_its_last_span_with_what_each_shares() {
        let (mut log, _) = log();
        let mut one = append(&mut log, 0, b"first");
        let other = append(&mut log, 1, b"");
        extend(&mut log, &mut one, 1, b"second");
        let check = |chain: &Chain, expected: &[(&[u8], usize)]| {
            let spans: Vec<_> = log.spans(chain).map(|(_, record)| record).collect();
            let found = spans
                .iter()
                .map(|record| (record.span, log.shared(record.shared)));
            let expected = expected
                .iter()
                .map(|&(span, which)| (span, Some(SHARED[which])));
            assert!(found.eq(expected), "{spans:?}");
        };
        check(&one, &[(b"second", 1), (b"first", 0)]);
        check(&other, &[(b"", 1)]);
    }

    #[test]
    fn what_spans_share_is_written_once_a_segment() {
        let (mut log, _) = log();
        let mut chain = append(&mut log, 0, &[0; 1 << 20]);
        for _ in 1..10 {
            extend(&mut log, &mut chain, 0, &[0; 1 << 20]);
        }
        let mut distinct: Vec<SharedAt> = log.spans(&chain).map(|(_, at)| at.shared).collect();
        distinct.dedup();
        assert_eq!(distinct.len(), log.segments.len());
        assert!(log.segments.len() > 2);
    }

    #[test]
    fn memory_is_freed_from_the_front_and_some_buffers_are_kept() {
        let (mut log, budget) = log();
        // Three of these fill a segment.
        let mut chains: Vec<Option<Chain>> = (0..150)
            .map(|_| Some(append(&mut log, 0, &[0; 1 << 20])))
            .collect();
        let mut release = |log: &mut Log, range: std::ops::Range<usize>| {
            let gone = chains[range].iter_mut().filter_map(Option::take);
            gone.for_each(|chain| log.release(chain));
        };
        assert_eq!((log.bytes(), budget.used()), (50 << 22, 50 << 22));
        // Those in the middle go when those before them have gone.
        release(&mut log, 3..6);
        assert_eq!(log.bytes(), 50 << 22);
        release(&mut log, 0..3);
        assert_eq!((log.bytes(), budget.used()), (48 << 22, 50 << 22));
        release(&mut log, 6..30);
        assert_eq!(log.bytes(), 40 << 22);
        assert_eq!(budget.used(), (40 + 5) << 22, "one for eight in use");
        release(&mut log, 30..120);
        log.close();
        assert_eq!(budget.used(), 10 << 22, "none where nothing comes");
        release(&mut log, 120..150);
        assert_eq!(budget.used(), 1 << 22);
        drop(log);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn spans_that_came_later_stay_as_long_as_the_first_of_their_trace() {
        let (mut log, _) = log();
        let mut long = append(&mut log, 0, b"first");
        for _ in 0..30 {
            let short = append(&mut log, 0, &[0; 1 << 20]);
            log.release(short);
        }
        extend(&mut log, &mut long, 0, b"last");
        let names: Vec<&[u8]> = log.spans(&long).map(|(_, record)| record.span).collect();
        assert_eq!(names, [&b"last"[..], b"first"]);
        log.release(long);
        assert_eq!(log.bytes(), SEGMENT_BYTES as u64);
    }

    #[test]
    fn a_giant_span_has_a_segment_of_its_own_and_leaves_nothing_behind() {
        let (mut log, budget) = log();
        for _ in 0..10 {
            for size in [SEGMENT_BYTES / 2, 3 * SEGMENT_BYTES] {
                let mut chain = append(&mut log, 0, b"small");
                extend(&mut log, &mut chain, 0, &vec![7; size]);
                let (_, giant) = log.spans(&chain).next().unwrap();
                assert_eq!(giant.span.len(), size);
                log.release(chain);
            }
            assert!(log.bytes() <= SEGMENT_BYTES as u64, "{}", log.bytes());
        }
        let most = (1 + SPARES as u64) << 22;
        assert!(budget.used() <= most, "{}", budget.used());
    }

    #[test]
    fn places_that_the_log_never_had_are_nowhere() {
        let (mut log, _) = log();
        append(&mut log, 0, b"span");
        for place in [NONE, 1 << 32, u64::from(u32::MAX)] {
            assert!(log.record(At(place)).is_none());
            assert!(log.shared(SharedAt(place)).is_none());
        }
    }
}
