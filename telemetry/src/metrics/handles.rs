//! Handles with atomics of their own: an update takes no lock and looks nothing up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

use super::{Buckets, Family, Labels, Metrics, Samples, Source, Value};

/// A sum that only grows. A clone counts into the same cell.
#[derive(Clone, Debug)]
pub struct Counter(Arc<Series<Count>>);

/// A number that goes up and down. A clone sets the same cell.
#[derive(Clone, Debug)]
pub struct Gauge(Arc<Series<AtomicI64>>);

/// How often values fell between given bounds. A clone observes into the same cells.
#[derive(Clone, Debug)]
pub struct Histogram(Arc<Series<Distribution>>);

#[derive(Debug)]
struct Series<C> {
    family: Family,
    labels: Labels,
    cell: C,
}

trait Cell: Send + Sync {
    /// `None` if nothing was counted yet: such a series is not shown.
    fn value(&self) -> Option<Value>;
}

#[derive(Debug, Default)]
struct Count {
    sum: AtomicU64,
    used: AtomicBool,
}

#[derive(Debug)]
struct Distribution {
    bounds: &'static [f64],
    counts: Box<[AtomicU64]>,
    /// The bits of an `f64`.
    sum: AtomicU64,
}

// === impl Counter ===

impl Counter {
    /// Adding 0 is a use too: it shows the series.
    pub fn add(&self, amount: u64) {
        let count = &self.0.cell;
        count.sum.fetch_add(amount, Relaxed);
        // Reading first keeps the cache line shared when another core only reads it.
        if !count.used.load(Relaxed) {
            count.used.store(true, Relaxed);
        }
    }

    pub fn get(&self) -> u64 {
        self.0.cell.sum.load(Relaxed)
    }

    pub(super) fn register(metrics: &Metrics, family: &Family, labels: &[(&str, &str)]) -> Self {
        Self(Series::register(metrics, family, labels, Count::default()))
    }
}

// === impl Gauge ===

impl Gauge {
    pub fn set(&self, value: i64) {
        self.0.cell.store(value, Relaxed);
    }

    /// Goes up, or with a negative `amount` down.
    pub fn add(&self, amount: i64) {
        self.0.cell.fetch_add(amount, Relaxed);
    }

    pub fn get(&self) -> i64 {
        self.0.cell.load(Relaxed)
    }

    pub(super) fn register(metrics: &Metrics, family: &Family, labels: &[(&str, &str)]) -> Self {
        Self(Series::register(metrics, family, labels, AtomicI64::new(0)))
    }
}

// === impl Histogram ===

impl Histogram {
    /// Counts `value` in the first bucket whose bound it does not exceed. What is not a number is
    /// ignored, since it would spoil the sum for ever.
    pub fn observe(&self, value: f64) {
        if value.is_nan() {
            return;
        }
        if let Some(count) = self.0.cell.counts.get(self.bucket(value)) {
            count.fetch_add(1, Relaxed);
        }
        self.add_to_sum(value);
    }

    /// Counts as many values in each bucket; their sum is this.
    pub(super) fn add(&self, by_bucket: &[u64], sum: f64) {
        for (count, more) in self.0.cell.counts.iter().zip(by_bucket) {
            if *more > 0 {
                count.fetch_add(*more, Relaxed);
            }
        }
        self.add_to_sum(sum);
    }

    /// Where a value is counted.
    pub(super) fn bucket(&self, value: f64) -> usize {
        let bounds = self.0.cell.bounds;
        bounds.partition_point(|bound| *bound < value)
    }

    pub(super) fn buckets(&self) -> usize {
        self.0.cell.counts.len()
    }

    fn add_to_sum(&self, value: f64) {
        let add = |bits| Some((f64::from_bits(bits) + value).to_bits());
        // The closure always gives a new value, so this cannot fail.
        let _ = self.0.cell.sum.fetch_update(Relaxed, Relaxed, add);
    }

    pub(super) fn register(
        metrics: &Metrics,
        family: &Family,
        labels: &[(&str, &str)],
        bounds: &'static [f64],
    ) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        let cell = Distribution {
            bounds,
            counts,
            sum: AtomicU64::new(0),
        };
        Self(Series::register(metrics, family, labels, cell))
    }
}

// === impl Series ===

impl<C: Cell + 'static> Series<C> {
    fn register(metrics: &Metrics, family: &Family, labels: &[(&str, &str)], cell: C) -> Arc<Self> {
        let own = labels
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        let series = Arc::new(Self {
            family: family.clone(),
            labels: own.collect(),
            cell,
        });
        metrics.register(&series);
        series
    }
}

impl<C: Cell> Source for Series<C> {
    fn emit(&self, samples: &mut Samples<'_>) {
        if let Some(value) = self.cell.value() {
            samples.put_own(&self.family, self.labels.clone(), value);
        }
    }
}

// === impl Cell ===

impl Cell for Count {
    fn value(&self) -> Option<Value> {
        let used = self.used.load(Relaxed);
        used.then(|| Value::Number(self.sum.load(Relaxed) as f64))
    }
}

impl Cell for AtomicI64 {
    fn value(&self) -> Option<Value> {
        Some(Value::Number(self.load(Relaxed) as f64))
    }
}

impl Cell for Distribution {
    /// The number of observations is the sum of the buckets read here, so that the page agrees with
    /// itself; `sum` may be an observation ahead or behind.
    fn value(&self) -> Option<Value> {
        let counts: Vec<u64> = self
            .counts
            .iter()
            .map(|count| count.load(Relaxed))
            .collect();
        let sum = f64::from_bits(self.sum.load(Relaxed));
        let used = counts.iter().any(|count| *count > 0);
        used.then_some(Value::Buckets(Buckets {
            bounds: self.bounds,
            counts,
            sum,
        }))
    }
}
