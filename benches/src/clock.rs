//! The one place where this crate reads a clock or sleeps.
//!
//! The rest of the workspace takes time as an argument. Here measuring wall time is the purpose: a
//! load generator must send on time, and whoever watches another process can only look at it now
//! and then.
#![allow(clippy::disallowed_methods)]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Pause between two looks at another process: short against what we wait for (a start takes tens
/// of milliseconds), long against the cost of a look.
const POLL: Duration = Duration::from_millis(2);

pub fn now() -> Instant {
    Instant::now()
}

/// Nanoseconds since the Unix epoch; 0 if the machine's clock stands before it.
pub fn unix_nanos() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Blocks this thread: for the windows of a measurement, never to wait for a condition.
pub fn pause(length: Duration) {
    std::thread::sleep(length);
}

/// Asks `look` again and again until it has a value; `None` when it had none `within` the time.
pub fn poll<T>(within: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = now() + within;
    loop {
        let found = look();
        if found.is_some() || now() >= deadline {
            return found;
        }
        std::thread::sleep(POLL);
    }
}
