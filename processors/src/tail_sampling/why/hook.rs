//! Where the decisions come from, and where the questions about them come in.

use std::time::Duration;

use pipeline::Now;
use pipeline::component::{Answer, Query};

use super::super::pending::Pending;
use super::super::sampler::Sampler;
use super::{Asked, Cause, Decided, Outcome, Waiting};

impl Sampler {
    /// Remembers what has become of a trace, by which policy, and why now. The trail of the policies is that of the
    /// last decision.
    pub(in super::super) fn note(
        &mut self,
        pending: &Pending,
        (outcome, policy): (Outcome, Option<usize>),
        cause: Cause,
        now: Now,
    ) {
        let facts = &pending.facts;
        let trail = match outcome {
            Outcome::Sampled | Outcome::NotSampled | Outcome::Dropped => self.policies.trail(),
            Outcome::TooLarge | Outcome::Evicted | Outcome::Abandoned => &[],
        };
        self.why.note(&Decided {
            id: pending.id,
            outcome,
            cause,
            policy,
            has_root: facts.has_root,
            at: now.mono,
            first: pending.came,
            last: pending.came + Duration::from_millis(pending.last_after.into()),
            spans: facts.spans,
            bytes: facts.bytes,
            millis: facts.millis(),
            trail,
        });
    }

    pub(in super::super) fn why(&self, query: &Query, now: Now) -> Answer {
        let Query::Why {
            trace_id,
            shows_values,
        } = query
        else {
            return Answer::None;
        };
        let pending = self
            .traces
            .find(trace_id)
            .and_then(|at| self.traces.get(at));
        let waiting = pending.map(|pending| Waiting {
            spans: pending.facts.spans,
            bytes: pending.facts.bytes,
            has_root: pending.facts.has_root,
            due: self.traces.due(pending),
            decides_on_arrival: self.rules.decides_on_arrival,
        });
        let asked = Asked {
            id: trace_id,
            shows_values: *shows_values,
            waiting,
            followed: self.cache.peek(trace_id).map(|decided| decided.verdict),
        };
        self.why.answer(&asked, now)
    }
}
