//! A reload puts other processors and edges into a chain, between two requests.

use super::{Chain, Stage, with_stage};
use crate::clock::Now;
use crate::component::{Flush, State};
use crate::edge::Edge;
use crate::shards::Shards;

/// What stands at one place of the new chain.
pub(crate) enum Slot {
    /// The processor at this place of the old chain, as it is and with what it holds.
    Kept(usize),
    New {
        stage: Stage,
        /// The place of its predecessor, whose state it is offered.
        after: Option<usize>,
    },
}

impl Chain {
    /// Puts other processors and edges in the place of those that are here. A processor that goes without a successor
    /// for its state hands out what it holds, to those who stood behind it until now. What was about to be forwarded
    /// goes to the new edges.
    pub(crate) fn refit(&self, slots: Vec<Slot>, edges: Vec<Edge>, holds: bool) {
        let now = self.worker.clock.now();
        let state = &mut *self.state.borrow_mut();
        let mut handed_over = Vec::new();
        for (at, slot) in slots.iter().enumerate() {
            if let Slot::New {
                after: Some(old), ..
            } = slot
                && let Some(old) = state.stages.get_mut(*old)
            {
                let yielded = old.processor.yield_state(Shards::new(1));
                handed_over.extend(yielded.into_iter().map(|state| (at, state)));
            }
        }
        let stays = |at: usize| slots.iter().any(|s| matches!(s, Slot::Kept(k) if *k == at));
        for at in (0..state.stages.len()).filter(|at| !stays(*at)) {
            empty(state, at, now);
        }
        let mut old: Vec<_> = state.stages.drain(..).map(Some).collect();
        let stages = slots.into_iter().filter_map(|slot| match slot {
            Slot::Kept(at) => old.get_mut(at)?.take(),
            Slot::New { stage, .. } => Some(stage),
        });
        state.stages = stages.collect();
        *self.edges.borrow_mut() = edges.into();
        self.holds.set(holds);
        for (at, yielded) in handed_over {
            with_stage(state, at, now, |stage, out| stage.adopt(yielded, now, out));
        }
        // The timer may be set for a processor that is gone.
        state.armed = None;
        self.settle(state);
        self.timer.notify_one();
    }

    /// Takes the first processor out and hands over what it holds, divided among so many heirs. One that hands nothing
    /// over hands it out, to those who stand behind it.
    pub(crate) fn bequeath(&self, heirs: Shards) -> Vec<State> {
        let now = self.worker.clock.now();
        let state = &mut *self.state.borrow_mut();
        let first = state.stages.first_mut();
        let states = first.map(|first| first.processor.yield_state(heirs));
        let states = states.unwrap_or_default();
        if states.is_empty() {
            empty(state, 0, now);
        }
        if !state.stages.is_empty() {
            state.stages.remove(0);
        }
        state.armed = None;
        self.settle(state);
        self.timer.notify_one();
        // A batch that waits to be admitted here need not wait any longer.
        self.worker.ring();
        states
    }

    /// Gives the first processor what one that had its id on another lane held.
    pub(crate) fn adopt(&self, inherited: State) {
        let now = self.worker.clock.now();
        let state = &mut *self.state.borrow_mut();
        with_stage(state, 0, now, |stage, out| stage.adopt(inherited, now, out));
        self.settle(state);
    }
}

/// Lets a processor hand out all that it holds.
fn empty(chain: &mut super::State, at: usize, now: Now) {
    let mut flushed = Flush::More;
    while flushed == Flush::More && at < chain.stages.len() {
        with_stage(chain, at, now, |stage, out| flushed = stage.flush(now, out));
    }
}
