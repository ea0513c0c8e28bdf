//! What `memory_limiter` counts, under the Collector's names.

use otlp::Signal;
use pipeline::component::Host;
use telemetry::metrics::{Counter, Family};

/// The families of one signal.
struct Families {
    accepted: Family,
    refused: Family,
}

/// By [`Signal::index`].
const FAMILIES: [Families; 3] = [
    Families {
        accepted: Family::counter(
            "otelcol_processor_memory_limiter_accepted_spans",
            "Number of spans that were let through",
        ),
        refused: Family::counter(
            "otelcol_processor_memory_limiter_refused_spans",
            "Number of spans that were refused for want of memory",
        ),
    },
    Families {
        accepted: Family::counter(
            "otelcol_processor_memory_limiter_accepted_metric_points",
            "Number of metric points that were let through",
        ),
        refused: Family::counter(
            "otelcol_processor_memory_limiter_refused_metric_points",
            "Number of metric points that were refused for want of memory",
        ),
    },
    Families {
        accepted: Family::counter(
            "otelcol_processor_memory_limiter_accepted_log_records",
            "Number of log records that were let through",
        ),
        refused: Family::counter(
            "otelcol_processor_memory_limiter_refused_log_records",
            "Number of log records that were refused for want of memory",
        ),
    },
];

/// The series of one instance; those of all workers add up.
#[derive(Debug)]
pub(super) struct Meter {
    accepted: Counter,
    /// Shown because the Collector has it. What is refused is refused before it is read, and nobody knows its items.
    _refused: Counter,
}

impl Meter {
    pub(super) fn new(host: &Host) -> Self {
        let families = &FAMILIES[host.label.signal.unwrap_or(Signal::Traces).index()];
        let labels = &[("processor", host.label.id.as_str())];
        Self {
            accepted: host.metrics.counter(&families.accepted, labels),
            _refused: host.metrics.counter(&families.refused, labels),
        }
    }

    pub(super) fn accepted(&self, items: u64) {
        self.accepted.add(items);
    }
}
