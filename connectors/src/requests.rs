//! Requests of metrics that are being written: cut where one is full.

use std::sync::Arc;

use ledger::Budget;
use otlp::Signal;
use otlp::write::{KeyValues, MetricsWriter, Stream};
use pipeline::Batch;
use pipeline::component::Outbox;

/// What one request holds at most, give or take a point: less than receivers of gRPC take by default, 4 MiB.
const REQUEST_BYTES_MAX: usize = 2 << 20;

/// Requests that are full, and the one that is being written.
pub(crate) struct Requests {
    scope: &'static str,
    writer: MetricsWriter,
    full: Vec<MetricsWriter>,
}

impl Requests {
    /// All metrics stand in a scope of this name.
    pub(crate) fn new(scope: &'static str) -> Self {
        Self {
            scope,
            writer: MetricsWriter::new(),
            full: Vec::new(),
        }
    }

    pub(crate) fn resource(&mut self, attributes: &KeyValues) {
        self.writer.resource(attributes);
        self.writer.scope(self.scope, "");
    }

    pub(crate) fn metric(&mut self, stream: &Stream<'_>) {
        self.writer.metric(stream);
    }

    /// Where the next point of this metric is written: in a new request if the last one is full.
    pub(crate) fn next_point(
        &mut self,
        resource: &KeyValues,
        stream: &Stream<'_>,
    ) -> &mut MetricsWriter {
        if self.writer.encoded_len() >= REQUEST_BYTES_MAX {
            self.full.push(std::mem::take(&mut self.writer));
            self.resource(resource);
            self.metric(stream);
        }
        &mut self.writer
    }

    /// Sends all that have a point, and charges them.
    pub(crate) fn send(mut self, budget: &Arc<Budget>, out: &mut Outbox) {
        self.full.push(self.writer);
        for writer in self.full {
            let points = writer.points();
            if points > 0 {
                let request = writer.finish();
                let mut lease = budget.lease();
                lease.overdraw(request.capacity());
                out.push(Batch::new(Signal::Metrics, lease.attach(request), points));
            }
        }
    }
}
