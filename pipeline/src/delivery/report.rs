//! What delivery has to say: to the log, and to the list of last errors.

use std::sync::Arc;
use std::time::Duration;

use ledger::{LastError, LastErrors, Reason};

use crate::batch::Batch;
use crate::clock::Clock;
use crate::component::{Label, Receipt};
use crate::sender::{Agents, Sender};
use crate::service::Shared;

/// Speaks for one exporter.
pub(super) struct Report {
    label: Label,
    errors: Arc<LastErrors>,
    agents: Arc<Agents>,
    clock: Clock,
}

impl Report {
    pub(super) fn new(label: Label, shared: &Shared) -> Self {
        Self {
            label,
            errors: Arc::clone(&shared.errors),
            agents: Arc::clone(&shared.agents),
            clock: shared.clock,
        }
    }

    /// An attempt has failed and there will be another.
    pub(super) fn retrying(&self, batch: &Batch, error: &str, interval: Duration) {
        let Label { id, .. } = &self.label;
        tracing::info!(
            otelcol.component.id = id,
            otelcol.component.kind = self.label.kind_name(),
            otelcol.signal = self.label.signal_name(),
            error,
            interval = ?interval,
            "Exporting failed. Will retry the request after interval."
        );
        self.note(None, None, batch.items(), error);
    }

    /// A batch will not be tried again.
    pub(super) fn dropping(&self, batch: &Batch, reason: Reason, error: &str) {
        let Label { id, .. } = &self.label;
        let sender = batch.sender();
        let (peer, agent) = self.known(sender);
        tracing::error!(
            otelcol.component.id = id,
            otelcol.component.kind = self.label.kind_name(),
            otelcol.signal = self.label.signal_name(),
            error,
            dropped_items = batch.items(),
            client.address = peer.map(tracing::field::display),
            user_agent = agent.as_deref(),
            "Exporting failed. Dropping data."
        );
        self.note(sender, Some(reason), batch.items(), error);
    }

    /// A back end has taken a batch with reservations.
    pub(super) fn partial_success(&self, batch: &Batch, receipt: &Receipt) {
        let Label { id, .. } = &self.label;
        tracing::warn!(
            otelcol.component.id = id,
            otelcol.component.kind = self.label.kind_name(),
            otelcol.signal = self.label.signal_name(),
            rejected = receipt.rejected,
            text = receipt.text,
            "Partial success response"
        );
        let text = format!("Partial success response: {}", receipt.text);
        let reason = (receipt.rejected > 0).then_some(Reason::PartialSuccess);
        self.note(batch.sender(), reason, receipt.rejected, &text);
    }

    fn note(&self, sender: Option<Sender>, reason: Option<Reason>, items: u64, text: &str) {
        let Label { kind, id, .. } = &self.label;
        let (peer, user_agent) = self.known(sender);
        self.errors.note(LastError {
            signal: self.label.signal,
            reason,
            items,
            peer,
            user_agent,
            ..LastError::new(*kind, id, text, self.clock.now().unix_nanos)
        });
    }

    fn known(&self, sender: Option<Sender>) -> (Option<std::net::IpAddr>, Option<Arc<str>>) {
        let sender = sender.unwrap_or_default();
        (sender.peer, self.agents.name(sender.agent))
    }
}
