//! Who a component is, in logs and metric labels.

use std::time::Duration;

use ledger::Kind;
use otlp::Signal;

use super::exporter::Receipt;

/// The fields with which the Collector marks a component's log lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub kind: Kind,
    /// The id as the user wrote it.
    pub id: String,
    /// The signal, where an instance has one of its own.
    pub signal: Option<Signal>,
    /// The pipeline, where an instance belongs to one.
    pub pipeline: Option<String>,
}

impl Label {
    pub fn signal_name(&self) -> &'static str {
        self.signal.map_or("", Signal::name)
    }

    pub fn kind_name(&self) -> &'static str {
        self.kind.name()
    }

    pub(crate) fn retrying(&self, error: &str, interval: Duration) {
        tracing::info!(
            otelcol.component.id = self.id,
            otelcol.component.kind = self.kind_name(),
            otelcol.signal = self.signal_name(),
            error,
            interval = ?interval,
            "Exporting failed. Will retry the request after interval."
        );
    }

    pub(crate) fn dropping(&self, error: &str, dropped_items: u64) {
        tracing::error!(
            otelcol.component.id = self.id,
            otelcol.component.kind = self.kind_name(),
            otelcol.signal = self.signal_name(),
            error,
            dropped_items,
            "Exporting failed. Dropping data."
        );
    }

    pub(crate) fn partial_success(&self, receipt: &Receipt) {
        tracing::warn!(
            otelcol.component.id = self.id,
            otelcol.component.kind = self.kind_name(),
            otelcol.signal = self.signal_name(),
            rejected = receipt.rejected,
            text = receipt.text,
            "Partial success response"
        );
    }
}
