//! Why points are not shown, counted by reason and said once in a while.

use pipeline::component::Host;
use telemetry::metrics::Family;

use crate::translation::{self, Lost, Unreadable};

const DROPPED: Family = Family::counter(
    "tracegate_prometheus_points_dropped",
    "Data points that the prometheus exporter does not show, by reason",
);

pub(super) type Drops = translation::Drops<Reason>;

/// Why a point is not shown. The list is closed: a new way to lose a point is a new row here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Unreadable(Unreadable),
    /// A delta that may fall says nothing about where it began.
    NonMonotonicDelta,
    /// The name is that of another type.
    TypeConflict,
    /// The name is one that another family has for its sums, counts or buckets.
    NameConflict,
    /// An attribute has the name of a label that stands on every series.
    LabelConflict,
    /// Another metric has this name and these labels already.
    Duplicate,
    /// Older than what is shown.
    OutOfOrder,
    /// A delta that begins before the end of the one before.
    Misaligned,
    /// There are as many series as there may be.
    Limit,
}

impl Lost for Reason {
    const OWN: &'static [Self] = &[
        Self::NonMonotonicDelta,
        Self::TypeConflict,
        Self::NameConflict,
        Self::LabelConflict,
        Self::Duplicate,
        Self::OutOfOrder,
        Self::Misaligned,
        Self::Limit,
    ];

    fn unreadable(why: Unreadable) -> Self {
        Self::Unreadable(why)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Unreadable(why) => why.name(),
            Self::NonMonotonicDelta => "non_monotonic_delta",
            Self::TypeConflict => "type_conflict",
            Self::NameConflict => "name_conflict",
            Self::LabelConflict => "label_conflict",
            Self::Duplicate => "duplicate",
            Self::OutOfOrder => "out_of_order",
            Self::Misaligned => "misaligned",
            Self::Limit => "limit",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Unreadable(why) => why.advice(),
            Self::NonMonotonicDelta => {
                "deltas of a sum that may fall cannot be shown; let the SDK send it cumulative"
            }
            Self::TypeConflict => {
                "another type has this name already; rename one, or set `translation_strategy`"
            }
            Self::NameConflict => "a histogram or summary has a series of this name; rename one",
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
