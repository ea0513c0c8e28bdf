//! Who a component is, in logs and metric labels.

use ledger::Kind;
use otlp::Signal;

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
}
