//! `ack`: what a receiver's answer of success means.

use serde::{Deserialize, Serialize};

use crate::{Problems, Validate};

/// Not a key of the Collector, whose answers mean "accepted" unless an exporter's queue says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ack {
    /// Every pipeline has the request in memory.
    #[default]
    Accepted,
    /// Every exporter has answered for it.
    Delivered,
    /// It is on disk. Known, so that its use has an answer of its own.
    Durable,
}

impl Validate for Ack {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        problems.require(
            *self != Self::Durable,
            "",
            "`durable` needs the journal, which is not in this build: use `delivered` or `accepted`",
        );
        problems
    }
}
