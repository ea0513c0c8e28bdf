//! What a series shows, and how a newer point becomes part of it.

use otlp::exponential;
use otlp::view::Number;

use super::drops::Reason;
pub(super) use crate::translation::{Explicit, Summary, Value, as_double};

/// Exemplars that a series keeps: a histogram shows one for each bucket.
pub(super) const EXEMPLARS_MAX: usize = 32;

/// One point, as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    /// Nanoseconds since the Unix epoch; 0 if nobody said.
    pub(super) start: u64,
    /// The same.
    pub(super) time: u64,
    pub(super) value: Value,
    pub(super) exemplars: Box<[Exemplar]>,
}

/// A measurement with the trace that it was part of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exemplar {
    pub(super) value: f64,
    /// Nanoseconds since the Unix epoch; 0 if nobody said.
    pub(super) time: u64,
    pub(super) trace: Option<[u8; 16]>,
    pub(super) span: Option<[u8; 8]>,
}

/// What a point says of the points before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Temporality {
    /// Nothing, or that it contains them.
    Latest,
    /// That it goes on where they end.
    Delta,
}

// === impl Sample ===

impl Sample {
    /// Takes a newer point of the same series.
    ///
    /// # Errors
    /// Why it is not part of the series, which is as it was.
    pub(super) fn take(&mut self, newer: Self, temporality: Temporality) -> Result<(), Reason> {
        let is_histogram = !matches!(newer.value, Value::Number(_));
        let follows = newer.start == self.time;
        match temporality {
            // A delta that begins later is what a sender says after it was started again.
            Temporality::Delta if is_histogram && newer.start < self.time => {
                return Err(Reason::Misaligned);
            }
            Temporality::Delta if follows => {
                self.add(newer);
                return Ok(());
            }
            _ if newer.time < self.time => return Err(Reason::OutOfOrder),
            _ => {}
        }
        let shown = std::mem::take(&mut self.exemplars);
        *self = newer;
        // What was measured before the last scrape may not have been seen yet.
        if self.exemplars.is_empty() {
            self.exemplars = shown;
        }
        Ok(())
    }

    /// Adds a delta, whichever time it is of.
    pub(super) fn add(&mut self, delta: Self) {
        self.time = self.time.max(delta.time);
        if !delta.exemplars.is_empty() {
            self.exemplars = delta.exemplars;
        }
        match (&mut self.value, delta.value) {
            (Value::Number(sum), Value::Number(more)) => *sum = added(*sum, more),
            (Value::Histogram(sum), Value::Histogram(more)) => sum.add(*more),
            (Value::Exponential(sum), Value::Exponential(more)) => sum.merge(&more),
            (shown, other) => *shown = other,
        }
    }

    /// Bytes of what is kept outside of the sample itself.
    pub(super) fn heap_bytes(&self) -> usize {
        let value = match &self.value {
            Value::Number(_) => 0,
            Value::Histogram(histogram) => {
                size_of::<Explicit>() + 8 * (histogram.bounds.len() + histogram.counts.len())
            }
            Value::Exponential(histogram) => {
                size_of::<exponential::Histogram>() + histogram.heap_bytes()
            }
            Value::Summary(summary) => size_of::<Summary>() + 16 * summary.quantiles.len(),
        };
        value + self.exemplars.len() * size_of::<Exemplar>()
    }
}

/// Whole numbers stay whole while they can.
fn added(a: Number, b: Number) -> Number {
    match (a, b) {
        (Number::Int(a), Number::Int(b)) if a.checked_add(b).is_some() => {
            Number::Int(a.wrapping_add(b))
        }
        (a, b) => Number::Double(as_double(a) + as_double(b)),
    }
}

// === impl Explicit ===

impl Explicit {
    /// With other bounds the sum cannot go on, and begins anew.
    fn add(&mut self, delta: Self) {
        if self.bounds != delta.bounds || self.counts.len() != delta.counts.len() {
            *self = delta;
            return;
        }
        self.count = self.count.saturating_add(delta.count);
        self.sum = Some(self.sum.unwrap_or_default() + delta.sum.unwrap_or_default());
        for (sum, more) in self.counts.iter_mut().zip(&delta.counts) {
            *sum = sum.saturating_add(*more);
        }
    }
}
