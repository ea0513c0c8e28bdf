//! What waits to be sent together.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use ledger::Budget;
use pipeline::component::{Host, Outbox};
use pipeline::{Batch, Context, Now};

use super::config::Config;
use super::cut::cut;
use super::meter::Meter;

/// When a batch is complete, and what is told about it.
#[derive(Debug)]
pub(super) struct Rules {
    timeout: Duration,
    /// Items from which a batch is sent; 0 if it never waits.
    trigger: u64,
    /// Items that a batch has at most.
    max: Option<u64>,
    budget: Arc<Budget>,
    pub(super) meter: Meter,
}

/// What made a batch complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trigger {
    Size,
    Timeout,
}

/// One batch in the making.
#[derive(Debug)]
pub(super) struct Batcher {
    pending: Batch,
    /// What the batches say of their senders.
    context: Option<Arc<Context>>,
    deadline: Option<Duration>,
}

// === impl Rules ===

impl Rules {
    pub(super) fn new(config: &Config, host: &Host) -> Self {
        let waits = !config.timeout.is_zero() && config.send_batch_size > 0;
        let max = u64::from(config.send_batch_max_size);
        Self {
            timeout: config.timeout.get(),
            trigger: if waits {
                u64::from(config.send_batch_size)
            } else {
                0
            },
            max: (max > 0).then_some(max),
            budget: Arc::clone(&host.budget),
            meter: Meter::new(host),
        }
    }

    fn send(&self, trigger: Trigger, batch: Batch, out: &mut Outbox) {
        self.meter.sent(trigger, batch.items(), batch.bytes());
        out.push(batch);
    }
}

// === impl Batcher ===

impl Batcher {
    pub(super) fn new(signal: otlp::Signal, context: Option<Arc<Context>>) -> Self {
        Self {
            pending: Batch::empty(signal),
            context,
            deadline: None,
        }
    }

    /// When what waits is to be sent; `None` if nothing waits.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// Takes items and sends what is complete.
    pub(super) fn take(&mut self, batch: Batch, now: Now, rules: &Rules, out: &mut Outbox) {
        if self.pending.is_empty() {
            self.pending = batch.with_context(self.context.clone());
            self.deadline = Some(now.mono.saturating_add(rules.timeout));
        } else {
            self.pending.append(batch);
        }
        if self.pending.items() >= rules.trigger {
            self.send_complete(now, rules, out);
        }
    }

    /// Sends everything: the time has come.
    pub(super) fn send_rest(&mut self, rules: &Rules, out: &mut Outbox) {
        self.deadline = None;
        let rest = self.take_pending();
        if !rest.is_empty() {
            rules.send(Trigger::Timeout, rest, out);
        }
    }

    fn send_complete(&mut self, now: Now, rules: &Rules, out: &mut Outbox) {
        self.deadline = None;
        let pending = self.take_pending();
        let pieces = match rules.max {
            Some(max) if pending.items() > max => cut(pending, max, &rules.budget, out),
            _ => vec![pending],
        };
        for piece in pieces {
            let piece = piece.with_context(self.context.clone());
            if piece.items() >= rules.trigger {
                rules.send(Trigger::Size, piece, out);
            } else {
                // Only the last piece can be short: it is the beginning of the next batch.
                self.pending = piece;
                self.deadline = Some(now.mono.saturating_add(rules.timeout));
            }
        }
    }

    /// What waits, with the context of its senders.
    pub(super) fn into_pending(self) -> Batch {
        self.pending.with_context(self.context)
    }

    fn take_pending(&mut self) -> Batch {
        let empty = Batch::empty(self.pending.signal());
        mem::replace(&mut self.pending, empty)
    }
}
