//! Points that cannot be told to Prometheus, counted by reason and said once in a while.

use std::cell::Cell;
use std::time::Duration;

use pipeline::component::Host;
use telemetry::metrics::{Counter, Family};

/// A reason is said this seldom: what is wrong with one point is wrong with each that follows.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// Why a point is lost. The list is closed: a new way to lose a point is a new row.
pub(crate) trait Lost: Copy + 'static {
    /// Each at its [`place`](Self::place).
    const ALL: &'static [Self];

    fn place(self) -> usize;

    /// The value of the `reason` label.
    fn name(self) -> &'static str;

    /// For a person who has to mend it.
    fn advice(self) -> &'static str;
}

/// Counts and says them.
pub(crate) struct Drops<R> {
    /// What has become of a point.
    says: &'static str,
    rows: Vec<Row<R>>,
}

struct Row<R> {
    reason: R,
    counter: Counter,
    /// Monotonic.
    said: Cell<Option<Duration>>,
}

impl<R: Lost> Drops<R> {
    /// They are counted in a family with the labels `exporter` and `reason`; the log `says` them.
    pub(crate) fn new(host: &Host, family: &Family, says: &'static str) -> Self {
        let row = |reason: &R| Row {
            reason: *reason,
            counter: host.metrics.counter(
                family,
                &[("exporter", &host.label.id), ("reason", reason.name())],
            ),
            said: Cell::new(None),
        };
        Self {
            says,
            rows: R::ALL.iter().map(row).collect(),
        }
    }

    /// A point of this metric is lost. `now` is monotonic.
    pub(crate) fn count(&self, reason: R, metric: &str, now: Duration) {
        let Some(row) = self.rows.get(reason.place()) else {
            return;
        };
        row.counter.add(1);
        let is_due = |said: Duration| now.saturating_sub(said) >= SAID_EVERY;
        if row.said.get().is_none_or(is_due) {
            row.said.set(Some(now));
            let reason = row.reason;
            tracing::warn!(
                metric,
                reason = reason.name(),
                "{}: {}",
                self.says,
                reason.advice()
            );
        }
    }
}
