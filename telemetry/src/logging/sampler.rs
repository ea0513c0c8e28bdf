//! Keeps a line that repeats from drowning the others.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tracing::Level;

use super::Sampling;

/// Counters for lines by the hash of level and text, as many as the Collector has for a level.
/// Lines that share a counter are sampled together; more counters would only make that rarer.
const COUNTERS: usize = 4096;

pub(super) struct Sampler {
    sampling: Sampling,
    counters: Box<[Counter]>,
}

#[derive(Default)]
struct Counter {
    /// The tick's end, in nanoseconds since the epoch.
    resets_at: AtomicU64,
    lines: AtomicU64,
}

impl Sampler {
    pub(super) fn new(sampling: Sampling) -> Self {
        let counters = (0..COUNTERS).map(|_| Counter::default()).collect();
        Self { sampling, counters }
    }

    pub(super) fn admits(&self, unix_nanos: u64, level: Level, text: &str) -> bool {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let hash = hasher.hash_one((level, text)) as usize;
        let Some(counter) = self.counters.get(hash % COUNTERS) else {
            return true;
        };
        let tick = u64::try_from(self.sampling.tick.as_nanos()).unwrap_or(u64::MAX);
        let nth = counter.count(unix_nanos, tick);
        let Sampling {
            initial,
            thereafter,
            ..
        } = self.sampling;
        // A remainder by 0 does not exist: then no line follows the first ones.
        nth <= initial || (nth - initial).checked_rem(thereafter) == Some(0)
    }
}

impl Counter {
    /// The number of this line in its tick, from 1. The first thread past the tick's end begins the
    /// next one; a line of another thread at that very moment may be counted in either.
    fn count(&self, now: u64, tick: u64) -> u64 {
        let resets_at = self.resets_at.load(Relaxed);
        let next = now.saturating_add(tick);
        if now >= resets_at
            && self
                .resets_at
                .compare_exchange(resets_at, next, Relaxed, Relaxed)
                .is_ok()
        {
            self.lines.store(1, Relaxed);
            return 1;
        }
        self.lines.fetch_add(1, Relaxed) + 1
    }
}
