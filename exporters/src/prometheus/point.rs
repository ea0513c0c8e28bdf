//! From the views of data points to what is kept of them.

use otlp::Malformed;
use otlp::exponential::{Buckets, Histogram};
use otlp::view::{
    Exemplar as Seen, ExponentialHistogramPoint, HistogramPoint, ItemView, Number, NumberPoint,
    Repeated, SummaryPoint,
};

use super::drops::Reason;
use super::sample::{EXEMPLARS_MAX, Exemplar, Explicit, Sample, Summary, Value, as_double};
use super::store::Kind;

/// `DataPointFlags`: the sender says that there is nothing to measure any more.
const NO_RECORDED_VALUE: u32 = 1;

/// Native histograms are at most this fine and at least that coarse.
const SCALE_MAX: i32 = 8;
const SCALE_MIN: i32 = -4;

/// Buckets of one sign that are kept. What has more, such as a sum of numbers that have nothing in
/// common, gets coarser.
const BUCKETS_MAX: u32 = 2048;

/// What a point says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Read {
    Sample(Sample),
    /// The series has ended.
    End,
    Bad(Reason),
}

/// A point of a family of this kind.
///
/// # Errors
/// The framing is broken.
pub(super) fn read(point: &ItemView<'_>, kind: Kind) -> Result<Read, Malformed> {
    match point {
        ItemView::NumberPoint(point) => number(point, kind),
        ItemView::HistogramPoint(point) => histogram(point),
        ItemView::ExponentialHistogramPoint(point) => exponential(point),
        ItemView::SummaryPoint(point) => summary(point),
        ItemView::Span(_) | ItemView::LogRecord(_) => Ok(Read::Bad(Reason::UnknownKind)),
    }
}

fn number(point: &NumberPoint<'_>, kind: Kind) -> Result<Read, Malformed> {
    if point.flags & NO_RECORDED_VALUE != 0 {
        return Ok(Read::End);
    }
    let Some(value) = point.value else {
        return Ok(Read::Bad(Reason::InvalidValue));
    };
    let double = as_double(value);
    // Negative zero is zero.
    if kind == Kind::Counter && (double.is_nan() || double < 0.0) {
        return Ok(Read::Bad(Reason::InvalidValue));
    }
    Ok(Read::Sample(Sample {
        start: point.start_time_unix_nano,
        time: point.time_unix_nano,
        value: Value::Number(value),
        exemplars: match kind {
            // Prometheus takes exemplars of counters and of buckets.
            Kind::Counter => exemplars(point.exemplars())?,
            _ => Box::default(),
        },
    }))
}

fn histogram(point: &HistogramPoint<'_>) -> Result<Read, Malformed> {
    if point.flags & NO_RECORDED_VALUE != 0 {
        return Ok(Read::End);
    }
    let counts: Box<[u64]> = point.bucket_counts().collect::<Result<_, _>>()?;
    let bounds: Box<[f64]> = point.explicit_bounds().collect::<Result<_, _>>()?;
    let is_whole = match counts.len() {
        0 => bounds.is_empty(),
        buckets => buckets == bounds.len() + 1,
    };
    let ascends = bounds.is_sorted_by(|a, b| a < b) && bounds.iter().all(|bound| !bound.is_nan());
    let in_buckets = total(counts.iter());
    if !is_whole || !ascends || in_buckets.is_none_or(|total| total > point.count) {
        return Ok(Read::Bad(Reason::InvalidHistogram));
    }
    Ok(Read::Sample(Sample {
        start: point.start_time_unix_nano,
        time: point.time_unix_nano,
        value: Value::Histogram(Box::new(Explicit {
            count: point.count,
            sum: point.sum.unwrap_or_default(),
            bounds,
            counts,
        })),
        exemplars: exemplars(point.exemplars())?,
    }))
}

fn exponential(point: &ExponentialHistogramPoint<'_>) -> Result<Read, Malformed> {
    if point.flags & NO_RECORDED_VALUE != 0 {
        return Ok(Read::End);
    }
    if point.scale < SCALE_MIN {
        return Ok(Read::Bad(Reason::Scale));
    }
    // Buckets where no double is, which the framing has nothing against.
    let Ok(mut histogram) = Histogram::of_point(point, BUCKETS_MAX) else {
        return Ok(Read::Bad(Reason::InvalidHistogram));
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
        return Ok(Read::Bad(Reason::InvalidHistogram));
    }
    histogram.downscale(SCALE_MAX);
    Ok(Read::Sample(Sample {
        start: point.start_time_unix_nano,
        time: point.time_unix_nano,
        value: Value::Exponential(Box::new(histogram)),
        exemplars: exemplars(point.exemplars())?,
    }))
}

fn summary(point: &SummaryPoint<'_>) -> Result<Read, Malformed> {
    if point.flags & NO_RECORDED_VALUE != 0 {
        return Ok(Read::End);
    }
    let mut quantiles = Vec::new();
    for quantile in point.quantile_values() {
        let quantile = quantile?;
        quantiles.push((quantile.quantile, quantile.value));
    }
    if quantiles.iter().any(|(quantile, _)| quantile.is_nan()) {
        return Ok(Read::Bad(Reason::InvalidValue));
    }
    // Of namesakes the last counts.
    quantiles.reverse();
    quantiles.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    quantiles.dedup_by(|(a, _), (b, _)| a == b);
    Ok(Read::Sample(Sample {
        start: point.start_time_unix_nano,
        time: point.time_unix_nano,
        value: Value::Summary(Box::new(Summary {
            count: point.count,
            sum: point.sum,
            quantiles: quantiles.into(),
        })),
        exemplars: Box::default(),
    }))
}

/// The sum, unless it is more than can be counted.
fn total<'a>(counts: impl IntoIterator<Item = &'a u64>) -> Option<u64> {
    let mut counts = counts.into_iter();
    counts.try_fold(0_u64, |sum, count| sum.checked_add(*count))
}

/// The newest of those that lead to a trace.
fn exemplars<'a>(seen: Repeated<'a, Seen<'a>>) -> Result<Box<[Exemplar]>, Malformed> {
    let mut kept: Vec<Exemplar> = Vec::new();
    for exemplar in seen {
        let exemplar = exemplar?;
        let is_set = |id: &&[u8]| id.iter().any(|byte| *byte != 0);
        let trace = Some(exemplar.trace_id).filter(is_set);
        let span = Some(exemplar.span_id).filter(is_set);
        let kept_one = Exemplar {
            value: as_double(exemplar.value.unwrap_or(Number::Int(0))),
            time: exemplar.time_unix_nano,
            trace: trace.and_then(|id| id.try_into().ok()),
            span: span.and_then(|id| id.try_into().ok()),
        };
        let leads_on = kept_one.trace.is_some() || kept_one.span.is_some();
        if leads_on && !kept_one.value.is_nan() {
            kept.push(kept_one);
        }
    }
    let surplus = kept.len().saturating_sub(EXEMPLARS_MAX);
    kept.drain(..surplus);
    Ok(kept.into())
}
