//! Bounds of the buckets of an exponential histogram.

use otlp::Malformed;
use otlp::view::{Buckets, ExponentialHistogramPoint};

use super::page::Stop;

/// The most negative buckets of a point, which are held while their order is reversed; a byte in
/// the request may be one. Histograms of SDKs have 160.
const NEGATIVE_MAX: usize = 1 << 16;

/// Lower bound (exclusive), upper bound (inclusive) and count. Of the negative buckets the bounds
/// are without their sign.
pub(super) type Bucket = (f64, f64, u64);

/// The buckets above zero, ascending.
pub(super) fn positive<'a>(
    point: &ExponentialHistogramPoint<'a>,
) -> impl Iterator<Item = Result<Bucket, Malformed>> + use<'a> {
    buckets(point.positive.unwrap_or_default(), point.scale)
}

/// The buckets below zero, ascending, which is against the order in which they are written.
pub(super) fn negative(
    point: &ExponentialHistogramPoint<'_>,
) -> Result<impl Iterator<Item = Bucket> + use<>, Stop> {
    let mut held = Vec::new();
    for bucket in buckets(point.negative.unwrap_or_default(), point.scale) {
        held.push(bucket?);
        if held.len() > NEGATIVE_MAX {
            return Err(Stop::Part("more than 65536 negative buckets"));
        }
    }
    Ok(held.into_iter().rev())
}

fn buckets(
    buckets: Buckets<'_>,
    scale: i32,
) -> impl Iterator<Item = Result<Bucket, Malformed>> + use<'_> {
    // The power is taken in the same steps as in the Collector, for the same last digits.
    let factor = std::f64::consts::LN_2 * (-f64::from(scale)).exp2();
    let offset = f64::from(buckets.offset);
    (0..)
        .zip(buckets.bucket_counts())
        .map(move |(position, count): (u32, _)| {
            let index = offset + f64::from(position);
            Ok((
                (index * factor).exp(),
                ((index + 1.0) * factor).exp(),
                count?,
            ))
        })
}
