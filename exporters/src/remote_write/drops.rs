//! Why points are not sent.

use pipeline::component::Host;
use telemetry::metrics::Family;

use crate::translation::{self, Lost, Unreadable};

const DROPPED: Family = Family::counter(
    "tracegate_remote_write_points_dropped",
    "Data points that the remote write exporter does not send, by reason",
);

pub(super) type Drops = translation::Drops<Reason>;

/// Why a point is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// A kind of metric that is not known here, or none.
    UnknownKind,
    /// A sum or a histogram that is neither cumulative nor delta.
    Temporality,
    /// Remote write has no deltas.
    Delta,
    /// Nothing of the name is left that Prometheus could take.
    InvalidName,
    /// An attribute that cannot be a label of this series.
    InvalidLabel,
    /// Another metric has this name and these labels in the same batch, or another value at this time.
    Duplicate,
    /// It does not say of when it is.
    NoTime,
    /// Its time is so far ahead that a back end would refuse it with all that it is sent with.
    Future,
    /// No number, or a counter that is negative or not a number.
    InvalidValue,
    /// Buckets, bounds and count contradict each other.
    InvalidHistogram,
    /// No native histogram is as coarse as this.
    Scale,
}

impl Lost for Reason {
    const ALL: &'static [Self] = &[
        Self::UnknownKind,
        Self::Temporality,
        Self::Delta,
        Self::InvalidName,
        Self::InvalidLabel,
        Self::Duplicate,
        Self::NoTime,
        Self::Future,
        Self::InvalidValue,
        Self::InvalidHistogram,
        Self::Scale,
    ];

    fn place(self) -> usize {
        self as usize
    }

    fn name(self) -> &'static str {
        match self {
            Self::UnknownKind => "unknown_kind",
            Self::Temporality => "temporality",
            Self::Delta => "delta",
            Self::InvalidName => "invalid_name",
            Self::InvalidLabel => "invalid_label",
            Self::Duplicate => "duplicate",
            Self::NoTime => "no_time",
            Self::Future => "future",
            Self::InvalidValue => "invalid_value",
            Self::InvalidHistogram => "invalid_histogram",
            Self::Scale => "scale",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::UnknownKind => "the metric holds no kind of points that is known here",
            Self::Temporality => "the sender does not say whether it is cumulative or delta",
            Self::Delta => {
                "remote write has no deltas; let the SDK send it cumulative, or use the exporter \
                 `prometheus`, which adds them up"
            }
            Self::InvalidName => "the name holds nothing that Prometheus allows in one",
            Self::InvalidLabel => {
                "an attribute has a name that Prometheus keeps for itself or cannot take"
            }
            Self::Duplicate => {
                "another point has the same name, labels and time once they are translated; rename \
                 one, or add what tells them apart by `resource_constant_labels`"
            }
            Self::NoTime => "it does not say of when it is",
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

impl From<Unreadable> for Reason {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::UnknownKind => Self::UnknownKind,
            Unreadable::InvalidValue => Self::InvalidValue,
            Unreadable::InvalidHistogram => Self::InvalidHistogram,
            Unreadable::Scale => Self::Scale,
        }
    }
}

pub(super) fn drops(host: &Host) -> Drops {
    Drops::new(host, &DROPPED, "A data point is not sent")
}
