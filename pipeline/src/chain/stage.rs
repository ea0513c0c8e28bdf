//! One processor of a chain, and the way of a batch from one to the next.

use std::collections::VecDeque;
use std::sync::Arc;

use ledger::{Account, Fate};

use crate::batch::Batch;
use crate::clock::Now;
use crate::component::{Outbox, Processor};

/// One processor with its account.
pub(crate) struct Stage {
    pub(crate) processor: Box<dyn Processor>,
    pub(crate) account: Arc<Account>,
    pub(super) outbox: Outbox,
    /// What it takes ends in it, and what it pushes is of another signal, which others count.
    pub(super) makes_another: bool,
}

impl Stage {
    pub(crate) fn new(processor: Box<dyn Processor>, account: Arc<Account>) -> Self {
        Self {
            processor,
            account,
            outbox: Outbox::default(),
            makes_another: false,
        }
    }

    /// A connector that makes another signal.
    pub(crate) fn maker(processor: Box<dyn Processor>, account: Arc<Account>) -> Self {
        Self {
            makes_another: true,
            ..Self::new(processor, account)
        }
    }

    /// Hands over a batch that is in the books.
    pub(super) fn process(&mut self, mut batch: Batch, now: Now) {
        let items = batch.items();
        if self.makes_another {
            batch.release_all();
        }
        self.processor.process(batch, now, &mut self.outbox);
        if self.makes_another {
            let dropped = self.outbox.dropped();
            self.account.pass(items.saturating_sub(dropped));
        }
    }
}

pub(super) fn run(stages: &mut [Stage], batch: Batch, now: Now, out: &mut VecDeque<Batch>) {
    match stages.split_first_mut() {
        None => out.push_back(batch),
        Some((stage, rest)) => {
            stage.account.take(batch.items());
            stage.process(batch, now);
            pass_on(stage, rest, now, out);
        }
    }
}

pub(super) fn pass_on(stage: &mut Stage, rest: &mut [Stage], now: Now, out: &mut VecDeque<Batch>) {
    for (items, reason) in stage.outbox.drain_dropped() {
        stage.account.end(items, Fate::Dropped(reason));
    }
    for batch in stage.outbox.drain() {
        if !stage.makes_another {
            stage.account.pass(batch.items());
        }
        run(rest, batch, now, out);
    }
}
