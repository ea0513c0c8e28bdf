//! Why each trace was kept or dropped: a compact record of every decision, and its text when somebody asks.

mod answer;
mod hook;
mod record;
mod ring;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use pipeline::component::{Host, Label};
use telemetry::metrics::{Family, Gauge, Metrics};

use super::id::TraceId;
use super::policies::Charter;
use ring::Ring;

use answer::{Asked, Waiting};
use record::Decided;

pub(super) use record::{Cause, Outcome};
pub(super) use ring::{BYTES_MAX, Memory};

const REACH: Family = Family::gauge(
    "tracegate_tail_sampling_why_reach_seconds",
    "How far back every decision can be explained",
)
.lowest();

/// One part in this many of the memory budget is what decisions take at most, so that a small budget is left to the
/// spans.
const BUDGET_PART: u64 = 8;

/// The decisions of one instance.
pub(super) struct Why {
    ring: Ring,
    /// The policies in force.
    charter: Arc<Charter>,
    /// The first decision of all.
    began: Option<Duration>,
    label: Label,
    metrics: Metrics,
    /// From the first decision on: a shard that has decided nothing says nothing of the others.
    reach: Option<Gauge>,
}

// === impl Why ===

impl Why {
    pub(super) fn new(bytes_max: u64, charter: &Arc<Charter>, host: &Host) -> Self {
        Self {
            ring: Ring::new(
                bytes_max.min(host.budget.whole() / BUDGET_PART),
                &host.budget,
            ),
            charter: Arc::clone(charter),
            began: None,
            label: host.label.clone(),
            metrics: host.metrics.clone(),
            reach: None,
        }
    }

    /// Remembers a decision.
    pub(super) fn note(&mut self, decided: &Decided<'_>) {
        self.began.get_or_insert(decided.at);
        self.ring.append(decided, 0, &self.charter);
    }

    /// Asks for the memory in which a trace is looked for, or remembered.
    pub(super) fn ask_for(&self, id: &TraceId) {
        self.ring.ask_for(id);
    }

    /// One more span of a trace that was decided before.
    pub(super) fn note_late(&mut self, id: &TraceId) {
        self.ring.add_late(id);
    }

    /// Says on the page of metrics how far back it reaches.
    pub(super) fn measure(&mut self, now: Duration) {
        let Some(reach) = self.reach_at(now) else {
            return;
        };
        let Self { metrics, label, .. } = self;
        let gauge = self.reach.get_or_insert_with(|| {
            let own = [
                ("pipeline", label.pipeline.as_deref().unwrap_or_default()),
                ("processor", label.id.as_str()),
            ];
            metrics.gauge(&REACH, &own)
        });
        gauge.set(reach.as_secs() as i64);
    }

    /// How far back everything is remembered; `None` before the first decision.
    fn reach_at(&self, now: Duration) -> Option<Duration> {
        let since = self.ring.forgotten(now).or(self.began)?;
        Some(now.saturating_sub(since))
    }
}
