//! What a data point says to Prometheus, and whether it can be told.

use otlp::Malformed;
use otlp::exponential::{self, Buckets};
use otlp::view::{
    ExponentialHistogramPoint, HistogramPoint, ItemView, Number, NumberPoint, SummaryPoint,
};

use super::drops::Unreadable;

/// `DataPointFlags`: the sender says that there is nothing to measure any more.
const NO_RECORDED_VALUE: u32 = 1;

/// Native histograms are at most this fine and at least that coarse.
const SCALE_MAX: i32 = 8;
const SCALE_MIN: i32 = -4;

/// Buckets of one sign that are kept. What has more, such as a sum of numbers that have nothing in
/// common, gets coarser.
const BUCKETS_MAX: u32 = 2048;

/// Width of the zero bucket of a native histogram where the sender says nothing.
pub(crate) const ZERO_THRESHOLD: f64 = 1e-128;

/// A data point.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    /// Nanoseconds since the Unix epoch; 0 if nobody said.
    pub(crate) start: u64,
    /// The same.
    pub(crate) time: u64,
    /// The series has ended, and the numbers mean nothing.
    pub(crate) ended: bool,
    pub(crate) value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Number(Number),
    Histogram(Box<Explicit>),
    /// At a scale that native histograms have.
    Exponential(Box<exponential::Histogram>),
    Summary(Box<Summary>),
}

/// A histogram with explicit bounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Explicit {
    pub(crate) count: u64,
    /// `None` if the sender does not add up.
    pub(crate) sum: Option<f64>,
    /// Ascending.
    pub(crate) bounds: Box<[f64]>,
    /// Of each bucket alone: one more than there are bounds, or none.
    pub(crate) counts: Box<[u64]>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Summary {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    /// Ascending quantiles with their values.
    pub(crate) quantiles: Box<[(f64, f64)]>,
}

/// Reads a point; `is_counter` says whether it is one of a monotonic sum.
///
/// # Errors
/// The framing is broken.
pub(crate) fn read(
    point: &ItemView<'_>,
    is_counter: bool,
) -> Result<Result<Point, Unreadable>, Malformed> {
    let (start, time, flags) = match point {
        ItemView::NumberPoint(p) => (p.start_time_unix_nano, p.time_unix_nano, p.flags),
        ItemView::HistogramPoint(p) => (p.start_time_unix_nano, p.time_unix_nano, p.flags),
        ItemView::ExponentialHistogramPoint(p) => {
            (p.start_time_unix_nano, p.time_unix_nano, p.flags)
        }
        ItemView::SummaryPoint(p) => (p.start_time_unix_nano, p.time_unix_nano, p.flags),
        ItemView::Span(_) | ItemView::LogRecord(_) => return Ok(Err(Unreadable::UnknownKind)),
    };
    let ended = flags & NO_RECORDED_VALUE != 0;
    let value = match point {
        ItemView::NumberPoint(point) => number(point, is_counter),
        ItemView::HistogramPoint(point) => histogram(point)?,
        ItemView::ExponentialHistogramPoint(point) => exponential(point)?,
        ItemView::SummaryPoint(point) => summary(point)?,
        ItemView::Span(_) | ItemView::LogRecord(_) => Err(Unreadable::UnknownKind),
    };
    let value = match value {
        Err(_) if ended => Ok(nothing(point)),
        value => value,
    };
    Ok(value.map(|value| Point {
        start,
        time,
        ended,
        value,
    }))
}

/// What a point of this kind says that says nothing.
fn nothing(point: &ItemView<'_>) -> Value {
    match point {
        ItemView::HistogramPoint(_) => Value::Histogram(Box::default()),
        ItemView::ExponentialHistogramPoint(_) => {
            Value::Exponential(Box::new(exponential::Histogram::new(BUCKETS_MAX)))
        }
        ItemView::SummaryPoint(_) => Value::Summary(Box::default()),
        _ => Value::Number(Number::Int(0)),
    }
}

fn number(point: &NumberPoint<'_>, is_counter: bool) -> Result<Value, Unreadable> {
    let value = point.value.ok_or(Unreadable::InvalidValue)?;
    let double = as_double(value);
    // Negative zero is zero.
    if is_counter && (double.is_nan() || double < 0.0) {
        return Err(Unreadable::InvalidValue);
    }
    Ok(Value::Number(value))
}

fn histogram(point: &HistogramPoint<'_>) -> Result<Result<Value, Unreadable>, Malformed> {
    let counts: Box<[u64]> = point.bucket_counts().collect::<Result<_, _>>()?;
    let bounds: Box<[f64]> = point.explicit_bounds().collect::<Result<_, _>>()?;
    let is_whole = match counts.len() {
        0 => bounds.is_empty(),
        buckets => buckets == bounds.len() + 1,
    };
    let ascends = bounds.is_sorted_by(|a, b| a < b) && bounds.iter().all(|bound| !bound.is_nan());
    let in_buckets = total(counts.iter());
    if !is_whole || !ascends || in_buckets.is_none_or(|total| total > point.count) {
        return Ok(Err(Unreadable::InvalidHistogram));
    }
    Ok(Ok(Value::Histogram(Box::new(Explicit {
        count: point.count,
        sum: point.sum,
        bounds,
        counts,
    }))))
}

fn exponential(
    point: &ExponentialHistogramPoint<'_>,
) -> Result<Result<Value, Unreadable>, Malformed> {
    if point.scale < SCALE_MIN {
        return Ok(Err(Unreadable::Scale));
    }
    // Buckets where no double is, which the framing has nothing against.
    let Ok(mut histogram) = exponential::Histogram::of_point(point, BUCKETS_MAX) else {
        return Ok(Err(Unreadable::InvalidHistogram));
    };
    let sides = [histogram.positive(), histogram.negative()];
    let counts = sides.into_iter().flat_map(Buckets::counts);
    let in_buckets = total(counts).and_then(|sum| sum.checked_add(histogram.zero_count()));
    let adds_up = match (in_buckets, histogram.sum()) {
        // What is not a number is counted, and in no bucket.
        (Some(total), Some(sum)) if sum.is_nan() => total <= histogram.count(),
        (Some(total), _) => total == histogram.count(),
        (None, _) => false,
    };
    if !adds_up {
        return Ok(Err(Unreadable::InvalidHistogram));
    }
    histogram.downscale(SCALE_MAX);
    Ok(Ok(Value::Exponential(Box::new(histogram))))
}

fn summary(point: &SummaryPoint<'_>) -> Result<Result<Value, Unreadable>, Malformed> {
    let mut quantiles = Vec::new();
    for quantile in point.quantile_values() {
        let quantile = quantile?;
        quantiles.push((quantile.quantile, quantile.value));
    }
    if quantiles.iter().any(|(quantile, _)| quantile.is_nan()) {
        return Ok(Err(Unreadable::InvalidValue));
    }
    // Of namesakes the last counts.
    quantiles.reverse();
    quantiles.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    quantiles.dedup_by(|(a, _), (b, _)| a == b);
    Ok(Ok(Value::Summary(Box::new(Summary {
        count: point.count,
        sum: point.sum,
        quantiles: quantiles.into(),
    }))))
}

/// The sum, unless it is more than can be counted.
fn total<'a>(counts: impl IntoIterator<Item = &'a u64>) -> Option<u64> {
    let mut counts = counts.into_iter();
    counts.try_fold(0_u64, |sum, count| sum.checked_add(*count))
}

pub(crate) fn as_double(number: Number) -> f64 {
    match number {
        Number::Double(number) => number,
        Number::Int(number) => number as f64,
    }
}

/// An id as people read it.
pub(crate) fn hex(id: &[u8]) -> String {
    use std::fmt::Write;
    id.iter().fold(String::new(), |mut out, byte| {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}
