//! The state of the traces: what comes in, waits, is decided, and goes on or ends.

use std::sync::Arc;
use std::time::Duration;

use ledger::{Budget, Reason};
use otlp::Signal;
use pipeline::component::{self, Answer, Flush, Host, Label, Outbox, Processor, Query, State};
use pipeline::{Batch, Now, Refusal, Shards};

use super::alarm::{Alarm, Load};
use super::cache::{Cache, Decided, Verdict};
use super::config::{Config, OnOverflow, divided};
use super::emit::Emitter;
use super::id::TraceId;
use super::ingest::Pass;
use super::log::Log;
use super::mark::Marking;
use super::meter::Meter;
use super::pending::{BLOCK, Pending, Traces};
use super::policies::{Decision, Policies, Trace, Vote};
use super::rules::Rules;
use super::state::Estate;
use super::why::{Cause, Outcome, Why};

/// Decisions are made together, on this grid: what is kept at one time shares its resources.
const TICK: Duration = Duration::from_millis(250);

/// Spans that one call decides on at most, give or take a trace: what comes in meanwhile must not wait long.
const DECIDED_BYTES_MAX: u64 = 4 << 20;

/// What one call writes at most beyond what it is given, give or take a request. A kept giant is written by several,
/// one right after the other, with room for what comes in between.
const WRITTEN_BYTES_MAX: usize = 8 << 20;

const NO_ROOM: Refusal = Refusal::later(
    Reason::QueueFull,
    "tail_sampling waits for room for more traces",
);

/// All traces of one instance.
pub(super) struct Sampler {
    pub(super) rules: Rules,
    pub(super) policies: Policies,
    pub(super) log: Log,
    pub(super) traces: Traces,
    pub(super) cache: Cache,
    pub(super) emitter: Emitter,
    /// When the next decision is made.
    next: Option<Duration>,
    /// When the last call ended, if it left something to write.
    again: Option<Duration>,
    /// Bytes that this call may still write.
    to_write: usize,
    pub(super) budget: Arc<Budget>,
    pub(super) meter: Meter,
    pub(super) why: Why,
    label: Label,
    pub(super) alarm: Alarm,
    pub(super) marking: Marking,
}

impl Sampler {
    pub(super) fn new(config: &Config, host: &Host) -> Result<Self, String> {
        let parts = config.parts();
        let policies = Policies::new(&config.policies, parts, config.sample_on_first_match)?;
        let rules = Rules::new(config, &host.budget);
        Ok(Self {
            traces: Traces::new(rules.waits, &host.budget),
            rules,
            meter: Meter::new(host, &policies),
            why: Why::new(
                divided(config.why.max_bytes.bytes(), parts),
                policies.charter(),
                host,
            ),
            alarm: Alarm::new(&host.label, parts),
            label: host.label.clone(),
            marking: Marking::new(config, &policies),
            policies,
            log: Log::new(&host.budget),
            cache: Cache::new(&config.decision_cache, parts, &host.budget),
            emitter: Emitter::default(),
            next: None,
            again: None,
            to_write: 0,
            budget: Arc::clone(&host.budget),
        })
    }

    /// Makes room for a trace, unless there is some.
    pub(super) fn make_room(&mut self, now: Now, out: &mut Outbox) {
        if !self.is_full() {
            return;
        }
        self.sound_alarm(now);
        while self.is_full() && self.rules.overflow != OnOverflow::Block {
            let Some(pending) = self.traces.take_first() else {
                return;
            };
            match self.rules.overflow {
                OnOverflow::DropOldest => {
                    self.meter.dropped_too_early();
                    self.note(&pending, (Outcome::Evicted, None), Cause::Overflow, now);
                    self.end(pending, Reason::Evicted, now, out);
                }
                OnOverflow::DecideEarly | OnOverflow::Block => {
                    self.meter.decided_early();
                    self.judge(pending, Cause::Overflow, now, out);
                }
            }
        }
    }

    fn is_full(&self) -> bool {
        self.traces.len() >= self.rules.traces_max || self.bytes() > self.rules.bytes_max
    }

    fn sound_alarm(&self, now: Now) {
        let Some(oldest) = self.traces.oldest() else {
            return;
        };
        let load = Load {
            traces: self.traces.len(),
            bytes: self.bytes(),
            age: now.mono.saturating_sub(oldest),
        };
        self.alarm.full(load, self.rules.waits.first, now.mono);
    }

    /// What those are told who saw a trace before it was decided.
    fn verdict(&self, id: &TraceId) -> component::Verdict {
        let waiting = self.traces.find(id).and_then(|at| self.traces.get(at));
        if let Some(pending) = waiting {
            let until = self.traces.due(pending);
            return component::Verdict::Waiting { until };
        }
        match self.cache.peek(id).map(|decided| decided.verdict) {
            Some(Verdict::Sampled) => component::Verdict::Kept,
            Some(Verdict::Ended) => component::Verdict::Dropped,
            None => component::Verdict::Unknown,
        }
    }

    /// Bytes of memory that waiting traces take.
    fn bytes(&self) -> u64 {
        self.log.bytes() + self.traces.bytes()
    }

    pub(super) fn end_too_large(&mut self, pending: Pending, now: Now, out: &mut Outbox) {
        self.meter.dropped_too_large();
        self.note(&pending, (Outcome::TooLarge, None), Cause::SizeLimit, now);
        self.remember_ended(&pending, now);
        self.end(pending, Reason::TooLarge, now, out);
    }

    pub(super) fn judge(&mut self, pending: Pending, cause: Cause, now: Now, out: &mut Outbox) {
        let decision = self.policies.decide(&Trace {
            id: &pending.id,
            facts: &pending.facts,
            now: now.mono,
        });
        self.carry_out(&decision, pending, cause, now, out);
    }

    /// Decides on the traces whose time has come, as far as this call may.
    fn decide_due(&mut self, now: Now, out: &mut Outbox) {
        let mut decided = 0;
        loop {
            let due = self.traces.due_by(now.mono, BLOCK);
            if due.is_empty() {
                return;
            }
            for id in &due {
                self.cache.ask_for(id);
                self.why.ask_for(id);
            }
            for _ in due {
                let Some(pending) = self.traces.take_first() else {
                    return;
                };
                decided += pending.facts.bytes;
                self.judge(pending, Cause::Due, now, out);
                if decided >= DECIDED_BYTES_MAX {
                    return;
                }
            }
        }
    }

    /// Does as the policies have just decided.
    pub(super) fn carry_out(
        &mut self,
        decision: &Decision,
        pending: Pending,
        cause: Cause,
        now: Now,
        out: &mut Outbox,
    ) {
        self.meter.decided(decision, &pending.facts);
        let outcome = Outcome::of(decision.vote);
        self.note(&pending, (outcome, decision.policy), cause, now);
        if decision.vote == Vote::Sampled {
            let decided = Decided {
                verdict: Verdict::Sampled,
                policy: decision.policy.and_then(|at| u16::try_from(at).ok()),
                at: now.mono,
            };
            self.cache.remember(pending.id, decided);
            self.meter.removed(now.mono.saturating_sub(pending.came));
            let mark = self.marking.kept(decision, &self.policies);
            self.emitter.add(pending.chain, mark);
        } else {
            self.remember_ended(&pending, now);
            self.end(pending, Reason::NotSampled, now, out);
        }
    }

    fn remember_ended(&mut self, pending: &Pending, now: Now) {
        let decided = Decided {
            verdict: Verdict::Ended,
            policy: None,
            at: now.mono,
        };
        self.cache.remember(pending.id, decided);
    }

    /// Drops a trace.
    fn end(&mut self, pending: Pending, reason: Reason, now: Now, out: &mut Outbox) {
        self.meter.removed(now.mono.saturating_sub(pending.came));
        out.drop_items(u64::from(pending.facts.spans), reason);
        self.log.release(pending.chain);
    }

    /// Writes what is to go on, as far as this call may.
    fn emit(&mut self, now: Now, out: &mut Outbox) {
        self.emitter.gather(&self.log);
        while self.emitter.spans() > 0 && self.to_write > 0 {
            out.push(self.written());
        }
        self.again = (self.emitter.spans() > 0).then_some(now.mono);
    }

    /// Writes all that is to go on.
    pub(super) fn emit_all(&mut self) -> Vec<Batch> {
        let mut all = Vec::new();
        self.emitter.gather(&self.log);
        while self.emitter.spans() > 0 {
            all.push(self.written());
        }
        self.again = None;
        all
    }

    /// The next request.
    fn written(&mut self) -> Batch {
        let spans = self.emitter.spans();
        let request = self.emitter.finish(&mut self.log, &self.marking);
        let mut lease = self.budget.lease();
        lease.overdraw(request.capacity());
        self.to_write = self.to_write.saturating_sub(request.len());
        Batch::new(Signal::Traces, lease.attach(request), spans)
    }

    /// At the end of each call: when the next one is to be, and what has been counted in this one.
    pub(super) fn plan_next(&mut self) {
        // Up to the next point of the grid, so that no trace is decided before its time.
        let grid = |due: Duration| {
            TICK * u32::try_from(due.as_nanos().div_ceil(TICK.as_nanos())).unwrap_or(u32::MAX)
        };
        self.next = self.traces.next_due().map(grid);
        self.meter.pending(self.traces.len(), self.bytes());
        self.meter.tell();
    }
}

impl Processor for Sampler {
    fn admit(&self, _batch: &Batch, now: Now) -> Result<(), Refusal> {
        let blocks = self.rules.overflow == OnOverflow::Block;
        if blocks && self.is_full() {
            self.sound_alarm(now);
            Err(NO_ROOM)
        } else {
            Ok(())
        }
    }

    fn process(&mut self, batch: Batch, now: Now, out: &mut Outbox) {
        // What follows kept traces is written as fast as it comes in.
        self.to_write = WRITTEN_BYTES_MAX + batch.bytes();
        for chunk in batch.chunks() {
            let mut pass = Pass::new(now, out);
            // The framing of a request is checked when it comes, so this is some processor's defect.
            let read = self.ingest(chunk, &mut pass);
            self.decide_arrived(&mut pass);
            if read.is_err() {
                let lost = chunk.items.saturating_sub(pass.taken);
                out.drop_items(lost, Reason::Invalid);
            }
        }
        self.emit(now, out);
        self.plan_next();
    }

    fn deadline(&self) -> Option<Duration> {
        self.again.or(self.next)
    }

    fn tick(&mut self, now: Now, out: &mut Outbox) {
        self.to_write = WRITTEN_BYTES_MAX;
        if let Some(due) = self.next.filter(|due| *due <= now.mono) {
            self.meter.decides(now.mono.saturating_sub(due));
        }
        self.decide_due(now, out);
        self.emit(now, out);
        self.why.measure(now.mono);
        self.plan_next();
    }

    fn ask(&self, query: &Query, now: Now) -> Answer {
        match query {
            Query::Verdicts(asked) => asked.answer(&self.label, |id| self.verdict(id)),
            query => self.why(query, now),
        }
    }

    fn yield_state(&mut self, heirs: Shards) -> Vec<State> {
        let estates = self.bequeath(heirs).into_iter();
        estates.map(|estate| Box::new(estate) as State).collect()
    }

    fn adopt(&mut self, state: State, now: Now, out: &mut Outbox) {
        if let Ok(estate) = state.downcast::<Estate>() {
            self.inherit(*estate, out);
            self.why.measure(now.mono);
        }
    }

    fn flush(&mut self, now: Now, out: &mut Outbox) -> Flush {
        self.to_write = WRITTEN_BYTES_MAX;
        let mut decided = 0;
        while decided < DECIDED_BYTES_MAX
            && let Some(pending) = self.traces.take_first()
        {
            decided += pending.facts.bytes;
            if self.rules.drops_at_end {
                self.note(&pending, (Outcome::Abandoned, None), Cause::Shutdown, now);
                self.end(pending, Reason::Shutdown, now, out);
            } else {
                self.judge(pending, Cause::Shutdown, now, out);
            }
        }
        self.emit(now, out);
        self.plan_next();
        if self.traces.len() == 0 && self.again.is_none() {
            Flush::Done
        } else {
            Flush::More
        }
    }
}
