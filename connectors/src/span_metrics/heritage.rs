//! What goes over to a successor in a reload.

use std::time::Duration;

use pipeline::Now;
use pipeline::component::{Outbox, State};

use super::config::Config;
use super::measure::SpanMetrics;
use super::recent::Recent;
use super::rules::Rules;
use super::store::Store;
use super::waiting::Waiting;
use crate::room::{Room, SERIES_PART};

struct Held {
    rules: Rules,
    store: Store,
    room: Room,
    sent: Recent,
    next: Option<Duration>,
    waiting: Option<Waiting>,
}

impl SpanMetrics {
    pub(super) fn bequeath(&mut self) -> Vec<State> {
        // What is left is a connector without series.
        let Ok(empty) = Rules::new(&Config::default(), &self.rules.shape.instance) else {
            return Vec::new();
        };
        let rules = std::mem::replace(&mut self.rules, empty);
        vec![Box::new(Held {
            rules,
            store: std::mem::replace(&mut self.store, Store::new()),
            room: std::mem::replace(&mut self.room, Room::new(&self.budget, SERIES_PART)),
            sent: std::mem::replace(&mut self.sent, Recent::new(1)),
            next: self.next.take(),
            waiting: self.waiting.take(),
        })]
    }

    pub(super) fn inherit(&mut self, state: State, now: Now, out: &mut Outbox) {
        let Ok(held) = state.downcast::<Held>() else {
            return;
        };
        let Held {
            rules,
            store,
            room,
            mut sent,
            next,
            waiting,
        } = *held;
        if rules.shape == self.rules.shape {
            sent.resize(self.rules.timestamps_max);
            (self.store, self.room, self.sent) = (store, room, sent);
            let soonest = now.mono + self.rules.flush_interval;
            self.next = next.map(|next| next.min(soonest));
            match (&mut self.waiting, waiting) {
                (Some(own), Some(waiting)) => own.inherit(waiting),
                (Some(_), None) => {}
                (None, waiting) => {
                    self.store.forget_candidates();
                    if let Some(waiting) = waiting {
                        waiting.give_back(&mut self.room);
                    }
                }
            }
            return;
        }
        // Its series are others from now on, so what they have is sent once more, as they were.
        let own = std::mem::replace(&mut self.rules, rules);
        self.store = store;
        self.sent = sent;
        if let Some(mut waiting) = waiting {
            // Their traces have been decided, and nobody else knows how.
            waiting.settle_all(&mut self.store, self.rules.exemplars_max);
        }
        self.send_last(now, out);
        self.rules = own;
        self.store = Store::new();
        self.sent = Recent::new(self.rules.timestamps_max);
    }
}
