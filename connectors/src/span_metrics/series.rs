//! One series: its attributes, and what has been measured.

use std::time::Duration;

use otlp::write::{Exemplar, KeyValues};

use super::waiting::Candidates;
use crate::buckets::Buckets;

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
    /// Of those that wait for their traces, if they do; whoever waits is charged for them.
    pub(super) candidates: Option<Box<Candidates>>,
    /// Bytes of memory that it was charged with.
    pub(super) cost: usize,
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
            candidates: None,
            cost: 0,
        }
    }

    /// Counts something that took so long and stands for so many.
    #[inline]
    pub(super) fn measure(&mut self, duration: f64, times: u64, bounds: &[f64]) {
        self.count = self.count.saturating_add(times);
        self.buckets.record(duration, times, bounds);
    }

    /// Bytes of memory that it takes beside the buckets that may still come.
    pub(super) fn bytes(&self) -> usize {
        let exemplars = self.exemplars.capacity() * size_of::<Exemplar>();
        size_of::<Self>() + self.attributes.heap_bytes() + self.buckets.heap_bytes() + exemplars
    }
}
