//! The queue of one exporter and signal: a task on the exporter's worker.

use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ledger::{Fate, Reason};
use tokio::task::JoinSet;

use super::cut::{Limit, cut};
use super::intake::{Entries, Permit, Permits, Room};
use super::merge::Merger;
use super::retry::{Backoff, Jitter};
use super::settings::Settings;
use crate::batch::Batch;
use crate::clock::Clock;
use crate::component::{Exporter, Failure, Label, Receipt};
use crate::service::Stop;
use crate::share::Outcome;

/// A batch in the queue, with the room that it holds.
pub(super) struct Entry {
    pub(super) batch: Batch,
    pub(super) permits: Permits,
    backoff: Option<Backoff>,
}

/// Drives one exporter from its intake to the account.
pub(crate) struct Delivery {
    exporter: Rc<dyn Exporter>,
    settings: Settings,
    room: Arc<Room>,
    entries: Entries,
    clock: Clock,
    stop: Stop,
    label: Label,
    consumers: usize,
    merger: Option<Merger>,
    /// Ready to be sent.
    waiting: VecDeque<Entry>,
    /// By the moment of the next attempt; the number keeps equal moments apart.
    retries: BTreeMap<(Duration, u64), Entry>,
    retries_begun: u64,
    attempts: JoinSet<(Entry, Result<Receipt, Failure>)>,
    /// Items in attempts under way, and how many of them a sender waits for.
    attempted: u64,
    waited: u64,
    jitter: Jitter,
}

impl Entry {
    pub(super) fn new(batch: Batch, permits: Permits) -> Self {
        Self {
            batch,
            permits,
            backoff: None,
        }
    }

    /// Takes another entry's batch and room.
    pub(super) fn join(&mut self, other: Self) {
        self.batch.append(other.batch);
        match (
            Rc::get_mut(&mut self.permits),
            Rc::try_unwrap(other.permits),
        ) {
            (Some(own), Ok(permits)) => own.extend(permits),
            // Entries are joined before they are cut, so nobody else holds these.
            _ => debug_assert!(false, "joined an entry whose room is shared"),
        }
    }

    /// The first half of the requests and the rest, which share the room and go on with the same back-off.
    fn halves(self) -> [Self; 2] {
        let signal = self.batch.signal();
        let (chunks, context) = self.batch.into_parts();
        let half = chunks.len() / 2;
        let mut halves = [(); 2].map(|()| Batch::empty(signal).with_context(context.clone()));
        for (at, chunk) in chunks.into_iter().enumerate() {
            halves[usize::from(at >= half)].push(chunk);
        }
        halves.map(|batch| Self {
            batch,
            permits: Rc::clone(&self.permits),
            backoff: self.backoff,
        })
    }
}

impl Delivery {
    #[allow(
        clippy::too_many_arguments,
        reason = "the parts of one exporter, named by their types"
    )]
    pub(crate) fn new(
        exporter: Box<dyn Exporter>,
        settings: Settings,
        room: Arc<Room>,
        entries: Entries,
        clock: Clock,
        stop: Stop,
        label: Label,
    ) -> Self {
        let consumers = settings
            .queue
            .as_ref()
            .map_or(usize::MAX, |queue| queue.consumers);
        let merge = settings
            .queue
            .as_ref()
            .and_then(|queue| queue.merge.clone());
        Self {
            exporter: Rc::from(exporter),
            settings,
            room,
            entries,
            clock,
            stop,
            label,
            consumers,
            merger: merge.map(Merger::new),
            waiting: VecDeque::new(),
            retries: BTreeMap::new(),
            retries_begun: 0,
            attempts: JoinSet::new(),
            attempted: 0,
            waited: 0,
            jitter: Jitter::new(),
        }
    }

    /// Runs until the upstream is gone and everything has been settled, or until the service gives up.
    pub(crate) async fn run(mut self) {
        let stop = self.stop.clone();
        let mut abandoned = pin!(stop.abandoned());
        let mut open = true;
        loop {
            self.start_attempts();
            self.room
                .set_in_flight(self.attempts.len() + self.retries.len());
            if !open {
                let merged = self.merger.as_mut().map(Merger::flush).unwrap_or_default();
                merged.into_iter().for_each(|entry| self.queue_up(entry));
                self.start_attempts();
                if self.is_idle() {
                    return;
                }
            }
            let wake = self.deadline().map(|at| self.clock.instant(at));
            tokio::select! {
                () = abandoned.as_mut() => break,
                Some(ended) = self.attempts.join_next() => if let Ok((entry, result)) = ended {
                    self.settle(entry, result);
                },
                entry = self.entries.recv(), if open => match entry {
                    Some((batch, permit)) => self.enter(batch, permit),
                    None => open = false,
                },
                () = sleep_until(wake) => self.wake(),
            }
        }
        self.abandon().await;
    }

    fn enter(&mut self, batch: Batch, permit: Permit) {
        let entry = Entry::new(batch, Rc::new(vec![permit]));
        match &mut self.merger {
            None => self.queue_up(entry),
            Some(merger) => {
                let ready = merger.add(entry, self.clock.now().mono);
                ready.into_iter().for_each(|entry| self.queue_up(entry));
            }
        }
    }

    fn start_attempts(&mut self) {
        while self.attempts.len() < self.consumers {
            let Some(mut entry) = self.waiting.pop_front() else {
                return;
            };
            if let (None, Some(retry)) = (entry.backoff, &self.settings.retry) {
                entry.backoff = Some(Backoff::new(retry, self.clock.now().mono));
            }
            self.attempted += entry.batch.items();
            self.waited += waited(&entry.batch);
            let exporter = Rc::clone(&self.exporter);
            let timeout = self.settings.timeout;
            self.attempts.spawn_local(async move {
                let result = attempt(exporter.as_ref(), &entry.batch, timeout).await;
                (entry, result)
            });
        }
    }

    /// Queues an entry; one that is larger than a request may be is cut first.
    fn queue_up(&mut self, entry: Entry) {
        match self.exporter.request_limit() {
            Some(max) if entry.batch.bytes() > max => {
                let permits = entry.permits;
                let pieces = cut(entry.batch, Limit::Bytes(max));
                self.waiting.extend(
                    pieces
                        .into_iter()
                        .map(|b| Entry::new(b, Rc::clone(&permits))),
                );
            }
            _ => self.waiting.push_back(entry),
        }
    }

    fn settle(&mut self, entry: Entry, result: Result<Receipt, Failure>) {
        self.attempted -= entry.batch.items();
        self.waited -= waited(&entry.batch);
        self.room.attempted(result.is_ok(), self.clock.now().mono);
        match result {
            Ok(receipt) => {
                let items = entry.batch.items();
                let rejected = receipt.rejected.min(items);
                if rejected > 0 || !receipt.text.is_empty() {
                    self.label.partial_success(&receipt);
                }
                self.room.account().pass(items - rejected);
                self.room
                    .account()
                    .end(rejected, Fate::Dropped(Reason::PartialSuccess));
                entry.batch.deliver();
            }
            // One of the merged requests is to blame, and the others are innocent.
            Err(Failure::Permanent {
                reason: Reason::Invalid | Reason::TooLarge,
                ..
            }) if entry.batch.chunks().len() > 1 => {
                let [first, second] = entry.halves();
                self.waiting.push_front(second);
                self.waiting.push_front(first);
            }
            Err(Failure::Permanent { reason, text }) => {
                self.label.dropping(&text, entry.batch.items());
                self.give_up(entry.batch, Outcome::Permanent(reason), reason);
            }
            Err(Failure::Retryable { after, text }) => self.retry(entry, after, &text),
        }
    }

    fn retry(&mut self, mut entry: Entry, hint: Option<Duration>, text: &str) {
        let reason = Reason::RetriesExhausted;
        let (Some(retry), Some(backoff)) = (&self.settings.retry, &mut entry.backoff) else {
            self.label.dropping(text, entry.batch.items());
            return self.give_up(entry.batch, Outcome::Retryable(reason), reason);
        };
        let now = self.clock.now().mono;
        match backoff.next(retry, now, hint, self.jitter.draw()) {
            Some(wait) => {
                self.label.retrying(text, wait);
                self.retries_begun += 1;
                self.retries.insert((now + wait, self.retries_begun), entry);
            }
            None => {
                self.label.dropping(
                    &format!("no more retries left: {text}"),
                    entry.batch.items(),
                );
                self.give_up(entry.batch, Outcome::Retryable(reason), reason);
            }
        }
    }

    fn give_up(&self, batch: Batch, outcome: Outcome, reason: Reason) {
        self.count(batch.items(), waited(&batch), reason);
        batch.resolve(outcome);
    }

    /// Counts items that were not delivered. A sender that waits is told, so its items are its own again; what was
    /// acknowledged is lost.
    fn count(&self, items: u64, waited: u64, reason: Reason) {
        self.room.account().end(waited, Fate::Rejected(reason));
        self.room
            .account()
            .end(items - waited, Fate::Dropped(reason));
    }

    fn wake(&mut self) {
        let now = self.clock.now().mono;
        while let Some(first) = self.retries.first_entry()
            && first.key().0 <= now
        {
            self.waiting.push_back(first.remove());
        }
        let due = self
            .merger
            .as_mut()
            .map(|merger| merger.due(now))
            .unwrap_or_default();
        due.into_iter().for_each(|entry| self.queue_up(entry));
    }

    fn deadline(&self) -> Option<Duration> {
        let retry = self.retries.first_key_value().map(|((at, _), _)| *at);
        let merge = self.merger.as_ref().and_then(Merger::deadline);
        [retry, merge].into_iter().flatten().min()
    }

    fn is_idle(&self) -> bool {
        self.waiting.is_empty()
            && self.retries.is_empty()
            && self.attempts.is_empty()
            && self.merger.as_ref().is_none_or(Merger::is_empty)
    }

    /// Ends everything that is still here, because the drain deadline has passed.
    async fn abandon(mut self) {
        while let Some(Ok((entry, result))) = self.attempts.try_join_next() {
            self.settle(entry, result);
        }
        self.entries.close();
        // Closed, it ends behind the last batch, also if another worker is about to put that in.
        while let Some((batch, permit)) = self.entries.recv().await {
            self.enter(batch, permit);
        }
        let merged = self.merger.as_mut().map(Merger::flush).unwrap_or_default();
        let retries = std::mem::take(&mut self.retries).into_values();
        let entries: Vec<_> = self
            .waiting
            .drain(..)
            .chain(retries)
            .chain(merged)
            .collect();
        for entry in entries {
            self.give_up(
                entry.batch,
                Outcome::Retryable(Reason::Shutdown),
                Reason::Shutdown,
            );
        }
        // Attempts under way are cut off. Their shares tell whoever waits.
        self.count(self.attempted, self.waited, Reason::Shutdown);
    }
}

/// Items that a sender waits for.
fn waited(batch: &Batch) -> u64 {
    let waited = batch.chunks().iter().filter(|chunk| chunk.share.is_some());
    waited.map(|chunk| chunk.items).sum()
}

async fn attempt(
    exporter: &dyn Exporter,
    batch: &Batch,
    timeout: Option<Duration>,
) -> Result<Receipt, Failure> {
    let export = exporter.export(batch);
    match timeout {
        None => export.await,
        Some(timeout) => match tokio::time::timeout(timeout, export).await {
            Ok(result) => result,
            Err(_) => Err(Failure::retryable(format!("no answer within {timeout:?}"))),
        },
    }
}

async fn sleep_until(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
