//! A histogram of answer times with fixed memory, so that a long run does not grow the generator.

use std::time::Duration;

/// Buckets per power of two: a quantile is off by at most 1/32, about 3 %.
const SUB: u64 = 32;
const SUB_BITS: u32 = SUB.trailing_zeros();
/// Answers above 2^40 µs, twelve days, share the last bucket.
const POWERS: u64 = 40;

#[derive(Clone, Debug)]
pub struct Latency {
    buckets: Vec<u64>,
    total: u64,
    max: Duration,
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            buckets: vec![0; (POWERS * SUB) as usize],
            total: 0,
            max: Duration::ZERO,
        }
    }
}

impl Latency {
    pub fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let last = self.buckets.len() - 1;
        if let Some(bucket) = self.buckets.get_mut(bucket_of(micros).min(last)) {
            *bucket += 1;
        }
        self.total += 1;
        self.max = self.max.max(took);
    }

    /// The answer time that a `fraction` of all answers did not exceed; zero when there were none.
    pub fn quantile(&self, fraction: f64) -> Duration {
        let rank = (self.total as f64 * fraction).ceil() as u64;
        let mut seen = 0;
        for (at, count) in self.buckets.iter().enumerate() {
            seen += count;
            if *count > 0 && seen >= rank {
                return Duration::from_micros(upper_bound(at as u64)).min(self.max);
            }
        }
        self.max
    }

    pub const fn max(&self) -> Duration {
        self.max
    }
}

/// Linear below 32 µs, then 32 buckets for each power of two.
fn bucket_of(micros: u64) -> usize {
    if micros < SUB {
        return micros as usize;
    }
    let power = micros.ilog2() - SUB_BITS;
    (u64::from(power) * SUB + (micros >> power)) as usize
}

fn upper_bound(bucket: u64) -> u64 {
    if bucket < 2 * SUB {
        return bucket;
    }
    let power = bucket / SUB - 1;
    ((bucket % SUB + SUB + 1) << power) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_thirtieth_of_the_exact_ones() {
        let mut latency = Latency::default();
        for micros in 1..=100_000 {
            latency.record(Duration::from_micros(micros));
        }
        for fraction in [0.01, 0.5, 0.99, 1.0] {
            let exact = 100_000.0 * fraction;
            let got = latency.quantile(fraction).as_micros() as f64;
            assert!(
                (exact..=exact * 1.034).contains(&got),
                "{fraction}: {got} for {exact}"
            );
        }
    }

    #[test]
    fn no_answers_have_no_latency_and_an_endless_one_is_kept() {
        assert_eq!(Latency::default().quantile(0.5), Duration::ZERO);
        let mut latency = Latency::default();
        latency.record(Duration::MAX);
        assert!(latency.quantile(0.5) > Duration::from_secs(86_400));
    }
}
