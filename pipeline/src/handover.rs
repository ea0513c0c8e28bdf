//! How a sharded processor passes from the lanes of one generation to those of the next, also when their number
//! changes.
//!
//! ```text
//! old lane: what it holds, by heir ─▶ inheritance ─▶ new lane: adopts all, and only then takes batches
//!           what still comes       ─▶ new door, by trace
//! ```
//! Every worker exchanges its part between two requests, each at its own time. Until the last of them has handed over
//! what its old lanes hold, batches wait before the new ones; so no trace is decided by a part of its spans. The books
//! show nothing of it: the account is that of the processor, before and after.

use std::cell::{OnceCell, RefCell};
use std::future::poll_fn;

use tokio::sync::mpsc;

use crate::chain::Chain;
use crate::component::State;
use crate::door::Door;

/// Where one new lane finds what the old ones hold. It is closed when all have handed over.
pub(crate) type Inheritance = mpsc::Receiver<State>;

/// Those who take over from the old lanes: one for each new lane, in order.
pub(crate) type Heirs = Vec<mpsc::Sender<State>>;

/// What one lane takes over, and to whom it hands over in the end.
#[derive(Default)]
pub(crate) struct Handover {
    inheritance: RefCell<Option<Inheritance>>,
    successor: OnceCell<Door>,
}

/// As many heirs as there are new lanes, each of so many old ones.
pub(crate) fn open(old: usize, new: usize) -> (Heirs, Vec<Inheritance>) {
    // Each hands over once.
    (0..new).map(|_| mpsc::channel(old.max(1))).unzip()
}

impl Handover {
    pub(crate) fn new(inheritance: Option<Inheritance>) -> Self {
        Self {
            inheritance: RefCell::new(inheritance),
            ..Self::default()
        }
    }

    /// Gives the chain's first processor all that it inherits.
    pub(crate) async fn inherit(&self, chain: &Chain) {
        let next = || {
            poll_fn(|context| match &mut *self.inheritance.borrow_mut() {
                Some(inheritance) => inheritance.poll_recv(context),
                None => std::task::Poll::Ready(None),
            })
        };
        while let Some(state) = next().await {
            chain.adopt(state);
        }
        *self.inheritance.borrow_mut() = None;
    }

    /// As [`inherit`](Self::inherit), as far as it has come: the reload that brings it ends before the next begins.
    pub(crate) fn inherit_now(&self, chain: &Chain) {
        let next = || self.inheritance.borrow_mut().as_mut()?.try_recv().ok();
        while let Some(state) = next() {
            chain.adopt(state);
        }
    }

    /// Hands over what the chain's first processor holds. What comes from here on is relayed to the new lanes.
    pub(crate) fn hand_over(&self, chain: &Chain, heirs: &Heirs, door: &Door) {
        // A new lane that has ended already was given up with the service, and so will be what is here.
        if heirs.iter().any(mpsc::Sender::is_closed) {
            return;
        }
        self.inherit_now(chain);
        let states = chain.bequeath(door.shards());
        for (state, heir) in states.into_iter().zip(heirs) {
            // There is room for one state of each old lane.
            let _ = heir.try_send(state);
        }
        // It is set once: what has handed over is no predecessor any more.
        let _ = self.successor.set(door.clone());
    }

    /// The lanes that have taken over from this one.
    pub(crate) fn successor(&self) -> Option<&Door> {
        self.successor.get()
    }
}
