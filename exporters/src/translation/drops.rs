//! Points that cannot be told to Prometheus, counted by reason and said once in a while.

use std::cell::Cell;
use std::time::Duration;

use pipeline::component::Host;
use telemetry::metrics::{Counter, Family};

/// A reason is said this seldom: what is wrong with one point is wrong with each that follows.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// How far the time of a point may be ahead of our clock: Prometheus refuses what is further ahead, with all that it
/// comes with.
pub(crate) const AHEAD_MAX: Duration = Duration::from_secs(10 * 60);

/// Why a point is lost. The list is closed: a new way to lose a point is a new variant.
pub(crate) trait Lost: Copy + PartialEq + 'static {
    /// Those beside the [`Unreadable`].
    const OWN: &'static [Self];

    fn unreadable(why: Unreadable) -> Self;

    /// The value of the `reason` label.
    fn name(self) -> &'static str;

    /// For a person who has to mend it.
    fn advice(self) -> &'static str;
}

/// Why Prometheus cannot be told of a point in any way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// A kind of metric that is not known here, or none.
    UnknownKind,
    /// A sum or a histogram that is neither cumulative nor delta.
    Temporality,
    /// Nothing of the name is left that Prometheus could take.
    InvalidName,
    /// An attribute that cannot be a label of this series.
    InvalidLabel,
    /// Its time is further ahead than [`AHEAD_MAX`].
    Future,
    /// No number, or a counter that is negative or not a number.
    InvalidValue,
    /// Buckets, bounds and count contradict each other.
    InvalidHistogram,
    /// No native histogram is as coarse as this.
    Scale,
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

// === impl Drops ===

impl<R: Lost> Drops<R> {
    /// They are counted in a family with the labels `exporter` and `reason`; the log `says` them.
    pub(crate) fn new(host: &Host, family: &Family, says: &'static str) -> Self {
        let row = |reason: R| Row {
            reason,
            counter: host.metrics.counter(
                family,
                &[("exporter", &host.label.id), ("reason", reason.name())],
            ),
            said: Cell::new(None),
        };
        let shared = Unreadable::ALL.iter().map(|why| R::unreadable(*why));
        let own = R::OWN.iter().copied();
        Self {
            says,
            rows: shared.chain(own).map(row).collect(),
        }
    }

    /// A point of this metric is lost. `now` is monotonic.
    pub(crate) fn count(&self, reason: R, metric: &str, now: Duration) {
        let Some(row) = self.rows.iter().find(|row| row.reason == reason) else {
            return;
        };
        row.counter.add(1);
        let is_due = |said: Duration| now.saturating_sub(said) >= SAID_EVERY;
        if row.said.get().is_none_or(is_due) {
            row.said.set(Some(now));
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

// === impl Unreadable ===

impl Unreadable {
    const ALL: [Self; 8] = [
        Self::UnknownKind,
        Self::Temporality,
        Self::InvalidName,
        Self::InvalidLabel,
        Self::Future,
        Self::InvalidValue,
        Self::InvalidHistogram,
        Self::Scale,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::UnknownKind => "unknown_kind",
            Self::Temporality => "temporality",
            Self::InvalidName => "invalid_name",
            Self::InvalidLabel => "invalid_label",
            Self::Future => "future",
            Self::InvalidValue => "invalid_value",
            Self::InvalidHistogram => "invalid_histogram",
            Self::Scale => "scale",
        }
    }

    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::UnknownKind => "the metric holds no kind of points that is known here",
            Self::Temporality => "the sender does not say whether it is cumulative or delta",
            Self::InvalidName => "the name holds nothing that Prometheus allows in one",
            Self::InvalidLabel => {
                "an attribute has a name that Prometheus keeps for itself or cannot take"
            }
            Self::Future => "its time is more than 10 minutes ahead of the clock here",
            Self::InvalidValue => "a counter must be a number that is not negative",
            Self::InvalidHistogram => {
                "bounds must ascend, with one bucket more than bounds and no more in the buckets \
                 than in the count"
            }
            Self::Scale => "the scale of a native histogram must be -4 or more",
        }
    }
}
