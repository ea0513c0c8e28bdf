//! When a failed batch is tried again: exponential back-off with jitter, and the back end's own wish.

use std::time::Duration;

use super::settings::Retry;

/// A back end's wish beyond this is a mistake. Any number of seconds may stand in a `Retry-After`, far more than the
/// clock can count.
const HINT_MAX: Duration = Duration::from_secs(24 * 3600);

/// The least wait. An `initial_interval` or `multiplier` of 0 means "at once", and must not mean a processor that does
/// nothing but fail.
const WAIT_MIN: Duration = Duration::from_millis(10);

/// The back-off of one batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Backoff {
    /// When its first attempt began, on the service's clock.
    first: Duration,
    interval: Duration,
}

impl Backoff {
    pub(crate) fn new(retry: &Retry, first: Duration) -> Self {
        Self {
            first,
            interval: retry.initial_interval,
        }
    }

    /// How long to wait after a failure at `now`: the larger of the jittered interval and the back end's hint, which
    /// counts up to [`HINT_MAX`].
    /// `None` when the next attempt would come after `max_elapsed_time`. `random` is drawn from 0 to 1.
    pub(crate) fn next(
        &mut self,
        retry: &Retry,
        now: Duration,
        hint: Option<Duration>,
        random: f64,
    ) -> Option<Duration> {
        let spread = retry.randomization_factor * (2.0 * random - 1.0);
        let jittered = self.interval.mul_f64((1.0 + spread).max(0.0));
        let grown = self.interval.as_secs_f64() * retry.multiplier;
        self.interval = if grown < retry.max_interval.as_secs_f64() {
            Duration::from_secs_f64(grown.max(0.0))
        } else {
            retry.max_interval
        };
        let wait = jittered
            .max(hint.unwrap_or_default().min(HINT_MAX))
            .max(WAIT_MIN);
        match retry.max_elapsed_time {
            Some(max) if now.saturating_sub(self.first) + wait > max => None,
            _ => Some(wait),
        }
    }
}

/// Random numbers for jitter: seeded by the process's hash keys, good enough to keep retries apart.
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn new() -> Self {
        use std::hash::{BuildHasher, RandomState};
        Self(RandomState::new().hash_one(0u8) | 1)
    }

    /// From 0 to 1 (xorshift64).
    pub(crate) fn draw(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry() -> Retry {
        Retry {
            initial_interval: Duration::from_secs(5),
            randomization_factor: 0.5,
            multiplier: 1.5,
            max_interval: Duration::from_secs(30),
            max_elapsed_time: Some(Duration::from_secs(300)),
        }
    }

    fn secs(s: f64) -> Duration {
        Duration::from_secs_f64(s)
    }

    #[test]
    fn intervals_grow_by_the_multiplier_up_to_the_largest() {
        let retry = Retry {
            max_elapsed_time: None,
            ..retry()
        };
        let mut backoff = Backoff::new(&retry, Duration::ZERO);
        let waits: Vec<_> = (0..7)
            .map(|_| {
                backoff
                    .next(&retry, Duration::ZERO, None, 0.5)
                    .unwrap()
                    .as_millis()
            })
            .collect();
        assert_eq!(waits, [5000, 7500, 11250, 16875, 25312, 30000, 30000]);
    }

    #[test]
    fn jitter_spreads_each_wait_by_the_factor() {
        let retry = retry();
        let wait = |random| {
            Backoff::new(&retry, Duration::ZERO).next(&retry, Duration::ZERO, None, random)
        };
        assert_eq!(wait(0.0), Some(secs(2.5)));
        assert_eq!(wait(1.0), Some(secs(7.5)));
    }

    #[test]
    fn a_longer_hint_of_the_back_end_wins_over_the_back_off() {
        let retry = retry();
        let wait = |hint| {
            Backoff::new(&retry, Duration::ZERO).next(&retry, Duration::ZERO, Some(secs(hint)), 0.5)
        };
        assert_eq!(wait(20.0), Some(secs(20.0)));
        assert_eq!(wait(1.0), Some(secs(5.0)));
    }

    #[test]
    fn a_hint_that_no_clock_can_count_is_a_long_one() {
        let wait = |retry: &Retry| {
            Backoff::new(retry, Duration::ZERO).next(retry, secs(1.0), Some(Duration::MAX), 0.5)
        };
        let for_ever = Retry {
            max_elapsed_time: None,
            ..retry()
        };
        assert_eq!(wait(&for_ever), Some(HINT_MAX));
        assert_eq!(wait(&retry()), None);
    }

    #[test]
    fn an_interval_of_zero_is_no_tight_loop() {
        let retry = Retry {
            initial_interval: Duration::ZERO,
            multiplier: 0.0,
            ..retry()
        };
        let mut backoff = Backoff::new(&retry, Duration::ZERO);
        for _ in 0..3 {
            let wait = backoff.next(&retry, Duration::ZERO, None, 0.5);
            assert_eq!(wait, Some(WAIT_MIN));
        }
    }

    #[test]
    fn it_gives_up_when_the_next_attempt_would_come_too_late() {
        let retry = retry();
        let mut backoff = Backoff::new(&retry, secs(100.0));
        assert!(backoff.next(&retry, secs(394.0), None, 0.5).is_some());
        assert_eq!(backoff.next(&retry, secs(394.0), None, 0.5), None);
    }

    #[test]
    fn draws_stay_within_zero_and_one() {
        let mut jitter = Jitter::new();
        for _ in 0..1000 {
            let random = jitter.draw();
            assert!((0.0..1.0).contains(&random), "{random}");
        }
    }
}
