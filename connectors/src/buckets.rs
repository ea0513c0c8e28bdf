//! Histograms of durations: the buckets that a configuration asks for, and what has been measured into them.

use config::{GoDuration, Problems};
use otlp::MetricKind;
use otlp::exponential::{DEFAULT_MAX_SIZE, Histogram, MAX_MAX_SIZE, MIN_MAX_SIZE};
use otlp::write::{Explicit, MetricsWriter, Point};

/// Upper bounds where nothing is written, in milliseconds.
pub(crate) const BOUNDS_MS: [i64; 16] = [
    2, 4, 6, 8, 10, 50, 100, 200, 400, 800, 1000, 1400, 2000, 5000, 10_000, 15_000,
];

/// What was measured. How often is known by whoever holds it.
#[derive(Clone, Debug)]
pub(crate) enum Buckets {
    None,
    Explicit { sum: f64, counts: Box<[u64]> },
    Exponential(Box<Histogram>),
}

impl Buckets {
    /// Empty ones, one more than there are bounds.
    pub(crate) fn explicit(bounds: usize) -> Self {
        Self::Explicit {
            sum: 0.0,
            counts: vec![0; bounds + 1].into(),
        }
    }

    pub(crate) fn exponential(max_size: u32) -> Self {
        Self::Exponential(Box::new(Histogram::new(max_size)))
    }

    /// What a metric of them is.
    pub(crate) const fn kind(&self) -> MetricKind {
        match self {
            Self::Exponential(_) => MetricKind::ExponentialHistogram,
            _ => MetricKind::Histogram,
        }
    }

    /// Adds a value that stands for so many. The bounds are those that they were made for.
    #[inline]
    pub(crate) fn record(&mut self, value: f64, times: u64, bounds: &[f64]) {
        match self {
            Self::None => {}
            Self::Explicit { sum, counts } => {
                *sum += value * times as f64;
                let at = bounds.partition_point(|bound| *bound < value);
                if let Some(bucket) = counts.get_mut(at) {
                    *bucket = bucket.saturating_add(times);
                }
            }
            Self::Exponential(histogram) => histogram.record(value, times),
        }
    }

    /// Writes a point of the metric that was begun, if they are such.
    pub(crate) fn write(
        &self,
        writer: &mut MetricsWriter,
        point: &Point<'_>,
        (count, bounds): (u64, &[f64]),
    ) {
        match self {
            Self::None => {}
            Self::Explicit { sum, counts } => {
                let sum = *sum;
                writer.histogram(
                    point,
                    &Explicit {
                        count,
                        sum,
                        bounds,
                        counts,
                    },
                );
            }
            Self::Exponential(histogram) => writer.exponential(point, histogram),
        }
    }

    /// Bytes of memory beside itself.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Explicit { counts, .. } => size_of_val::<[u64]>(counts),
            Self::Exponential(histogram) => size_of::<Histogram>() + histogram.heap_bytes(),
        }
    }
}

/// Bounds in a unit of so many nanoseconds, ascending, each once.
pub(crate) fn bounds(written: &[GoDuration], unit_nanos: f64) -> Vec<f64> {
    let bounds = written.iter();
    let bounds = bounds.map(|bound| bound.nanos() as f64 / unit_nanos);
    let mut bounds: Vec<f64> = bounds.collect();
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    bounds
}

/// Warns of bounds that have to be put in order.
pub(crate) fn check_bounds(problems: &mut Problems, key: &str, written: &[GoDuration]) {
    if !written.is_sorted_by(|a, b| a < b) {
        problems.warn(key, "bounds ascend; these are put in order, each once");
    }
}

/// Buckets of each sign of an exponential histogram, as many as there can be; 0 is the default.
pub(crate) fn exponential_size(written: i64) -> u32 {
    match u32::try_from(written) {
        Ok(0) | Err(_) if written <= 0 => DEFAULT_MAX_SIZE,
        size => size
            .unwrap_or(MAX_MAX_SIZE)
            .clamp(MIN_MAX_SIZE, MAX_MAX_SIZE),
    }
}

/// Warns of a size that there cannot be.
pub(crate) fn check_size(problems: &mut Problems, key: &str, written: i64) {
    let size = exponential_size(written);
    if written != 0 && written != i64::from(size) {
        let text = format!("a size is from {MIN_MAX_SIZE} to {MAX_MAX_SIZE}; {size} is used");
        problems.warn(key, text);
    }
}
