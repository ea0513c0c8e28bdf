//! A worker's own copy of one pipeline: processors called in place, a fan-out behind them.
//!
//! ```text
//! inlet ─▶ stage ─▶ stage ─▶ outbox ─▶ fan-out ─┬▶ edge (one parked batch) ─▶ exporter's intake
//!                                               └▶ edge ─▶ connector ─▶ other chains
//! ```
//! A chain is *open* while its outbox is empty and no edge that must not lose anything is parked. Only an open chain is
//! given requests or ticked, so what it may hold beyond its processors is what one call emits.
//!
//! A connector that makes another signal has a chain of its own, with one stage. It takes requests whether there is
//! room for what it makes or not, and is ticked only when there is.
//!
//! The chain of a pipeline lives as long as the pipeline: a reload puts other processors and edges into it.

mod refit;
mod stage;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ledger::{Account, Limits, Reason};
use tokio::sync::Notify;

use crate::batch::Batch;
use crate::clock::Now;
use crate::component::{Answer, Flush, Outbox, Processor, Query};
use crate::delivery::Room;
use crate::edge::Edge;
use crate::refusal::Refusal;
use crate::share::Outcome;
use crate::worker::Worker;
pub(crate) use refit::Slot;
pub(crate) use stage::Stage;
use stage::{pass_on, run};

pub(crate) struct Chain {
    worker: Rc<Worker>,
    state: RefCell<State>,
    /// Another list after a reload; who is in the midst of one keeps it.
    edges: RefCell<Rc<[Edge]>>,
    /// Some processor keeps items past the call, so no sender waits for what is behind it.
    holds: Cell<bool>,
    /// Rung when a deadline earlier than the armed one appears.
    timer: Notify,
    /// Nothing is held any more than it must be.
    hurried: Cell<bool>,
    /// Nothing that came in now would ever leave.
    abandoned: Cell<bool>,
}

const ABANDONED: Refusal = Refusal::later(Reason::Shutdown, "the service has stopped");

struct State {
    stages: Vec<Stage>,
    outbox: VecDeque<Batch>,
    /// The deadline that the timer task sleeps for.
    armed: Option<Duration>,
}

impl State {
    fn makes_another(&self) -> bool {
        self.stages.last().is_some_and(|stage| stage.makes_another)
    }
}

impl Chain {
    /// A chain that leads nowhere until it is [fitted](Self::refit).
    pub(crate) fn new(worker: Rc<Worker>) -> Rc<Self> {
        let state = State {
            stages: Vec::new(),
            outbox: VecDeque::new(),
            armed: None,
        };
        Rc::new(Self {
            worker,
            state: RefCell::new(state),
            edges: RefCell::new(Rc::from([])),
            holds: Cell::new(false),
            timer: Notify::new(),
            hurried: Cell::new(false),
            abandoned: Cell::new(false),
        })
    }

    /// The edges as they are now.
    pub(crate) fn edges(&self) -> Rc<[Edge]> {
        Rc::clone(&self.edges.borrow())
    }

    /// An error once nothing is taken any more, whether there is room or not.
    pub(crate) fn check_running(&self) -> Result<(), Refusal> {
        match self.abandoned.get() {
            true => Err(ABANDONED),
            false => Ok(()),
        }
    }

    /// Whether a batch would be taken now: by every processor, here and in the chains behind.
    pub(crate) fn admit(&self, batch: &Batch, now: Now) -> Result<(), Refusal> {
        self.check_running()?;
        let state = self.state.borrow();
        for stage in &state.stages {
            stage.processor.admit(batch, now)?;
        }
        if state.makes_another() {
            return Ok(());
        }
        let edges = self.edges.borrow();
        edges.iter().try_for_each(|edge| edge.admit(batch, now))
    }

    /// What the processor at this place asks of the process's memory.
    pub(crate) fn limits(&self, at: usize) -> Option<Limits> {
        let state = self.state.borrow();
        state.stages.get(at)?.processor.limits()
    }

    /// What each processor says.
    pub(crate) fn ask(&self, query: &Query, now: Now) -> Vec<Answer> {
        let state = self.state.borrow();
        let stages = state.stages.iter();
        stages
            .map(|stage| stage.processor.ask(query, now))
            .collect()
    }

    /// Whether a batch may be given.
    pub(crate) fn is_open(&self) -> bool {
        self.state.borrow().makes_another() || self.has_room()
    }

    /// Whether there is room behind the processors.
    fn has_room(&self) -> bool {
        self.state.borrow().outbox.is_empty() && self.edges.borrow().iter().all(Edge::is_open)
    }

    /// The rooms of the exporters behind this chain that set its pace.
    pub(crate) fn pacing(&self, rooms: &mut Vec<Arc<Room>>) {
        if self.state.borrow().makes_another() {
            return;
        }
        let edges = self.edges.borrow();
        edges.iter().for_each(|edge| edge.pacing(rooms));
    }

    /// Runs a batch through the processors. It is taken in any case; the caller asked [`admit`](Self::admit) and
    /// [`is_open`](Self::is_open) before.
    pub(crate) fn accept(&self, mut batch: Batch, now: Now) {
        if self.holds.get() {
            batch.release();
        }
        let state = &mut *self.state.borrow_mut();
        run(&mut state.stages, batch, now, &mut state.outbox);
        self.settle(state);
    }

    /// As [`accept`](Self::accept), of a batch that has waited before this chain and is in the books of the processor
    /// that stood first when it came.
    pub(crate) fn accept_taken(&self, mut batch: Batch, taken: &Account, now: Now) {
        if self.holds.get() {
            batch.release();
        }
        let state = &mut *self.state.borrow_mut();
        let State { stages, outbox, .. } = state;
        match stages.split_first_mut() {
            Some((stage, rest)) if std::ptr::eq(stage.account.as_ref(), taken) => {
                stage.process(batch, now);
                pass_on(stage, rest, now, outbox);
            }
            _ => {
                taken.pass(batch.items());
                run(stages, batch, now, outbox);
            }
        }
        self.settle(state);
    }

    /// Forwards what the outbox holds as far as there is room.
    pub(crate) fn pump(&self) {
        // A chain that is being called at this moment settles by itself at the end of the call.
        if let Ok(mut state) = self.state.try_borrow_mut() {
            self.settle(&mut state);
        }
    }

    /// From here on the processors hold nothing back, because the service drains and somebody waits for it.
    pub(crate) fn hurry(&self) {
        self.hurried.set(true);
        self.pump();
        self.edges().iter().for_each(Edge::hurry);
    }

    fn settle(&self, state: &mut State) {
        self.forward(state);
        while self.hurried.get() && state.outbox.is_empty() && self.flush(state) {
            self.forward(state);
        }
        if state.outbox.is_empty() {
            self.arm(state);
        }
    }

    fn forward(&self, state: &mut State) {
        let edges = self.edges.borrow();
        while !state.outbox.is_empty() && edges.iter().all(Edge::is_open) {
            if let Some(batch) = state.outbox.pop_front() {
                fan_out(&edges, batch);
            }
        }
    }

    /// Asks each processor once for what it holds; whether there was anything.
    fn flush(&self, state: &mut State) -> bool {
        let now = self.worker.clock.now();
        for at in 0..state.stages.len() {
            // What is left comes with the next call, once there is room.
            with_stage(state, at, now, |stage, out| {
                let _ = stage.flush(now, out);
            });
        }
        !state.outbox.is_empty()
    }

    fn arm(&self, state: &mut State) {
        let Some(deadline) = state
            .stages
            .iter()
            .filter_map(|s| s.processor.deadline())
            .min()
        else {
            return;
        };
        // A timer that fires early looks again, so only an earlier deadline is news.
        if state.armed.is_none_or(|armed| deadline < armed) {
            state.armed = Some(deadline);
            self.timer.notify_one();
        }
    }

    /// Ticks the processors at their deadlines, for ever.
    pub(crate) async fn keep_time(self: Rc<Self>) {
        loop {
            let armed = self.state.borrow().armed;
            match armed {
                None => self.timer.notified().await,
                Some(deadline) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(self.worker.clock.instant(deadline)) => self.tick(),
                        () = self.timer.notified() => {}
                    }
                }
            }
        }
    }

    fn tick(&self) {
        let now = self.worker.clock.now();
        let state = &mut *self.state.borrow_mut();
        state.armed = None;
        // A blocked chain is ticked when it opens: `settle` arms the timer then, with a deadline that has passed.
        if !state.outbox.is_empty() {
            return;
        }
        for at in 0..state.stages.len() {
            let due = state.stages[at]
                .processor
                .deadline()
                .is_some_and(|d| d <= now.mono);
            if due {
                with_stage(state, at, now, |stage, out| stage.tick(now, out));
            }
        }
        self.settle(state);
        // A processor that was full may have room now.
        self.worker.ring();
    }

    /// Empties the processors and the outbox, front to back, as fast as there is room.
    pub(crate) async fn drain(&self) {
        let stages = self.state.borrow().stages.len();
        for at in 0..stages {
            loop {
                self.opened().await;
                let now = self.worker.clock.now();
                let state = &mut *self.state.borrow_mut();
                let mut flushed = Flush::Done;
                with_stage(state, at, now, |stage, out| flushed = stage.flush(now, out));
                self.settle(state);
                if flushed == Flush::Done {
                    break;
                }
            }
        }
        self.opened().await;
        for edge in self.edges().iter() {
            edge.emptied(&self.worker).await;
        }
    }

    async fn opened(&self) {
        loop {
            let freed = self.worker.freed();
            if self.has_room() {
                return;
            }
            freed.await;
        }
    }

    /// Lets go of the ways to what is behind, because nothing comes any more: all of it has been drained or abandoned.
    pub(crate) fn close(&self) {
        self.abandoned.set(true);
        let edges = self.edges.replace(Rc::from([]));
        let ways = edges.iter().filter_map(Edge::exporter);
        ways.for_each(|way| way.retire());
    }

    /// Ends all that is still held, because the drain deadline has passed.
    pub(crate) fn abandon(&self) {
        self.abandoned.set(true);
        let now = self.worker.clock.now();
        let state = &mut *self.state.borrow_mut();
        for at in 0..state.stages.len() {
            let mut flushed = Flush::More;
            while flushed == Flush::More {
                with_stage(state, at, now, |stage, out| flushed = stage.flush(now, out));
            }
        }
        for batch in state.outbox.drain(..) {
            for edge in self.edges.borrow().iter() {
                edge.abandon(batch.clone());
            }
            batch.resolve(Outcome::Retryable(Reason::Shutdown));
        }
        self.edges.borrow().iter().for_each(Edge::abandon_parked);
        self.worker.ring();
    }
}

fn fan_out(edges: &[Edge], batch: Batch) {
    if let Some((last, others)) = edges.split_last() {
        for edge in others {
            edge.send(batch.clone());
        }
        last.send(batch);
    }
}

/// Calls one stage and runs what it emits through the stages behind it.
fn with_stage(
    state: &mut State,
    at: usize,
    now: Now,
    call: impl FnOnce(&mut dyn Processor, &mut Outbox),
) {
    let State { stages, outbox, .. } = state;
    if let Some((stage, rest)) = stages.get_mut(at..).and_then(<[Stage]>::split_first_mut) {
        call(stage.processor.as_mut(), &mut stage.outbox);
        pass_on(stage, rest, now, outbox);
    }
}

#[cfg(test)]
mod tests;
