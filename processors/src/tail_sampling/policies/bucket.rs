//! What is used up and comes back with time: a token bucket, and what may be kept in a second.

use std::time::Duration;

use super::heritage::{Level, Rate};

/// Spans that may be kept in each second of the clock.
#[derive(Debug)]
pub(super) struct Allowance {
    max: i64,
    kept: i64,
    second: Duration,
}

/// Full at the start. What is asked for is given whole or not at all.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Tokens a second.
    rate: f64,
    burst: f64,
    tokens: f64,
    at: Duration,
}

// === impl Allowance ===

impl Allowance {
    pub(super) fn new(max: i64) -> Self {
        Self {
            max,
            kept: 0,
            second: Duration::ZERO,
        }
    }

    /// Spans that have been kept in this second.
    pub(super) fn kept(&mut self, now: Duration) -> i64 {
        let second = Duration::from_secs(now.as_secs());
        if self.second != second {
            self.second = second;
            self.kept = 0;
        }
        self.kept
    }

    /// Keeps so many in the second that was asked about last, if they fit and all of it are at most `max`.
    pub(super) fn keep(&mut self, spans: u32, max: i64) -> bool {
        let kept = self.kept + i64::from(spans);
        let fits = kept <= self.max && kept <= max;
        if fits {
            self.kept = kept;
        }
        fits
    }
}

impl Rate for Allowance {
    fn level(&self) -> Level {
        Level {
            share: match self.max {
                ..=0 => 0.0,
                max => 1.0 - self.kept as f64 / max as f64,
            },
            at: self.second,
        }
    }

    fn inherit(&mut self, level: Level) {
        if level.at < self.second {
            return;
        }
        let kept = self.kept(level.at);
        self.kept = kept.max(((1.0 - level.share) * self.max as f64).round() as i64);
    }
}

// === impl Bucket ===

impl Bucket {
    /// `burst` of 0 is twice the rate. The rate is divided by `parts`; the burst is not, so that a large trace fits
    /// into any part.
    pub(super) fn new(rate: i64, burst: i64, parts: u32) -> Self {
        let burst = if burst > 0 {
            burst
        } else {
            rate.saturating_mul(2)
        } as f64;
        Self {
            rate: part_of_rate(rate, parts) as f64,
            burst,
            tokens: burst,
            at: Duration::ZERO,
        }
    }

    /// Whole tokens that are there now.
    pub(super) fn fill(&mut self, now: Duration) -> u64 {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.tokens = (self.tokens + passed * self.rate).min(self.burst);
        self.tokens as u64
    }

    /// Takes tokens, if there are so many.
    pub(super) fn take(&mut self, tokens: u64, now: Duration) -> bool {
        self.fill(now);
        let enough = self.tokens >= tokens as f64;
        if enough {
            self.tokens -= tokens as f64;
        }
        enough
    }
}

impl Rate for Bucket {
    fn level(&self) -> Level {
        Level {
            share: if self.burst > 0.0 {
                self.tokens / self.burst
            } else {
                0.0
            },
            at: self.at,
        }
    }

    fn inherit(&mut self, level: Level) {
        self.tokens = self.tokens.min(level.share * self.burst);
        self.at = self.at.max(level.at);
    }
}

/// The part of a rate that one shard has. It is one at least, and a rate that is none stays none, as in the Collector.
pub(super) fn part_of_rate(rate: i64, parts: u32) -> i64 {
    match rate {
        ..=0 => rate,
        rate => (rate / i64::from(parts.max(1))).max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let mut bucket = Bucket::new(10, 0, 1);
        let mut check = |millis: u64, tokens: u64, expected: bool| {
            let taken = bucket.take(tokens, Duration::from_millis(millis));
            assert_eq!(taken, expected, "{tokens} at {millis} ms");
        };
        check(0, 21, false);
        check(0, 20, true);
        check(0, 1, false);
        check(100, 1, true);
        check(100, 1, false);
        check(100_000, 20, true);
        check(100_000, 1, false);
        check(99_000, 1, false);
    }

    #[test]
    fn a_part_has_its_part_of_the_rate_and_the_whole_burst() {
        let mut bucket = Bucket::new(10, 50, 2);
        assert!(bucket.take(50, Duration::ZERO));
        assert!(!bucket.take(6, Duration::from_secs(1)));
        assert!(bucket.take(5, Duration::from_secs(1)));
    }
}
