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
    Unreadable(Unreadable),
    /// Remote write has no deltas.
    Delta,
    /// Another metric has this name and these labels in the same batch, or another value at this time.
    Duplicate,
    /// It does not say of when it is.
    NoTime,
}

impl Lost for Reason {
    const OWN: &'static [Self] = &[Self::Delta, Self::Duplicate, Self::NoTime];

    fn unreadable(why: Unreadable) -> Self {
        Self::Unreadable(why)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Unreadable(why) => why.name(),
            Self::Delta => "delta",
            Self::Duplicate => "duplicate",
            Self::NoTime => "no_time",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Unreadable(why) => why.advice(),
            Self::Delta => {
                "remote write has no deltas; let the SDK send it cumulative, or use the exporter \
                 `prometheus`, which adds them up"
            }
            Self::Duplicate => {
                "another point has the same name, labels and time once they are translated; rename \
                 one, or add what tells them apart by `resource_constant_labels`"
            }
            Self::NoTime => "it does not say of when it is",
        }
    }
}

pub(super) fn drops(host: &Host) -> Drops {
    Drops::new(host, &DROPPED, "A data point is not sent")
}
