//! The queue of one exporter and signal: a task on the exporter's worker.

use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ledger::{Budget, Fate, Reason};
use tokio::task::JoinSet;

use super::attempt::attempt;
use super::cut::Limit;
use super::entry::Entry;
use super::intake::{Entries, Permit, Room};
use super::merge::Merger;
use super::report::Report;
use super::retry::{Backoff, Jitter};
use super::search::{Next, Searches};
use super::settings::Settings;
use crate::batch::Batch;
use crate::clock::Clock;
use crate::component::{Exporter, Failure, Label, Listening, Partly, Receipt};
use crate::service::{Shared, Stop};
use crate::share::Outcome;

/// Drives one exporter from its intake to the account.
pub(crate) struct Delivery {
    exporter: Rc<dyn Exporter>,
    settings: Settings,
    room: Arc<Room>,
    entries: Entries,
    clock: Clock,
    stop: Stop,
    report: Report,
    budget: Arc<Budget>,
    consumers: usize,
    merger: Option<Merger>,
    /// The service drains: nothing waits for more to be merged with.
    hurried: bool,
    /// Ready to be sent.
    waiting: VecDeque<Entry>,
    /// Pieces of what the back end has refused. They go first, since they have waited before, and by size, so that all
    /// halves are tried before any quarter; where batches keep their order, as they lay in the batch.
    pieces: VecDeque<Entry>,
    searches: Searches,
    /// By the moment of the next attempt; the number keeps equal moments apart.
    retries: BTreeMap<(Duration, u64), Entry>,
    retries_begun: u64,
    attempts: JoinSet<(Entry, Result<Receipt, Failure>)>,
    /// Items in attempts under way, and how many of them a sender waits for.
    attempted: u64,
    waited: u64,
    jitter: Jitter,
}

impl Delivery {
    pub(crate) fn new(
        exporter: Box<dyn Exporter>,
        settings: Settings,
        (room, entries): (Arc<Room>, Entries),
        shared: &Shared,
        stop: Stop,
        label: Label,
    ) -> Self {
        let queue = settings.queue.as_ref();
        let consumers = match settings.in_order {
            true => 1,
            false => queue.map_or(usize::MAX, |queue| queue.consumers),
        };
        let merge = queue.and_then(|queue| queue.merge.clone());
        Self {
            exporter: Rc::from(exporter),
            settings,
            room,
            entries,
            clock: shared.clock,
            stop,
            report: Report::new(label, shared),
            budget: Arc::clone(&shared.budget),
            consumers,
            merger: merge.map(|merge| Merger::new(merge, Arc::clone(&shared.budget))),
            hurried: false,
            waiting: VecDeque::new(),
            pieces: VecDeque::new(),
            searches: Searches::default(),
            retries: BTreeMap::new(),
            retries_begun: 0,
            attempts: JoinSet::new(),
            attempted: 0,
            waited: 0,
            jitter: Jitter::new(),
        }
    }

    pub(crate) fn listening(&self) -> Vec<Listening> {
        self.exporter.listening()
    }

    /// Runs until the upstream is gone and everything has been settled, or until the service gives up.
    pub(crate) async fn run(mut self) {
        self.exporter.begin();
        let stop = self.stop.clone();
        let mut abandoned = pin!(stop.abandoned());
        let mut draining = pin!(stop.draining());
        let mut open = true;
        loop {
            self.start_attempts();
            self.room
                .set_in_flight(self.attempts.len() + self.retries.len());
            if !open {
                self.queue_merged();
                self.start_attempts();
                if self.is_idle() {
                    return;
                }
            }
            let wake = self.deadline().map(|at| self.clock.instant(at));
            tokio::select! {
                () = abandoned.as_mut() => break,
                // Somebody may wait for what is merged so far, and the upstream then ends after him.
                () = draining.as_mut(), if !self.hurried => {
                    self.hurried = true;
                    self.queue_merged();
                }
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
                if self.hurried {
                    self.queue_merged();
                }
            }
        }
    }

    /// Queues everything that waits to be merged with more.
    fn queue_merged(&mut self) {
        let merged = self.merger.as_mut().map(Merger::flush).unwrap_or_default();
        merged.into_iter().for_each(|entry| self.queue_up(entry));
    }

    fn start_attempts(&mut self) {
        let is_held_up = self.settings.in_order && !self.retries.is_empty();
        while self.attempts.len() < self.consumers && !is_held_up {
            let Some(mut entry) = self.pieces.pop_front().or_else(|| self.waiting.pop_front())
            else {
                return;
            };
            let now = self.clock.now().mono;
            if let Some((reason, text)) = self.searches.verdict(&entry, now) {
                self.refuse(entry.batch, reason, &text);
                continue;
            }
            if let (None, Some(retry)) = (entry.backoff, &self.settings.retry) {
                entry.backoff = Some(Backoff::new(retry, now));
            }
            self.attempted += entry.batch.items();
            self.waited += entry.batch.waited();
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
                let pieces = entry.cut(Limit::Bytes(max), &self.budget);
                self.waiting.extend(pieces);
            }
            _ => self.waiting.push_back(entry),
        }
    }

    fn settle(&mut self, entry: Entry, result: Result<Receipt, Failure>) {
        self.attempted -= entry.batch.items();
        self.waited -= entry.batch.waited();
        let now = self.clock.now().mono;
        self.room.attempted(result.is_ok(), now);
        match result {
            Ok(receipt) => {
                self.searches.delivered(&entry);
                self.deliver(entry.batch, &receipt);
            }
            Err(Failure::Permanent { reason, text }) => {
                let said = (reason, text.as_str());
                match self.searches.refused(entry, said, now, &self.budget) {
                    Next::Pieces(pieces) if self.settings.in_order => {
                        let last_first = pieces.into_iter().rev();
                        last_first.for_each(|piece| self.pieces.push_front(piece));
                    }
                    Next::Pieces(pieces) => self.pieces.extend(pieces),
                    Next::End(entry) => self.refuse(entry.batch, reason, &text),
                }
            }
            Err(Failure::Retryable { after, text }) => self.retry(entry, after, &text),
            Err(Failure::Partly(partly)) => self.settle_partly(entry, *partly),
        }
    }

    fn settle_partly(&mut self, entry: Entry, partly: Partly) {
        let Partly {
            receipt,
            left,
            after,
            text,
        } = partly;
        let (done, entry) = entry.divide(&left, &self.budget);
        if done.items() > 0 {
            self.searches.delivered(&entry);
            self.deliver(done, &receipt);
        }
        match entry.batch.items() {
            0 => entry.batch.resolve(Outcome::Delivered),
            _ => self.retry(entry, after, &text),
        }
    }

    fn deliver(&self, batch: Batch, receipt: &Receipt) {
        let items = batch.items();
        let rejected = receipt.rejected.min(items);
        let reason = Reason::PartialSuccess;
        if rejected > 0 || !receipt.text.is_empty() {
            self.report.partial_success(&batch, receipt);
        }
        self.room.account().pass(items - rejected);
        // Of one request it is known whose items they are, so a sender who waits is told; of several it is not.
        let told = batch.chunks().len() == 1 && batch.waited() > 0;
        let fate = if told { Fate::Rejected } else { Fate::Dropped };
        self.room.account().end(rejected, fate(reason));
        batch.resolve(match rejected {
            0 => Outcome::Delivered,
            _ => Outcome::Partial {
                rejected: if told { rejected } else { 0 },
                reason,
            },
        });
    }

    /// Gives up what the back end will never take.
    fn refuse(&self, batch: Batch, reason: Reason, text: &str) {
        self.report.dropping(&batch, reason, text);
        self.room.give_up(batch, Outcome::Permanent(reason), reason);
    }

    fn retry(&mut self, mut entry: Entry, hint: Option<Duration>, text: &str) {
        let reason = Reason::RetriesExhausted;
        let (Some(retry), Some(backoff)) = (&self.settings.retry, &mut entry.backoff) else {
            self.report.dropping(&entry.batch, reason, text);
            return self
                .room
                .give_up(entry.batch, Outcome::Retryable(reason), reason);
        };
        let now = self.clock.now().mono;
        match backoff.next(retry, now, hint, self.jitter.draw()) {
            Some(wait) => {
                self.report.retrying(&entry.batch, text, wait);
                self.retries_begun += 1;
                self.retries.insert((now + wait, self.retries_begun), entry);
            }
            None => {
                let text = format!("no more retries left: {text}");
                self.report.dropping(&entry.batch, reason, &text);
                self.room
                    .give_up(entry.batch, Outcome::Retryable(reason), reason);
            }
        }
    }

    fn wake(&mut self) {
        let now = self.clock.now().mono;
        while let Some(first) = self.retries.first_entry()
            && first.key().0 <= now
        {
            match self.settings.in_order {
                // Before the pieces that it was cut from, which go before all others.
                true => self.pieces.push_front(first.remove()),
                false => self.waiting.push_back(first.remove()),
            }
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
            && self.pieces.is_empty()
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
            .chain(self.pieces.drain(..))
            .chain(retries)
            .chain(merged)
            .collect();
        for entry in entries {
            self.room.give_up(
                entry.batch,
                Outcome::Retryable(Reason::Shutdown),
                Reason::Shutdown,
            );
        }
        // Attempts under way are cut off. Their shares tell whoever waits.
        self.room
            .count(self.attempted, self.waited, Reason::Shutdown);
    }
}

async fn sleep_until(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
