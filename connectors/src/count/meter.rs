//! What `count` tells of itself.

use pipeline::component::Host;
use telemetry::metrics::{Counter, Family};

const FAILED: Family = Family::counter(
    "tracegate_count_condition_errors",
    "Count of conditions that had no answer for an item, which is not counted then",
);

#[derive(Debug)]
pub(super) struct Meter {
    failed: Counter,
}

impl Meter {
    pub(super) fn new(host: &Host) -> Self {
        let own = &[("connector", host.label.id.as_str())];
        Self {
            failed: host.metrics.counter(&FAILED, own),
        }
    }

    pub(super) fn failed(&self) {
        self.failed.add(1);
    }
}
