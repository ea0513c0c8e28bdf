//! Exemplars of traces that may still be dropped: candidates wait until a sampler has kept their trace.
//!
//! ```text
//! span ─▶ candidate of its series ─▶ its trace is asked for, once a second for all that may be decided
//!                                      ├ kept ───────────────────────────▶ exemplar of the next point
//!                                      └ dropped, or unknown for too long ─▶ makes room for another
//! ```
//! A span of a series that has its candidates costs two comparisons more.

mod candidates;
mod parked;
#[cfg(test)]
mod tests;

use std::time::Duration;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use otlp::write::Exemplar;
use pipeline::component::{ASKED_MAX, Asking, Verdict, Verdicts};

use super::meter::Meter;
use super::series::Series;
use super::store::Store;
use crate::room::{ENTRY_BYTES, Room};
use candidates::{put, scale};
use parked::Parked;

pub(super) use candidates::Candidates;

/// Candidates of all series: they take some megabytes, and of samplers some milliseconds a second.
const CANDIDATES_MAX: usize = if cfg!(test) { 1024 } else { 32_768 };

/// Traces that are remembered: those of candidates, and as many that have been decided since all series looked.
const TRACES_MAX: usize = 2 * CANDIDATES_MAX;

/// Candidates of one series. Where one trace in ten is kept, at least one of so many is 29 times in 30.
const SHARE_MAX: usize = 32;

/// The same however many series there are.
const SHARE_MIN: usize = 4;

/// Between two questions. An exemplar is late by as much, and by the time to the next sending.
const ROUND: Duration = Duration::from_secs(1);

/// After the moment by which a trace is to be decided: samplers decide on a grid, and take a while.
const SLACK: Duration = Duration::from_millis(500);

/// A trace may be decided sooner than was said, since its root has come or because memory is short. It is looked at
/// again when it has waited for as long again, and for this long at least.
const AGAIN_MIN: Duration = Duration::from_secs(4);

/// When nobody has answered.
const RETRY: Duration = Duration::from_secs(3);

/// A trace of which nobody has heard for so long since it should have been decided is forgotten, or never came there.
const PATIENCE: Duration = Duration::from_secs(10);

/// Questions of one round: others ask, too.
const QUESTIONS_MAX: usize = 16;

type TraceId = [u8; 16];

#[derive(Debug)]
pub(super) struct Waiting {
    verdicts: Verdicts,
    /// Those that a candidate is of. Once decided they stay until all series have looked.
    traces: HashMap<TraceId, Fate>,
    asking: Vec<Asking>,
    pub(super) parked: Parked,
    /// In all series.
    candidates: usize,
    /// Of one series.
    share: usize,
    /// Goes on when traces have been decided.
    turn: u32,
    /// When the next question is asked; `None` while nothing is open.
    next: Option<Duration>,
    /// The memory of the series is used up.
    is_short: bool,
    cost: usize,
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Open(Open),
    Kept,
    Dropped,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    since: Duration,
    ask_at: Duration,
    /// Until then nobody need have heard of it.
    heard: Duration,
}

impl Waiting {
    pub(super) fn new(verdicts: Verdicts) -> Self {
        Self {
            verdicts,
            traces: HashMap::new(),
            asking: Vec::new(),
            parked: Parked::default(),
            candidates: 0,
            share: SHARE_MAX,
            turn: 0,
            next: None,
            is_short: false,
            cost: 0,
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.next
    }

    /// Goes on with what a predecessor waited for. What it had asked is asked again.
    pub(super) fn inherit(&mut self, before: Self) {
        *self = Self {
            verdicts: self.verdicts.clone(),
            asking: Vec::new(),
            ..before
        };
    }

    /// Ends, and gives its room back.
    pub(super) fn give_back(mut self, room: &mut Room) {
        room.settle(&mut self.cost, 0);
    }

    /// Takes a measurement as a candidate for an exemplar, if its series wants one.
    #[inline]
    pub(super) fn consider(
        &mut self,
        series: &mut Series,
        max: usize,
        (value, now): (f64, Duration),
        exemplar: impl FnOnce() -> Option<Exemplar>,
    ) {
        let wants = match &series.candidates {
            Some(own) if own.turn != self.turn => true,
            Some(own) => !self.is_full() && own.want(scale(value), self.share),
            None => !self.is_full(),
        };
        if wants && let Some(exemplar) = exemplar() {
            self.consider_closely(series, max, exemplar, now);
        }
    }

    fn consider_closely(
        &mut self,
        series: &mut Series,
        max: usize,
        exemplar: Exemplar,
        now: Duration,
    ) {
        self.settle(series, max);
        let own = series.candidates.get_or_insert_default();
        own.turn = self.turn;
        let wanted = own.want(scale(exemplar.value), self.share) && !own.ends_with(&exemplar);
        if self.is_full() || !wanted || series.exemplars.len() >= max {
            return;
        }
        match self.traces.entry(exemplar.trace_id) {
            Entry::Occupied(entry) => match entry.get() {
                Fate::Open(_) => {}
                Fate::Kept => return put(&mut series.exemplars, exemplar, max),
                Fate::Dropped => return,
            },
            Entry::Vacant(entry) => {
                entry.insert(Fate::Open(Open {
                    since: now,
                    ask_at: now + ROUND,
                    heard: now,
                }));
                self.next.get_or_insert(now + ROUND);
            }
        }
        own.add(exemplar);
        self.candidates += 1;
    }

    fn is_full(&self) -> bool {
        self.is_short || self.candidates >= CANDIDATES_MAX || self.traces.len() >= TRACES_MAX
    }

    /// Makes exemplars of the candidates whose traces have been kept, and lets go of others that are decided.
    fn settle(&mut self, series: &mut Series, max: usize) {
        if let Some(own) = &mut series.candidates {
            self.settle_one(own, &mut series.exemplars, max);
        }
    }

    fn settle_one(&mut self, own: &mut Candidates, exemplars: &mut Vec<Exemplar>, max: usize) {
        if own.turn == self.turn {
            return;
        }
        own.turn = self.turn;
        let traces = &self.traces;
        let gone = own.retain(|candidate| match traces.get(&candidate.trace_id) {
            Some(Fate::Open(_)) => true,
            Some(Fate::Kept) => {
                put(exemplars, *candidate, max);
                false
            }
            Some(Fate::Dropped) | None => false,
        });
        self.candidates = self.candidates.saturating_sub(gone);
    }

    /// Makes all series ready to be sent.
    pub(super) fn settle_all(&mut self, store: &mut Store, max: usize) {
        for (_, group) in store.keyed() {
            for series in group.series_mut() {
                self.settle(series, max);
            }
        }
        let mut parked = std::mem::take(&mut self.parked);
        for (own, exemplars) in parked.each() {
            self.settle_one(own, exemplars, max);
        }
        self.parked = parked;
    }

    /// Forgets the traces that all series know of, once they have been sent, and deals out the room anew.
    pub(super) fn forget(&mut self, store: &Store, room: &mut Room, now: Duration) {
        self.traces.retain(|_, fate| matches!(fate, Fate::Open(_)));
        self.traces.shrink_to(CANDIDATES_MAX);
        self.parked.forget(now);
        let series = store.series();
        self.candidates = store.candidates() + self.parked.candidates();
        self.share = (CANDIDATES_MAX / series.max(1)).clamp(SHARE_MIN, SHARE_MAX);
        self.charge(room);
    }

    /// Hears what was answered, and asks for what may have been decided meanwhile.
    pub(super) fn round(&mut self, now: Duration, room: &mut Room, meter: &Meter) {
        if self.next.is_none_or(|next| next > now) {
            return;
        }
        self.hear(now, meter);
        let is_open = self.ask(now, meter);
        self.next = is_open.then_some(now + ROUND);
        self.charge(room);
    }

    fn charge(&mut self, room: &mut Room) {
        // Lists grow to twice what they hold at most.
        let candidates = self.candidates * 2 * size_of::<Exemplar>();
        let traces = self.traces.allocation_size() + self.parked.len() * ENTRY_BYTES;
        room.settle(&mut self.cost, candidates + traces);
        self.is_short = room.is_full();
    }

    fn hear(&mut self, now: Duration, meter: &Meter) {
        for mut asking in std::mem::take(&mut self.asking) {
            match asking.answer() {
                Ok(None) => self.asking.push(asking),
                Ok(Some(told)) => {
                    for (id, verdict) in told {
                        self.note(&id, verdict, now, meter);
                    }
                }
                // Whoever is still wanted is asked for again.
                Err(_) => {}
            }
        }
    }

    fn note(&mut self, id: &TraceId, verdict: Verdict, now: Duration, meter: &Meter) {
        let Some(fate) = self.traces.get_mut(id) else {
            return;
        };
        let Fate::Open(open) = fate else {
            return;
        };
        match verdict {
            Verdict::Unknown => return,
            Verdict::Waiting { until } => {
                let age = now.saturating_sub(open.since);
                let again = until.min(now + age.max(AGAIN_MIN));
                open.ask_at = again.max(now) + SLACK;
                open.heard = until.max(now);
                return;
            }
            Verdict::Kept => *fate = Fate::Kept,
            Verdict::Dropped => *fate = Fate::Dropped,
        }
        meter.decided(verdict);
        self.turn = self.turn.wrapping_add(1);
    }

    /// Whether any trace is still open.
    fn ask(&mut self, now: Duration, meter: &Meter) -> bool {
        let mut due = Vec::new();
        let mut is_open = false;
        let before = self.traces.len();
        self.traces.retain(|id, fate| {
            let Fate::Open(open) = fate else {
                return true;
            };
            if now > open.heard + PATIENCE {
                meter.decided(Verdict::Unknown);
                return false;
            }
            is_open = true;
            if open.ask_at <= now {
                due.push((open.ask_at, *id));
            }
            true
        });
        if self.traces.len() < before {
            self.turn = self.turn.wrapping_add(1);
        }
        let max = QUESTIONS_MAX * ASKED_MAX;
        if due.len() > max {
            due.select_nth_unstable(max);
            due.truncate(max);
        }
        for due in due.chunks(ASKED_MAX) {
            let ids: Vec<_> = due.iter().map(|(_, id)| *id).collect();
            for id in &ids {
                if let Some(Fate::Open(open)) = self.traces.get_mut(id) {
                    open.ask_at = now + RETRY;
                }
            }
            // Whoever is too busy is asked again, as is whoever does not answer.
            self.asking.extend(self.verdicts.ask(ids));
        }
        is_open
    }
}
