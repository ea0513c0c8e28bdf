//! What the parts of one worker share: its clock, and the bell that rings when somebody blocked may look again.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use crate::chain::Chain;
use crate::clock::Clock;

/// One per worker thread. A worker is a current-thread runtime, so nothing here is shared between threads.
pub(crate) struct Worker {
    pub(crate) clock: Clock,
    /// Rung whenever room appears; who waits for room looks again.
    freed: Notify,
    /// In topological order, so that what a later chain frees reaches the earlier ones in one backward pass.
    chains: RefCell<Vec<Weak<Chain>>>,
}

impl Worker {
    pub(crate) fn new(clock: Clock) -> Rc<Self> {
        Rc::new(Self {
            clock,
            freed: Notify::new(),
            chains: RefCell::default(),
        })
    }

    pub(crate) fn adopt<'a>(&self, chains: impl IntoIterator<Item = &'a Rc<Chain>>) {
        *self.chains.borrow_mut() = chains.into_iter().map(Rc::downgrade).collect();
    }

    /// Resolves after this long.
    pub(crate) async fn sleep(&self, time: Duration) {
        let until = self.clock.now().mono.saturating_add(time);
        tokio::time::sleep_until(self.clock.instant(until)).await;
    }

    /// Room has appeared behind some chain: let every chain forward what it holds, the last one first.
    pub(crate) fn room_appeared(&self) {
        let chains: Vec<_> = self
            .chains
            .borrow()
            .iter()
            .filter_map(Weak::upgrade)
            .collect();
        for chain in chains.iter().rev() {
            chain.pump();
        }
        self.ring();
    }

    /// Lets whoever waits for room look again: there is some, or there will be none.
    pub(crate) fn ring(&self) {
        self.freed.notify_waiters();
    }

    /// Resolves at the next [`room_appeared`](Self::room_appeared). Made before the look, awaited after it.
    pub(crate) fn freed(&self) -> tokio::sync::futures::Notified<'_> {
        self.freed.notified()
    }
}
