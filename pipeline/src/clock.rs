//! Time as an argument: the drivers read it here, everybody else is given it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// A moment, on the process's monotonic clock and as the world sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Since the service started.
    pub mono: Duration,
    /// Nanoseconds since the Unix epoch.
    pub unix_nanos: u64,
}

impl Now {
    /// A moment for tests: `mono` after the start of a service that started at the epoch.
    pub const fn at(mono: Duration) -> Self {
        Self {
            mono,
            unix_nanos: mono.as_nanos() as u64,
        }
    }
}

/// Reads the clocks. Wall time is the start's plus monotonic time since: it never jumps.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    start_unix_nanos: u64,
}

impl Clock {
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the clock that everybody else is given"
    )]
    pub fn start() -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            start: Instant::now(),
            start_unix_nanos: since_epoch.as_nanos() as u64,
        }
    }

    pub fn now(&self) -> Now {
        let mono = self.start.elapsed();
        Now {
            mono,
            unix_nanos: self.start_unix_nanos + mono.as_nanos() as u64,
        }
    }

    /// The runtime's name for a moment of this clock.
    pub fn instant(&self, mono: Duration) -> Instant {
        self.start + mono
    }

    pub fn started_unix_nanos(&self) -> u64 {
        self.start_unix_nanos
    }
}
