//! One series: its attributes, and what has been measured.

use std::time::Duration;

use otlp::exponential::Histogram;
use otlp::write::{Exemplar, KeyValues};

/// What is counted, and the durations of what is counted.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) attributes: KeyValues,
    /// In nanoseconds since the Unix epoch.
    pub(super) start: u64,
    pub(super) last_seen: Duration,
    pub(super) count: u64,
    /// A count begins at 0, so that whoever computes differences sees the first ones, too.
    pub(super) is_new: bool,
    pub(super) buckets: Buckets,
    /// Since the last time it was sent.
    pub(super) exemplars: Vec<Exemplar>,
    /// Bytes of memory that it was charged with.
    pub(super) cost: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Buckets {
    None,
    Explicit { sum: f64, counts: Box<[u64]> },
    Exponential(Box<Histogram>),
}

impl Series {
    pub(super) fn new(attributes: KeyValues, buckets: &Buckets, start: u64) -> Self {
        Self {
            attributes,
            start,
            last_seen: Duration::ZERO,
            count: 0,
            is_new: true,
            buckets: buckets.clone(),
            exemplars: Vec::new(),
            cost: 0,
        }
    }

    /// Counts something that took so long and stands for so many.
    #[inline]
    pub(super) fn measure(&mut self, duration: f64, times: u64, bounds: &[f64]) {
        self.count = self.count.saturating_add(times);
        match &mut self.buckets {
            Buckets::None => {}
            Buckets::Explicit { sum, counts } => {
                *sum += duration * times as f64;
                let at = bounds.partition_point(|bound| *bound < duration);
                if let Some(bucket) = counts.get_mut(at) {
                    *bucket = bucket.saturating_add(times);
                }
            }
            Buckets::Exponential(histogram) => histogram.record(duration, times),
        }
    }

    #[inline]
    pub(super) fn add_exemplar(&mut self, exemplar: Exemplar, max: usize) {
        if self.exemplars.len() < max {
            self.exemplars.push(exemplar);
        }
    }

    /// Bytes of memory that it takes beside the buckets that may still come.
    pub(super) fn bytes(&self) -> usize {
        let buckets = match &self.buckets {
            Buckets::None => 0,
            Buckets::Explicit { counts, .. } => size_of_val::<[u64]>(counts),
            Buckets::Exponential(histogram) => size_of::<Histogram>() + histogram.heap_bytes(),
        };
        let exemplars = self.exemplars.capacity() * size_of::<Exemplar>();
        size_of::<Self>() + self.attributes.heap_bytes() + buckets + exemplars
    }
}

impl Buckets {
    pub(super) fn explicit(bounds: usize) -> Self {
        Self::Explicit {
            sum: 0.0,
            counts: vec![0; bounds + 1].into(),
        }
    }

    pub(super) fn exponential(max_size: u32) -> Self {
        Self::Exponential(Box::new(Histogram::new(max_size)))
    }
}
