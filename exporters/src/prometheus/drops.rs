//! Why points are not shown, counted by reason and said once in a while.

use pipeline::component::Host;
use telemetry::metrics::Family;

use crate::translation::{self, Lost};

const DROPPED: Family = Family::counter(
    "tracegate_prometheus_points_dropped",
    "Data points that the prometheus exporter does not show, by reason",
);

pub(super) type Drops = translation::Drops<Reason>;

/// Why a point is not shown. The list is closed: a new way to lose a point is a new row here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// A kind of metric that is not known here, or none.
    UnknownKind,
    /// A sum or a histogram that is neither cumulative nor delta.
    Temporality,
    /// A delta that may fall says nothing about where it began.
    NonMonotonicDelta,
    /// The name is that of another type.
    TypeConflict,
    /// The name is one that another family has for its sums, counts or buckets.
    NameConflict,
    /// Nothing of the name is left that Prometheus could take.
    InvalidName,
    /// An attribute that cannot be a label of this series.
    InvalidLabel,
    /// An attribute has the name of a label that stands on every series.
    LabelConflict,
    /// Another metric has this name and these labels already.
    Duplicate,
    /// Older than what is shown.
    OutOfOrder,
    /// A delta that begins before the end of the one before.
    Misaligned,
    /// Its time is too far ahead of ours to be shown.
    Future,
    /// No number, or a counter that is negative or not a number.
    InvalidValue,
    /// Buckets, bounds and count contradict each other.
    InvalidHistogram,
    /// No native histogram is as coarse as this.
    Scale,
    /// There are as many series as there may be.
    Limit,
}

impl Lost for Reason {
    const ALL: &'static [Self] = &[
        Self::UnknownKind,
        Self::Temporality,
        Self::NonMonotonicDelta,
        Self::TypeConflict,
        Self::NameConflict,
        Self::InvalidName,
        Self::InvalidLabel,
        Self::LabelConflict,
        Self::Duplicate,
        Self::OutOfOrder,
        Self::Misaligned,
        Self::Future,
        Self::InvalidValue,
        Self::InvalidHistogram,
        Self::Scale,
        Self::Limit,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::UnknownKind => "unknown_kind",
            Self::Temporality => "temporality",
            Self::NonMonotonicDelta => "non_monotonic_delta",
            Self::TypeConflict => "type_conflict",
            Self::NameConflict => "name_conflict",
            Self::InvalidName => "invalid_name",
            Self::InvalidLabel => "invalid_label",
            Self::LabelConflict => "label_conflict",
            Self::Duplicate => "duplicate",
            Self::OutOfOrder => "out_of_order",
            Self::Misaligned => "misaligned",
            Self::Future => "future",
            Self::InvalidValue => "invalid_value",
            Self::InvalidHistogram => "invalid_histogram",
            Self::Scale => "scale",
            Self::Limit => "limit",
        }
    }

    fn place(self) -> usize {
        self as usize
    }

    fn advice(self) -> &'static str {
        match self {
            Self::UnknownKind => "the metric holds no kind of points that is known here",
            Self::Temporality => "the sender does not say whether it is cumulative or delta",
            Self::NonMonotonicDelta => {
                "deltas of a sum that may fall cannot be shown; let the SDK send it cumulative"
            }
            Self::TypeConflict => {
                "another type has this name already; rename one, or set `translation_strategy`"
            }
            Self::NameConflict => "a histogram or summary has a series of this name; rename one",
            Self::InvalidName => "the name holds nothing that Prometheus allows in one",
            Self::InvalidLabel => {
                "an attribute has a name that Prometheus keeps for itself or cannot take"
            }
            Self::LabelConflict => {
                "an attribute has the name of a label that each series has (job, instance, \
                 otel_scope_*, const_labels); rename it"
            }
            Self::Duplicate => {
                "another metric has the same name and labels once they are translated; rename \
                 one, or add what tells them apart by `resource_constant_labels`"
            }
            Self::OutOfOrder => "it is older than what is shown",
            Self::Misaligned => {
                "the delta begins before the end of the one before; do several senders share \
                 these labels?"
            }
            Self::Future => "its time is more than 10 minutes ahead of the clock here",
            Self::InvalidValue => "a counter must be a number that is not negative",
            Self::InvalidHistogram => {
                "bounds must ascend, with one bucket more than bounds and no more in the buckets \
                 than in the count"
            }
            Self::Scale => "the scale of a native histogram must be -4 or more",
            Self::Limit => {
                "there are as many series as `max_series` or the memory budget allows; drop \
                 attributes of many values, or raise it"
            }
        }
    }
}

pub(super) fn drops(host: &Host) -> Drops {
    Drops::new(host, &DROPPED, "A data point is not shown")
}
