//! What a batch holds, in one line.

use std::fmt;

use otlp::Signal;
use pipeline::Batch;

#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    pub(super) signal: Signal,
    pub(super) resources: u64,
    /// 0 for other signals than metrics.
    pub(super) metrics: u64,
    /// Spans, data points or log records.
    pub(super) items: u64,
}

impl Counts {
    /// Counts what can be read; the items have been counted on the way here.
    pub(super) fn of(batch: &Batch) -> Self {
        let mut counts = Self {
            signal: batch.signal(),
            resources: 0,
            metrics: 0,
            items: batch.items(),
        };
        for group in super::groups(batch) {
            counts.resources += 1;
            if let Ok((group, _)) = group {
                for scope in group.scope_groups().flatten() {
                    counts.metrics += scope.metrics().count() as u64;
                }
            }
        }
        counts
    }
}

/// As the Collector's console log has it: the signal, a tab, and its fields.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            resources,
            metrics,
            items,
            ..
        } = self;
        match self.signal {
            Signal::Traces => {
                write!(
                    f,
                    "Traces\t{{\"resource spans\": {resources}, \"spans\": {items}}}"
                )
            }
            Signal::Metrics => write!(
                f,
                "Metrics\t{{\"resource metrics\": {resources}, \"metrics\": {metrics}, \
                 \"data points\": {items}}}"
            ),
            Signal::Logs => {
                write!(
                    f,
                    "Logs\t{{\"resource logs\": {resources}, \"log records\": {items}}}"
                )
            }
        }
    }
}
