//! What `memory_limiter` counts, under the Collector's names.

use otlp::Signal;
use pipeline::component::Host;
use telemetry::metrics::{Counter, Family};

const SPANS: Family = Family::counter(
    "otelcol_processor_memory_limiter_accepted_spans",
    "Number of spans that were let through",
);
const METRIC_POINTS: Family = Family::counter(
    "otelcol_processor_memory_limiter_accepted_metric_points",
    "Number of metric points that were let through",
);
const LOG_RECORDS: Family = Family::counter(
    "otelcol_processor_memory_limiter_accepted_log_records",
    "Number of log records that were let through",
);

/// The series of one instance; those of all workers add up.
#[derive(Debug)]
pub(super) struct Meter {
    accepted: Counter,
}

impl Meter {
    pub(super) fn new(host: &Host) -> Self {
        let family = match host.label.signal {
            Some(Signal::Metrics) => METRIC_POINTS,
            Some(Signal::Logs) => LOG_RECORDS,
            Some(Signal::Traces) | None => SPANS,
        };
        let labels = &[("processor", host.label.id.as_str())];
        Self {
            accepted: host.metrics.counter(&family, labels),
        }
    }

    pub(super) fn accepted(&self, items: u64) {
        self.accepted.add(items);
    }
}
