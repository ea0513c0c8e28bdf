//! Native histograms as both protocols have them: `Histogram` with the same field numbers, without its times.

use otlp::exponential::Histogram;
use otlp::wire::{put_fixed64, put_len, put_len_header, put_uint, put_varint, zigzag};

use super::STALE;
use crate::translation::{Explicit, Spans, ZERO_THRESHOLD};

/// The schema of buckets with bounds of their own.
const CUSTOM: i64 = -53;

const COUNT: u32 = 1;
const SUM: u32 = 3;
const SCHEMA: u32 = 4;
const THRESHOLD: u32 = 5;
const ZERO_COUNT: u32 = 6;
/// Of spans; the differences of their counts have the next number.
const NEGATIVE: u32 = 8;
const POSITIVE: u32 = 11;
const CUSTOM_VALUES: u32 = 16;

/// An exponential histogram.
pub(super) fn exponential(histogram: &Histogram) -> Box<[u8]> {
    let threshold = match histogram.zero_threshold() {
        0.0 => ZERO_THRESHOLD,
        threshold => threshold,
    };
    let mut out = Vec::new();
    put_uint(&mut out, COUNT, histogram.count());
    put_fixed64(&mut out, SUM, histogram.sum().unwrap_or_default().to_bits());
    put_uint(&mut out, SCHEMA, zigzag(i64::from(histogram.scale())));
    put_fixed64(&mut out, THRESHOLD, threshold.to_bits());
    put_uint(&mut out, ZERO_COUNT, histogram.zero_count());
    put_side(&mut out, NEGATIVE, &Spans::of(histogram.negative()));
    put_side(&mut out, POSITIVE, &Spans::of(histogram.positive()));
    out.into()
}

/// A histogram with explicit bounds, as one of custom buckets. What its buckets lack of its count lies above them all.
/// Only finite bounds are custom values: Prometheus refuses a request for any other, and for a bucket beyond them.
pub(super) fn custom(histogram: &Explicit) -> Box<[u8]> {
    let buckets = histogram.bounds.iter().zip(&histogram.counts);
    let (bounds, mut counts): (Vec<f64>, Vec<u64>) =
        buckets.filter(|(bound, _)| bound.is_finite()).unzip();
    counts.push(histogram.count - counts.iter().sum::<u64>());
    let populated = (0..).zip(counts).filter(|(_, count)| *count > 0);
    let mut out = Vec::new();
    put_uint(&mut out, COUNT, histogram.count);
    put_fixed64(&mut out, SUM, histogram.sum.unwrap_or_default().to_bits());
    put_uint(&mut out, SCHEMA, zigzag(CUSTOM));
    put_uint(&mut out, ZERO_COUNT, 0);
    put_side(&mut out, POSITIVE, &Spans::indexed(populated));
    let bounds: Vec<u8> = bounds.into_iter().flat_map(f64::to_le_bytes).collect();
    put_len(&mut out, CUSTOM_VALUES, &bounds);
    out.into()
}

/// The end of a series of native histograms: a sum that is the mark of it.
pub(super) fn stale(is_custom: bool) -> Box<[u8]> {
    let mut out = Vec::new();
    put_uint(&mut out, COUNT, 0);
    put_fixed64(&mut out, SUM, STALE.to_bits());
    if is_custom {
        put_uint(&mut out, SCHEMA, zigzag(CUSTOM));
    }
    put_uint(&mut out, ZERO_COUNT, 0);
    out.into()
}

fn put_side(out: &mut Vec<u8>, number: u32, native: &Spans) {
    for (offset, length) in &native.spans {
        let mut span = Vec::new();
        put_uint(&mut span, 1, zigzag(i64::from(*offset)));
        put_uint(&mut span, 2, u64::from(*length));
        put_len(out, number, &span);
    }
    if native.deltas.is_empty() {
        return;
    }
    let mut deltas = Vec::new();
    for delta in &native.deltas {
        put_varint(&mut deltas, zigzag(*delta));
    }
    put_len_header(out, number + 1, deltas.len());
    out.append(&mut deltas);
}
