//! The memory of what a connector holds, and what it makes of what there is no room for.

use std::sync::Arc;

use ledger::{Budget, Lease};
use otlp::OwnedValue;
use otlp::write::KeyValues;

/// All series of one connector take one part in so many of the memory limit. What is beyond it is counted in overflow
/// series: a sender that makes up names or resources must not take what others need.
pub(crate) const SERIES_PART: u64 = 4;

/// Beside its parts, of an entry in a table.
pub(crate) const ENTRY_BYTES: usize = 64;

/// The attribute of a series in which all are counted for whom there was no room, as the SDKs name it.
const OVERFLOW: &str = "otel.metric.overflow";

/// A part of the memory limit.
#[derive(Debug)]
pub(crate) struct Room {
    lease: Lease,
    max: u64,
}

impl Room {
    /// One part in `part`.
    pub(crate) fn new(budget: &Arc<Budget>, part: u64) -> Self {
        Self {
            lease: budget.lease(),
            max: budget.limit() / part,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.lease.bytes() >= self.max
    }

    /// Charges what something takes now, for which `cost` has been charged so far.
    #[inline]
    pub(crate) fn settle(&mut self, cost: &mut usize, bytes: usize) {
        match bytes.checked_sub(*cost) {
            Some(0) => {}
            Some(more) => self.lease.overdraw(more),
            None => self.lease.give_back(*cost - bytes),
        }
        *cost = bytes;
    }

    pub(crate) fn give_back(&mut self, cost: usize) {
        self.lease.give_back(cost);
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.lease.bytes()
    }
}

/// The attributes of a series for all those that there was no room for.
pub(crate) fn overflow() -> KeyValues {
    let mut attributes = KeyValues::default();
    attributes.put_owned(OVERFLOW.into(), &OwnedValue::from(true));
    attributes
}
