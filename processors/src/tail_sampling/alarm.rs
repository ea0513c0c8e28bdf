//! What somebody ought to be told of the traffic: in the log, once a minute at most.

use std::cell::Cell;
use std::fmt::Write;
use std::time::Duration;

use pipeline::component::Label;

use super::pending::Pending;

/// Between two lines of one kind.
const PAUSE: Duration = Duration::from_secs(60);

pub(super) struct Alarm {
    label: Label,
    /// Into how many shards the limits of the configuration are divided: each says what all of them need.
    parts: u32,
    full_again: Cell<Duration>,
    giant_again: Cell<Duration>,
}

/// What waits, and since when the oldest of it does.
#[derive(Clone, Copy)]
pub(super) struct Load {
    pub(super) traces: usize,
    pub(super) bytes: u64,
    pub(super) age: Duration,
}

/// What the configuration would have to allow so that no trace is decided before its time.
#[derive(Debug, PartialEq, Eq)]
struct Needs {
    per_second: u64,
    num_traces: u64,
    max_pending_bytes: u64,
}

impl Alarm {
    pub(super) fn new(label: &Label, parts: u32) -> Self {
        Self {
            label: label.clone(),
            parts,
            full_again: Cell::default(),
            giant_again: Cell::default(),
        }
    }

    /// So much waits that there is no room for another trace, where each should wait for so long.
    pub(super) fn full(&self, load: Load, wait: Duration, now: Duration) {
        if !is_time(&self.full_again, now) {
            return;
        }
        let needs = Needs::new(load, wait, self.parts);
        tracing::warn!(
            otelcol.component.id = self.label.id.as_str(),
            otelcol.component.kind = self.label.kind_name(),
            waiting_traces = load.traces,
            pending_bytes = load.bytes,
            traces_per_second = needs.per_second,
            "No room for more traces, so that on_overflow applies. \
             At this rate num_traces must be {} or more, and max_pending_bytes {}.",
            needs.num_traces,
            needs.max_pending_bytes,
        );
    }

    /// A trace has more spans than may wait, and is decided now.
    pub(super) fn giant(&self, pending: &Pending, now: Duration) {
        if !is_time(&self.giant_again, now) {
            return;
        }
        let mut trace_id = String::with_capacity(32);
        for byte in pending.id {
            let _ = write!(trace_id, "{byte:02x}");
        }
        tracing::warn!(
            otelcol.component.id = self.label.id.as_str(),
            otelcol.component.kind = self.label.kind_name(),
            trace_id,
            spans = pending.facts.spans,
            bytes = pending.facts.bytes,
            "A trace has more spans than may wait. It is decided with these, and the others follow."
        );
    }
}

impl Needs {
    /// What waits has come since the oldest did, so this is the rate; a burst is taken as that of a second.
    fn new(load: Load, wait: Duration, parts: u32) -> Self {
        let seconds = load.age.as_secs_f64().max(1.0);
        let for_all_of_it = (wait.as_secs_f64() / seconds).max(1.0);
        let of_all = |amount: f64| (amount * f64::from(parts)).ceil() as u64;
        Self {
            per_second: of_all(load.traces as f64 / seconds),
            num_traces: of_all(load.traces as f64 * for_all_of_it),
            max_pending_bytes: of_all(load.bytes as f64 * for_all_of_it),
        }
    }
}

/// Whether the last time is long enough ago. If so it is now.
fn is_time(again: &Cell<Duration>, now: Duration) -> bool {
    let is_time = now >= again.get();
    if is_time {
        again.set(now.saturating_add(PAUSE));
    }
    is_time
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn what_is_needed_is_the_rate_times_the_wait() {
        let load = Load {
            traces: 20_000,
            bytes: 20_000 * 5000,
            age: secs(4),
        };
        let needs = |parts| Needs::new(load, secs(10), parts);
        let of = |parts: u64| Needs {
            per_second: 5000 * parts,
            num_traces: 50_000 * parts,
            max_pending_bytes: 50_000 * 5000 * parts,
        };
        assert_eq!(needs(1), of(1));
        // The load of one of three shards.
        assert_eq!(needs(3), of(3));
    }

    #[test]
    fn never_less_is_said_to_be_needed_than_there_is() {
        for (age, wait) in [(60, 10), (0, 0), (0, 1)] {
            let load = Load {
                traces: 20_000,
                bytes: 1 << 20,
                age: secs(age),
            };
            let needs = Needs::new(load, secs(wait), 1);
            assert_eq!(
                (needs.num_traces, needs.max_pending_bytes),
                (20_000, 1 << 20)
            );
        }
    }

    #[test]
    fn a_line_comes_once_a_minute_at_most() {
        let again = Cell::default();
        let told: Vec<u64> = (5..200).filter(|&at| is_time(&again, secs(at))).collect();
        assert_eq!(told, [5, 65, 125, 185]);
    }
}
