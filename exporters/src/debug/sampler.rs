//! Which batches are shown.

use std::time::Duration;

const WINDOW: Duration = Duration::from_secs(1);

/// Lets the first batches of a second pass, and of those beyond every so many-th.
///
/// A second begins with the first batch after the one before has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampler {
    initial: u64,
    /// 0: none beyond the first.
    thereafter: u64,
    seen: u64,
    window_ends: Duration,
}

impl Sampler {
    pub(super) const fn new(initial: u64, thereafter: u64) -> Self {
        Self {
            initial,
            thereafter,
            seen: 0,
            window_ends: Duration::ZERO,
        }
    }

    /// Counts a batch at `now`, a monotonic time. Whether it is shown.
    pub(super) fn admit(&mut self, now: Duration) -> bool {
        if now >= self.window_ends {
            self.seen = 0;
            self.window_ends = now + WINDOW;
        }
        self.seen += 1;
        match self.seen.checked_sub(self.initial) {
            None | Some(0) => true,
            Some(beyond) => beyond.checked_rem(self.thereafter) == Some(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of ten batches a second are shown, in each of two seconds.
    fn check(initial: u64, thereafter: u64, expected: [&[u64]; 2]) {
        let mut sampler = Sampler::new(initial, thereafter);
        for (second, expected) in (0..).zip(expected) {
            let shown: Vec<u64> = (1..=10)
                .filter(|n| sampler.admit(Duration::from_millis(1000 * second + 90 * n)))
                .collect();
            assert_eq!(
                shown, expected,
                "{initial} then every {thereafter}, second {second}"
            );
        }
    }

    #[test]
    fn the_first_batches_of_each_second_are_shown_and_then_every_nth() {
        check(2, 1, [&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]; 2]);
        check(2, 3, [&[1, 2, 5, 8]; 2]);
        check(0, 5, [&[5, 10]; 2]);
    }

    #[test]
    fn thereafter_zero_shows_the_first_alone() {
        check(2, 0, [&[1, 2]; 2]);
        check(0, 0, [&[]; 2]);
    }

    #[test]
    fn a_second_begins_with_its_first_batch() {
        let mut sampler = Sampler::new(1, 0);
        let shown: Vec<u64> = [700, 1699, 1700, 2699, 9000, 9999]
            .into_iter()
            .filter(|millis| sampler.admit(Duration::from_millis(*millis)))
            .collect();
        assert_eq!(shown, [700, 1700, 9000]);
    }
}
