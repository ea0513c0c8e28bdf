//! The exponential histogram of the OTLP
//! [data model](https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram): buckets whose
//! bounds are powers of one base, which becomes coarser by itself when the values spread, so that no more than a given
//! number of buckets are ever held.

mod buckets;
mod index;
#[cfg(test)]
mod tests;

pub use buckets::Buckets;
use buckets::Range;
pub use index::{MAX_SCALE, MIN_SCALE, bucket_index, lower_bound};

use crate::view;
use crate::wire::Malformed;

/// Buckets of one sign that a histogram holds unless it is told otherwise: with values from 1 ms to 100 s in it no
/// bound is more than 5 % away from a value.
pub const DEFAULT_MAX_SIZE: u32 = 160;

/// Two buckets of the coarsest scale hold all doubles there are.
pub const MIN_MAX_SIZE: u32 = 2;

/// As many buckets as the histograms of the Collector can have: 128 KiB for one series.
pub const MAX_MAX_SIZE: u32 = 16_384;

const BEYOND_DOUBLES: Malformed = Malformed("bucket of a histogram beyond what doubles can be");

/// What was recorded, in at most `max_size` buckets of each sign at the finest scale that allows it. Which scale that
/// is does not depend on the order in which the values came.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    max_size: u32,
    /// Of the buckets; without any it says how fine they may begin.
    scale: i32,
    zero_threshold: f64,
    zero_count: u64,
    positive: Buckets,
    negative: Buckets,
    count: u64,
    sum: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
}

impl Histogram {
    /// An empty one. The size is brought between [`MIN_MAX_SIZE`] and [`MAX_MAX_SIZE`].
    pub fn new(max_size: u32) -> Self {
        Self {
            max_size: max_size.clamp(MIN_MAX_SIZE, MAX_MAX_SIZE),
            scale: MAX_SCALE,
            zero_threshold: 0.0,
            zero_count: 0,
            positive: Buckets::default(),
            negative: Buckets::default(),
            count: 0,
            sum: Some(0.0),
            min: None,
            max: None,
        }
    }

    /// What a point holds, coarser if it has more than `max_size` buckets.
    ///
    /// # Errors
    /// The framing is broken, or an index or the scale is beyond what a histogram of doubles can have.
    pub fn of_point(
        point: &view::ExponentialHistogramPoint<'_>,
        max_size: u32,
    ) -> Result<Self, Malformed> {
        let mut histogram = Self {
            zero_threshold: threshold_of(point),
            zero_count: point.zero_count,
            count: point.count,
            sum: point.sum,
            min: point.min,
            max: point.max,
            ..Self::new(max_size)
        };
        let positive = written_range(point.positive.as_ref())?;
        let negative = written_range(point.negative.as_ref())?;
        if positive.is_none() && negative.is_none() {
            return Ok(histogram);
        }
        let ranges = || [positive, negative].into_iter().flatten();
        let Some(above_coarsest) = point.scale.checked_sub(MIN_SCALE) else {
            return Err(BEYOND_DOUBLES);
        };
        for range in ranges() {
            let coarsest = range.downscaled(u32::try_from(above_coarsest).or(Err(BEYOND_DOUBLES))?);
            if coarsest.first < -1 || coarsest.last > 0 {
                return Err(BEYOND_DOUBLES);
            }
        }
        let mut change = point.scale.saturating_sub(MAX_SCALE).max(0) as u32;
        for range in ranges() {
            let range = range.downscaled(change);
            change += range.change_to_fit(histogram.max_size);
        }
        histogram.scale = point.scale - change as i32;
        add_written(&mut histogram.positive, point.positive.as_ref(), change)?;
        add_written(&mut histogram.negative, point.negative.as_ref(), change)?;
        Ok(histogram)
    }

    /// Records a value that was measured `times` times. What is not finite has no bucket and is left out, as the SDKs
    /// of OpenTelemetry leave it out.
    pub fn record(&mut self, value: f64, times: u64) {
        if times == 0 || !value.is_finite() {
            return;
        }
        self.count = self.count.saturating_add(times);
        self.sum = self.sum.map(|sum| sum + value * times as f64);
        self.min = Some(self.min.map_or(value, |min| min.min(value)));
        self.max = Some(self.max.map_or(value, |max| max.max(value)));
        let size = value.abs();
        if size <= self.zero_threshold {
            self.zero_count = self.zero_count.saturating_add(times);
            return;
        }
        let mut index = bucket_index(size, self.scale);
        let change = self.side(value).range().map_or(0, |range| {
            let wider = range.with(Range::of(i64::from(index)));
            wider.change_to_fit(self.max_size)
        });
        if change > 0 {
            self.coarsen(change);
            index >>= change;
        }
        self.side(value).add(index, times);
    }

    /// Adds what another one holds: the finest scale that both have and that keeps the size, and the wider zero bucket.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 && other.is_without_buckets() && other.zero_count == 0 {
            return;
        }
        let other = &self.align_zero_bucket(other);
        let is_first = self.count == 0;
        self.min = merged(self.min, other.min, is_first, f64::min);
        self.max = merged(self.max, other.max, is_first, f64::max);
        self.sum = merged(self.sum, other.sum, is_first, |a, b| a + b);
        self.count = self.count.saturating_add(other.count);
        self.zero_count = self.zero_count.saturating_add(other.zero_count);
        if other.is_without_buckets() {
            return;
        }
        self.downscale(other.scale);
        let theirs = (other.scale - self.scale).unsigned_abs();
        let sides = [
            (&self.positive, &other.positive),
            (&self.negative, &other.negative),
        ];
        let changes = sides.map(|(mine, their)| {
            let their = their.range().map(|range| range.downscaled(theirs));
            let both = match (mine.range(), their) {
                (Some(mine), Some(their)) => Some(mine.with(their)),
                (one, another) => one.or(another),
            };
            both.map_or(0, |range| range.change_to_fit(self.max_size))
        });
        let [positive, negative] = changes;
        let change = positive.max(negative);
        self.coarsen(change);
        for (index, count) in other.positive.iter() {
            self.positive.add(index >> (theirs + change), count);
        }
        for (index, count) in other.negative.iter() {
            self.negative.add(index >> (theirs + change), count);
        }
    }

    /// Makes the scale this coarse, unless it is already.
    pub fn downscale(&mut self, scale: i32) {
        let scale = scale.max(MIN_SCALE);
        if scale < self.scale {
            self.coarsen((self.scale - scale).unsigned_abs());
        }
    }

    /// Of the buckets; 0 without any, when it means nothing.
    pub const fn scale(&self) -> i32 {
        if self.is_without_buckets() {
            0
        } else {
            self.scale
        }
    }

    /// Values up to this size, of either sign, are in the zero bucket.
    pub const fn zero_threshold(&self) -> f64 {
        self.zero_threshold
    }

    pub const fn zero_count(&self) -> u64 {
        self.zero_count
    }

    pub const fn positive(&self) -> &Buckets {
        &self.positive
    }

    /// Buckets of the sizes of negative values.
    pub const fn negative(&self) -> &Buckets {
        &self.negative
    }

    pub const fn count(&self) -> u64 {
        self.count
    }

    /// `None` if a point that was merged in did not say.
    pub const fn sum(&self) -> Option<f64> {
        self.sum
    }

    /// `None` while nothing is recorded, or if a point that was merged in did not say.
    pub const fn min(&self) -> Option<f64> {
        self.min
    }

    /// `None` while nothing is recorded, or if a point that was merged in did not say.
    pub const fn max(&self) -> Option<f64> {
        self.max
    }

    /// What was recorded, ascending: for each populated bucket the geometric middle of its bounds and how many values
    /// it has. No middle is outside of what was measured, where that is known.
    pub fn middles(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let (min, max) = (self.min, self.max);
        let middle = move |index: i32| {
            let power = (f64::from(index) + 0.5) * f64::from(-self.scale).exp2();
            power.exp2().min(f64::MAX)
        };
        let negative = self.negative.iter().collect::<Vec<_>>().into_iter().rev();
        let negative = negative.map(move |(index, count)| (-middle(index), count));
        let zero = (self.zero_count > 0).then_some((0.0, self.zero_count));
        let positive = self.positive.iter();
        let positive = positive.map(move |(index, count)| (middle(index), count));
        let all = negative.chain(zero).chain(positive);
        all.map(move |(value, count)| {
            let value = min.map_or(value, |min| value.max(min));
            (max.map_or(value, |max| value.min(max)), count)
        })
    }

    /// The value below which a part of what was recorded lies, to the width of a bucket; `None` while there is none.
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let rank = (part.clamp(0.0, 1.0) * self.count as f64).ceil().max(1.0);
        let mut seen = 0;
        let mut middles = self.middles();
        middles.find_map(|(value, count)| {
            seen += count;
            (seen as f64 >= rank).then_some(value)
        })
    }

    /// Bytes that it holds beside itself.
    pub const fn heap_bytes(&self) -> usize {
        self.positive.heap_bytes() + self.negative.heap_bytes()
    }

    const fn is_without_buckets(&self) -> bool {
        self.positive.is_empty() && self.negative.is_empty()
    }

    const fn side(&mut self, value: f64) -> &mut Buckets {
        if value > 0.0 {
            &mut self.positive
        } else {
            &mut self.negative
        }
    }

    fn coarsen(&mut self, by: u32) {
        self.positive.downscale(by);
        self.negative.downscale(by);
        self.scale -= by as i32;
    }

    /// Gives both the same zero bucket, and hands the other one back.
    fn align_zero_bucket(&mut self, other: &Self) -> Self {
        let mut other = other.clone();
        // Widening one may widen it to the next bound, which the other one has to follow, and so on; every turn empties
        // a bucket, and without buckets a threshold is taken as it is.
        loop {
            if self.zero_threshold < other.zero_threshold {
                self.widen_zero_bucket(other.zero_threshold);
            } else if other.zero_threshold < self.zero_threshold {
                other.widen_zero_bucket(self.zero_threshold);
            } else {
                return other;
            }
        }
    }

    /// Takes what is up to `threshold` into the zero bucket; where this falls into a populated bucket, all of it.
    fn widen_zero_bucket(&mut self, threshold: f64) {
        self.zero_threshold = threshold;
        if self.is_without_buckets() {
            return;
        }
        let last = bucket_index(threshold, self.scale);
        for side in [&mut self.positive, &mut self.negative] {
            let (count, reaches_beyond) = side.drain_to(last);
            self.zero_count = self.zero_count.saturating_add(count);
            if reaches_beyond {
                let bound = lower_bound(last + 1, self.scale).min(f64::MAX);
                self.zero_threshold = threshold.max(bound);
            }
        }
    }
}

/// How wide the zero bucket of a point is, none where what it says is no width.
const fn threshold_of(point: &view::ExponentialHistogramPoint<'_>) -> f64 {
    match point.zero_threshold {
        threshold if threshold > 0.0 => threshold.min(f64::MAX),
        _ => 0.0,
    }
}

/// A total of two histograms, of which the first may hold nothing yet.
fn merged(
    mine: Option<f64>,
    theirs: Option<f64>,
    is_first: bool,
    both: impl Fn(f64, f64) -> f64,
) -> Option<f64> {
    match is_first {
        true => theirs,
        false => Some(both(mine?, theirs?)),
    }
}

/// From the first to the last populated bucket of those that a peer wrote, however many empty ones stand around them.
fn written_range(written: Option<&view::Buckets<'_>>) -> Result<Option<Range>, Malformed> {
    let mut range = None::<Range>;
    each_written(written, |index, _| {
        let own = Range::of(index);
        range = Some(range.map_or(own, |range| range.with(own)));
        Ok(())
    })?;
    Ok(range)
}

fn add_written(
    buckets: &mut Buckets,
    written: Option<&view::Buckets<'_>>,
    change: u32,
) -> Result<(), Malformed> {
    each_written(written, |index, count| {
        let index = Range::of(index).downscaled(change).first;
        buckets.add(i32::try_from(index).or(Err(BEYOND_DOUBLES))?, count);
        Ok(())
    })
}

fn each_written(
    written: Option<&view::Buckets<'_>>,
    mut visit: impl FnMut(i64, u64) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let Some(written) = written else {
        return Ok(());
    };
    let indexes = i64::from(written.offset)..;
    for (index, count) in indexes.zip(written.bucket_counts()) {
        match count? {
            0 => {}
            count => visit(index, count)?,
        }
    }
    Ok(())
}
