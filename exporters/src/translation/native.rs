//! Buckets as native histograms have them: runs with gaps, and counts as differences.

use otlp::exponential::Buckets;

/// Empty buckets that are shorter to write than a new run.
const GAP_MAX: i64 = 2;

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Spans {
    /// The gap before each run, for the first its index, and its length.
    pub(crate) spans: Vec<(i32, u32)>,
    /// Of each count to the one before it.
    pub(crate) deltas: Vec<i64>,
}

impl Spans {
    /// In OTLP a bucket is called by its lower bound, here by its upper one.
    pub(crate) fn of(buckets: &Buckets) -> Self {
        Self::indexed(
            buckets
                .iter()
                .map(|(index, count)| (i64::from(index) + 1, count)),
        )
    }

    /// Of populated buckets in the order of their indexes.
    pub(crate) fn indexed(buckets: impl Iterator<Item = (i64, u64)>) -> Self {
        let mut out = Self::default();
        let mut before = 0_i64;
        let mut next = 0_i64;
        for (index, count) in buckets {
            let gap = index - next;
            if out.spans.is_empty() || gap > GAP_MAX {
                out.spans.push((i32::try_from(gap).unwrap_or_default(), 0));
            } else {
                (0..gap).for_each(|_| out.push(0, &mut before));
            }
            out.push(i64::try_from(count).unwrap_or(i64::MAX), &mut before);
            next = index + 1;
        }
        out
    }

    fn push(&mut self, count: i64, before: &mut i64) {
        if let Some((_, length)) = self.spans.last_mut() {
            *length += 1;
        }
        self.deltas.push(count.wrapping_sub(*before));
        *before = count;
    }
}

#[cfg(test)]
mod tests {
    use otlp::exponential::Histogram;

    use super::*;

    /// With one of each of these numbers at scale 0.
    fn check(numbers: &[f64], spans: &[(i32, u32)], deltas: &[i64]) {
        let mut histogram = Histogram::new(100);
        histogram.downscale(0);
        for number in numbers {
            histogram.record(*number, 1);
        }
        let expected = Spans {
            spans: spans.to_vec(),
            deltas: deltas.to_vec(),
        };
        assert_eq!(Spans::of(histogram.positive()), expected, "{numbers:?}");
    }

    #[test]
    fn counts_are_differences_in_runs() {
        check(&[], &[], &[]);
        check(&[1.0], &[(0, 1)], &[1]);
        check(&[0.75, 1.5, 1.6, 3.0], &[(0, 3)], &[1, 1, -1]);
        // Two empty buckets between the populated ones, and three.
        check(&[1.5, 12.0], &[(1, 4)], &[1, -1, 0, 1]);
        check(&[1.5, 24.0, 25.0], &[(1, 1), (3, 1)], &[1, 1]);
        check(&[0.01], &[(-6, 1)], &[1]);
    }
}
