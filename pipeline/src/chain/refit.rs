//! A reload puts other processors and edges into a chain, between two requests.

use super::{Chain, Stage, with_stage};
use crate::component::Flush;
use crate::edge::Edge;

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
                && let Some(yielded) = old.processor.yield_state()
            {
                handed_over.push((at, yielded));
            }
        }
        let stays = |at: usize| slots.iter().any(|s| matches!(s, Slot::Kept(k) if *k == at));
        for at in (0..state.stages.len()).filter(|at| !stays(*at)) {
            let mut flushed = Flush::More;
            while flushed == Flush::More {
                with_stage(state, at, now, |stage, out| flushed = stage.flush(now, out));
            }
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
}
