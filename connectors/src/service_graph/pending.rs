//! Spans that wait for their other half: a client's for the server's, a producer's for those of its consumers.
//!
//! A client's span and the server's meet at the id of the client's, which the server's has as its parent or, in
//! messaging, as a link. Whatever comes second makes a [`Request`] of both.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use ledger::Budget;

use super::request::{Callee, Caller, Request, Side};
use super::rules::Rules;
use crate::room::{ENTRY_BYTES, Room};

/// Waiting spans take one part in so many of the memory limit at most.
const BUDGET_PART: u64 = 8;

/// Turns of spans that wait no more are cleared away when there are so many, and more than of those that do.
const STALE_MIN: usize = 64;

/// The id of a client's span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
}

/// What became of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is the first of its request.
    First,
    Second,
    /// There was no room for it.
    Dropped,
}

/// All that waits.
#[derive(Debug)]
pub(super) struct Pending {
    waiting: HashMap<Key, Waiting>,
    /// When what waits began to, the oldest first. What does not agree with `waiting` is stale.
    turns: VecDeque<(Duration, Key)>,
    /// Spans that wait.
    spans: usize,
    room: Room,
    /// Requests that are known in full.
    done: Vec<Request>,
    /// Spans that have waited in vain.
    expired: u64,
}

#[derive(Debug)]
struct Waiting {
    since: Duration,
    caller: Option<Box<Caller>>,
    /// A child of the caller.
    callee: Option<Callee>,
    /// Consumers that name the caller in a link, while it is not there.
    linked: Vec<Callee>,
    /// The caller has been found by consumers, and waits for more of them.
    is_found: bool,
    /// Bytes of memory that it was charged with.
    cost: usize,
}

// === impl Pending ===

impl Pending {
    pub(super) fn new(budget: &Arc<Budget>) -> Self {
        Self {
            waiting: HashMap::new(),
            turns: VecDeque::new(),
            spans: 0,
            room: Room::new(budget, BUDGET_PART),
            done: Vec::new(),
            expired: 0,
        }
    }

    /// A client's or a producer's span.
    pub(super) fn take_caller(
        &mut self,
        key: Key,
        caller: Caller,
        (rules, now): (&Rules, Duration),
    ) -> Taken {
        let Some(waiting) = self.waiting.get_mut(&key) else {
            return self.wait(key, (rules, now), |waiting| {
                waiting.caller = Some(Box::new(caller));
            });
        };
        if waiting.callee.is_some() {
            let ended = self.end(key);
            let callees = ended.into_iter().flat_map(Waiting::callees);
            let both = callees.map(|callee| caller.clone().with(callee));
            self.done.extend(both);
            return Taken::Second;
        }
        let linked = std::mem::take(&mut waiting.linked);
        waiting.is_found |= !linked.is_empty();
        // The span itself takes the place of those that have waited for it.
        let is_here = waiting.caller.is_some();
        self.spans = self.spans - linked.len() + usize::from(!is_here);
        let both = linked.into_iter().map(|callee| caller.clone().with(callee));
        self.done.extend(both);
        waiting.caller = Some(Box::new(caller));
        self.charge(key);
        Taken::Second
    }

    /// A server's span, or that of a consumer that names no producer in a link, by the id of its parent.
    pub(super) fn take_child(
        &mut self,
        key: Key,
        callee: Callee,
        (rules, now): (&Rules, Duration),
    ) -> Taken {
        let Some(waiting) = self.waiting.get_mut(&key) else {
            return self.wait(key, (rules, now), |waiting| waiting.callee = Some(callee));
        };
        if waiting.caller.is_some() {
            let caller = self.end(key).and_then(|ended| ended.caller);
            self.done.extend(caller.map(|caller| caller.with(callee)));
        } else {
            match waiting.callee.replace(callee) {
                None => self.spans += 1,
                // A caller's span is one request, and the one who came last is who answered it.
                Some(_) => self.expired += 1,
            }
            self.charge(key);
        }
        Taken::Second
    }

    /// A consumer's span, by the id of a span that it has in a link. The producer goes on waiting for others.
    pub(super) fn take_linked(
        &mut self,
        key: Key,
        callee: Callee,
        (rules, now): (&Rules, Duration),
    ) -> Taken {
        let has_room = self.has_room(rules, now);
        let Some(waiting) = self.waiting.get_mut(&key) else {
            return self.wait(key, (rules, now), |waiting| waiting.linked.push(callee));
        };
        if let Some(caller) = &waiting.caller {
            waiting.is_found = true;
            self.done.push(Caller::clone(caller).with(callee));
            return Taken::Second;
        }
        if !has_room {
            return Taken::Dropped;
        }
        // The newest one may wait as long as any other.
        waiting.since = now;
        waiting.linked.push(callee);
        self.spans += 1;
        self.turns.push_back((now, key));
        self.charge(key);
        Taken::First
    }

    /// A server's span without a parent: nobody will send the other half.
    pub(super) fn take_root(&mut self, callee: Callee) {
        self.done.push(callee.called_by_user());
    }

    /// A client's span that says what database it asks: there is no other half.
    pub(super) fn take_database(&mut self, key: Key, client: Side, name: &str) {
        self.done.push(client.with_database(name));
        // A service that names this span as its caller belongs to no request then.
        self.end_in_vain(key);
    }

    /// Requests that have become known since the last call.
    pub(super) fn drain(&mut self) -> std::vec::Drain<'_, Request> {
        self.done.drain(..)
    }

    /// Ends what has waited for the time that `rules` give it.
    pub(super) fn expire(&mut self, rules: &Rules, now: Duration) {
        while let Some(&(since, key)) = self.turns.front()
            && now.saturating_sub(since) >= rules.ttl
        {
            self.turns.pop_front();
            self.expire_turn(since, key, rules);
        }
    }

    /// Gives up on all that wait: nothing more comes.
    pub(super) fn give_up(&mut self) {
        self.expired += self.spans as u64;
        self.spans = 0;
        self.turns.clear();
        for (_, waiting) in self.waiting.drain() {
            self.room.give_back(waiting.cost);
        }
    }

    /// Spans that have waited in vain since the last call.
    pub(super) fn take_expired(&mut self) -> u64 {
        std::mem::take(&mut self.expired)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn spans(&self) -> usize {
        self.spans
    }

    pub(super) fn bytes(&self) -> u64 {
        self.room.bytes()
    }

    #[cfg(test)]
    pub(super) fn turns(&self) -> usize {
        self.turns.len()
    }

    fn has_room(&mut self, rules: &Rules, now: Duration) -> bool {
        let is_full = |pending: &Self| pending.spans >= rules.waiting_max || pending.room.is_full();
        if is_full(self) {
            self.expire(rules, now);
        }
        !is_full(self)
    }

    fn wait(
        &mut self,
        key: Key,
        (rules, now): (&Rules, Duration),
        fill: impl FnOnce(&mut Waiting),
    ) -> Taken {
        if !self.has_room(rules, now) {
            return Taken::Dropped;
        }
        let mut waiting = Waiting {
            since: now,
            caller: None,
            callee: None,
            linked: Vec::new(),
            is_found: false,
            cost: 0,
        };
        fill(&mut waiting);
        self.waiting.insert(key, waiting);
        self.spans += 1;
        if self.turns.len() > STALE_MIN.max(2 * self.waiting.len()) {
            let waiting = &self.waiting;
            let is_live = |(since, key): &(Duration, Key)| {
                waiting.get(key).is_some_and(|other| other.since == *since)
            };
            self.turns.retain(is_live);
        }
        self.turns.push_back((now, key));
        self.charge(key);
        Taken::First
    }

    fn charge(&mut self, key: Key) {
        if let Some(waiting) = self.waiting.get_mut(&key) {
            let bytes = waiting.bytes();
            self.room.settle(&mut waiting.cost, bytes);
        }
    }

    fn end(&mut self, key: Key) -> Option<Waiting> {
        let waiting = self.waiting.remove(&key)?;
        self.room.give_back(waiting.cost);
        self.spans = self.spans.saturating_sub(waiting.spans());
        Some(waiting)
    }

    fn expire_turn(&mut self, since: Duration, key: Key, rules: &Rules) {
        let is_live = |waiting: &Waiting| waiting.since == since;
        if !self.waiting.get(&key).is_some_and(is_live) {
            return;
        }
        if let Some(caller) = self.end_in_vain(key).and_then(|ended| ended.caller)
            && rules.has_virtual_nodes
        {
            self.done.push(caller.alone());
        }
    }

    /// Ends and counts what has waited in vain; `None` where a part of it has been found.
    fn end_in_vain(&mut self, key: Key) -> Option<Waiting> {
        let ended = self.end(key).filter(|waiting| !waiting.is_found)?;
        self.expired += ended.spans() as u64;
        Some(ended)
    }
}

// === impl Waiting ===

impl Waiting {
    fn spans(&self) -> usize {
        usize::from(self.caller.is_some()) + usize::from(self.callee.is_some()) + self.linked.len()
    }

    fn callees(self) -> impl Iterator<Item = Callee> {
        self.callee.into_iter().chain(self.linked)
    }

    fn bytes(&self) -> usize {
        let caller = self.caller.as_ref().map_or(0, |caller| {
            let peer = caller.peer.as_ref().map_or(0, |peer| peer.len());
            size_of::<Caller>() + caller.side.heap_bytes() + peer
        });
        let callees = self.callee.iter().chain(&self.linked);
        let callees: usize = callees.map(|callee| callee.side.heap_bytes()).sum();
        let linked = self.linked.capacity() * size_of::<Callee>();
        size_of::<(Key, Self)>() + ENTRY_BYTES + caller + callees + linked
    }
}
