//! One decision in about fifty bytes.
//!
//! ```text
//! length 2 | late spans 4 | trace id 16 | tags 1 | policy, times, spans, bytes, latency: varints | trail
//! ```
//! Numbers are little endian. Times are milliseconds, each before the one that stands before it; the moment of the
//! decision is told from the time of its segment.

use std::time::Duration;

use otlp::wire::put_varint;
use serde::Serialize;

use super::super::id::TraceId;
use super::super::policies::{Vote, take_varint};

/// Before the tags.
pub(super) const HEADER: usize = 2 + 4 + 16;

/// Between the tags and the trail.
const NUMBERS: usize = 7;

/// Where the count of late spans stands.
const LATE: usize = 2;

/// What became of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Sampled,
    NotSampled,
    /// By a policy of type `drop`.
    Dropped,
    /// It was larger than `maximum_trace_size_bytes`.
    TooLarge,
    /// It made room undecided.
    Evicted,
    /// The service ended before it was decided.
    Abandoned,
}

/// Why the decision was made when it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cause {
    /// Its time had come.
    Due,
    /// To make room for others.
    Overflow,
    /// More spans than one trace may hold.
    SpanLimit,
    SizeLimit,
    Shutdown,
    /// Spans came after which nothing could change it.
    Arrival,
}

/// A decision as it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decided<'a> {
    pub(crate) id: TraceId,
    pub(crate) outcome: Outcome,
    pub(crate) cause: Cause,
    /// The policy that decided.
    pub(crate) policy: Option<usize>,
    pub(crate) has_root: bool,
    /// On the service's clock: the decision, the first and the last span before it.
    pub(crate) at: Duration,
    pub(crate) first: Duration,
    pub(crate) last: Duration,
    pub(crate) spans: u32,
    pub(crate) bytes: u64,
    /// Latency, in milliseconds.
    pub(crate) millis: i64,
    /// What the policies said.
    pub(crate) trail: &'a [u8],
}

/// A decision as it is remembered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) decided: Decided<'a>,
    /// Spans that came after it.
    pub(super) late: u32,
    /// With the header.
    pub(super) length: usize,
}

impl Outcome {
    pub(crate) fn of(vote: Vote) -> Self {
        match vote {
            Vote::Sampled => Self::Sampled,
            Vote::Dropped => Self::Dropped,
            Vote::NotSampled | Vote::Failed => Self::NotSampled,
        }
    }

    const ALL: [Self; 6] = [
        Self::Sampled,
        Self::NotSampled,
        Self::Dropped,
        Self::TooLarge,
        Self::Evicted,
        Self::Abandoned,
    ];
}

impl Cause {
    const ALL: [Self; 6] = [
        Self::Due,
        Self::Overflow,
        Self::SpanLimit,
        Self::SizeLimit,
        Self::Shutdown,
        Self::Arrival,
    ];
}

/// What a record takes at most.
pub(super) fn length_max(decided: &Decided<'_>) -> usize {
    const VARINT_MAX: usize = 10;
    HEADER + 1 + NUMBERS * VARINT_MAX + decided.trail.len()
}

/// Appends a record; `base` is the time of the segment.
pub(super) fn put(out: &mut Vec<u8>, decided: &Decided<'_>, late: u32, base: Duration) {
    let start = out.len();
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(&late.to_le_bytes());
    out.extend_from_slice(&decided.id);
    let root = u8::from(decided.has_root);
    out.push(decided.outcome as u8 | (decided.cause as u8) << 3 | root << 6);
    let millis = |later: Duration, earlier: Duration| {
        u64::try_from(later.saturating_sub(earlier).as_millis()).unwrap_or(u64::MAX)
    };
    let numbers: [u64; NUMBERS] = [
        decided.policy.map_or(0, |at| at as u64 + 1),
        millis(decided.at, base),
        millis(decided.at, decided.last),
        millis(decided.last, decided.first),
        decided.spans.into(),
        decided.bytes,
        (decided.millis << 1 ^ decided.millis >> 63) as u64,
    ];
    for number in numbers {
        put_varint(out, number);
    }
    out.extend_from_slice(decided.trail);
    let length = u16::try_from(out.len() - start).unwrap_or(u16::MAX);
    if let Some(place) = out.get_mut(start..start + LATE) {
        place.copy_from_slice(&length.to_le_bytes());
    }
}

/// The id of the record that begins here.
pub(super) fn id(bytes: &[u8]) -> Option<&TraceId> {
    bytes.get(LATE + 4..HEADER)?.try_into().ok()
}

/// One more late span for the record that begins here.
pub(super) fn add_late(bytes: &mut [u8]) {
    let place = bytes.get_mut(LATE..LATE + 4);
    if let Some(place) = place.and_then(|place| <&mut [u8; 4]>::try_from(place).ok()) {
        *place = u32::from_le_bytes(*place).saturating_add(1).to_le_bytes();
    }
}

/// The record that begins here. `None`: none does.
pub(super) fn read(bytes: &[u8], base: Duration) -> Option<Record<'_>> {
    let length = usize::from(u16::from_le_bytes(*bytes.first_chunk()?));
    let bytes = bytes.get(..length)?;
    let late = u32::from_le_bytes(*bytes.get(LATE..)?.first_chunk()?);
    let id = *id(bytes)?;
    let (&tags, mut rest) = bytes.get(HEADER..)?.split_first()?;
    let mut numbers = [0; NUMBERS];
    for number in &mut numbers {
        *number = take_varint(&mut rest)?;
    }
    let [policy, at, since_last, between, spans, size, latency] = numbers;
    let at = base + Duration::from_millis(at);
    let last = at.saturating_sub(Duration::from_millis(since_last));
    let decided = Decided {
        id,
        outcome: *Outcome::ALL.get(usize::from(tags & 7))?,
        cause: *Cause::ALL.get(usize::from(tags >> 3 & 7))?,
        policy: usize::try_from(policy).ok()?.checked_sub(1),
        has_root: tags >> 6 & 1 != 0,
        at,
        last,
        first: last.saturating_sub(Duration::from_millis(between)),
        spans: u32::try_from(spans).ok()?,
        bytes: size,
        millis: (latency >> 1) as i64 ^ -((latency & 1) as i64),
        trail: rest,
    };
    Some(Record {
        decided,
        late,
        length,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back_as_it_was() {
        let millis = Duration::from_millis;
        for (outcome, cause) in Outcome::ALL.into_iter().zip(Cause::ALL.into_iter().cycle()) {
            for latency in [0, -5, 812, i64::MAX, i64::MIN] {
                let decided = Decided {
                    id: [9; 16],
                    outcome,
                    cause,
                    policy: (latency != 0).then_some(3),
                    has_root: latency < 0,
                    at: millis(70_000),
                    first: millis(40_000),
                    last: millis(59_999),
                    spans: 1_000_000,
                    bytes: u64::MAX,
                    millis: latency,
                    trail: &[1, 2, 3],
                };
                let mut out = vec![7; 5];
                put(&mut out, &decided, 4, millis(69_000));
                out.push(7);
                add_late(&mut out[5..]);
                let record = read(&out[5..], millis(69_000)).unwrap();
                assert_eq!((record.decided, record.late), (decided, 5));
                assert_eq!(record.length, out.len() - 6);
            }
        }
    }

    #[test]
    fn a_usual_record_is_small() {
        let decided = Decided {
            id: [9; 16],
            outcome: Outcome::NotSampled,
            cause: Cause::Due,
            policy: None,
            has_root: true,
            at: Duration::from_secs(1000),
            first: Duration::from_secs(970),
            last: Duration::from_secs(971),
            spans: 10,
            bytes: 4770,
            millis: 812,
            trail: &[1, 1, 1],
        };
        let mut out = Vec::new();
        put(&mut out, &decided, 0, Duration::from_secs(990));
        assert!(out.len() <= 42, "{}", out.len());
    }
}
