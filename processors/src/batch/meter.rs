//! What `batch` tells of its batches, under the Collector's names.

use pipeline::component::Host;
use telemetry::metrics::{BYTE_BOUNDS, Counter, Family, Gauge, Histogram, ITEM_BOUNDS, Level};

use super::batcher::Trigger;

const SIZE_TRIGGER: Family = Family::counter(
    "otelcol_processor_batch_batch_size_trigger_send",
    "Number of times the batch was sent because it had reached its size",
)
.from(Level::Normal);

const TIMEOUT_TRIGGER: Family = Family::counter(
    "otelcol_processor_batch_timeout_trigger_send",
    "Number of times the batch was sent because its time had come",
)
.from(Level::Normal);

const SEND_SIZE: Family = Family::histogram(
    "otelcol_processor_batch_batch_send_size",
    "Number of items in the batches that were sent",
)
.from(Level::Normal);

const SEND_SIZE_BYTES: Family = Family::histogram(
    "otelcol_processor_batch_batch_send_size_bytes",
    "Encoded bytes of the batches that were sent",
)
.bytes()
.from(Level::Detailed);

const CARDINALITY: Family = Family::gauge(
    "otelcol_processor_batch_metadata_cardinality",
    "Number of distinct combinations of metadata values that have a batch of their own",
)
.from(Level::Normal);

/// The series of one instance; those of all workers add up.
#[derive(Debug)]
pub(super) struct Meter {
    size_trigger: Counter,
    timeout_trigger: Counter,
    send_size: Histogram,
    send_size_bytes: Histogram,
    cardinality: Gauge,
}

impl Meter {
    pub(super) fn new(host: &Host) -> Self {
        let metrics = &host.metrics;
        let labels = &[("processor", host.label.id.as_str())];
        Self {
            size_trigger: metrics.counter(&SIZE_TRIGGER, labels),
            timeout_trigger: metrics.counter(&TIMEOUT_TRIGGER, labels),
            send_size: metrics.histogram(&SEND_SIZE, labels, ITEM_BOUNDS),
            send_size_bytes: metrics.histogram(&SEND_SIZE_BYTES, labels, BYTE_BOUNDS),
            cardinality: metrics.gauge(&CARDINALITY, labels),
        }
    }

    pub(super) fn sent(&self, trigger: Trigger, items: u64, bytes: usize) {
        match trigger {
            Trigger::Size => self.size_trigger.add(1),
            Trigger::Timeout => self.timeout_trigger.add(1),
        }
        self.send_size.observe(items as f64);
        self.send_size_bytes.observe(bytes as f64);
    }

    /// How many combinations of metadata values there are now; one if they are not told apart.
    pub(super) fn combinations(&self, count: usize) {
        self.cardinality
            .set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}
