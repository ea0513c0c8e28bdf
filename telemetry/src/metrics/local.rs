//! What one owner counts by itself and tells at intervals: where many are counted at a time, atomics cost more than
//! what is counted, since each of them waits until all that was written before is where others can see it.

use super::{Counter, Family, Histogram, Metrics};

/// A part of a [`Counter`] that has not been told yet.
#[derive(Debug)]
pub struct LocalCounter {
    counter: Counter,
    untold: Option<u64>,
}

/// A part of a [`Histogram`] that has not been told yet.
#[derive(Debug)]
pub struct LocalHistogram {
    histogram: Histogram,
    /// By bucket.
    untold: Box<[u64]>,
    sum: f64,
    is_told: bool,
}

// === impl Metrics ===

impl Metrics {
    /// As [`counter`](Self::counter), for one who tells what it counts at intervals.
    #[must_use = "what a dropped handle has measured is gone"]
    pub fn local_counter(&self, family: &Family, labels: &[(&str, &str)]) -> LocalCounter {
        LocalCounter::from(self.counter(family, labels))
    }

    /// As [`histogram`](Self::histogram), for one who tells what it observes at intervals.
    #[must_use = "what a dropped handle has measured is gone"]
    pub fn local_histogram(
        &self,
        family: &Family,
        labels: &[(&str, &str)],
        bounds: &'static [f64],
    ) -> LocalHistogram {
        LocalHistogram::from(self.histogram(family, labels, bounds))
    }
}

// === impl LocalCounter ===

impl LocalCounter {
    /// Adding 0 is a use too, as with the counter.
    pub fn add(&mut self, amount: u64) {
        *self.untold.get_or_insert_default() += amount;
    }

    /// Adds what has come together to the counter.
    pub fn tell(&mut self) {
        if let Some(amount) = self.untold.take() {
            self.counter.add(amount);
        }
    }
}

impl From<Counter> for LocalCounter {
    fn from(counter: Counter) -> Self {
        Self {
            counter,
            untold: None,
        }
    }
}

// === impl LocalHistogram ===

impl LocalHistogram {
    /// As [`Histogram::observe`].
    pub fn observe(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        let bucket = self.histogram.bucket(value);
        if let Some(count) = self.untold.get_mut(bucket) {
            *count += 1;
        }
        self.sum += value;
        self.is_told = false;
    }

    /// Adds what has come together to the histogram.
    pub fn tell(&mut self) {
        if !self.is_told {
            self.histogram.add(&self.untold, self.sum);
            self.untold.fill(0);
            self.sum = 0.0;
            self.is_told = true;
        }
    }
}

impl From<Histogram> for LocalHistogram {
    fn from(histogram: Histogram) -> Self {
        Self {
            untold: vec![0; histogram.buckets()].into(),
            histogram,
            sum: 0.0,
            is_told: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Level, Page};
    use super::*;

    const COUNT: Family = Family::counter("count", "Count");
    const TIMES: Family = Family::histogram("times", "Times").seconds();
    const BOUNDS: &[f64] = &[0.5, 2.0];
    const VALUES: [f64; 5] = [0.25, 0.5, 1.0, 3.0, f64::NAN];

    fn page(metrics: &Metrics) -> String {
        metrics.render(&Page {
            level: Level::Detailed,
            ..Page::default()
        })
    }

    #[test]
    fn what_is_told_is_what_the_handles_would_have_counted() {
        let metrics = Metrics::default();
        let [one, zero, _none] =
            ["one", "zero", "none"].map(|name| metrics.counter(&COUNT, &[("name", name)]));
        let times = metrics.histogram(&TIMES, &[], BOUNDS);
        for _ in 0..2 {
            one.add(3);
            zero.add(0);
            VALUES.iter().for_each(|value| times.observe(*value));
        }
        let expected = page(&metrics);
        assert!(expected.contains(r#"count{name="one"} 6"#), "{expected}");

        let metrics = Metrics::default();
        let mut counters =
            ["one", "zero", "none"].map(|name| metrics.local_counter(&COUNT, &[("name", name)]));
        let mut times = metrics.local_histogram(&TIMES, &[], BOUNDS);
        for _ in 0..2 {
            counters[0].add(3);
            counters[1].add(0);
            VALUES.iter().for_each(|value| times.observe(*value));
            counters.iter_mut().for_each(LocalCounter::tell);
            times.tell();
        }
        // What was told is not told again, and what was not told is not shown.
        times.tell();
        counters[2].tell();
        counters[0].add(100);
        times.observe(100.0);
        assert_eq!(page(&metrics), expected);
    }
}
