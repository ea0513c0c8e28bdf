//! The real processor, given the recorded traces in the order and at the times in which they ended. Nothing waits.
//!
//! All spans of a trace come together, so that its verdict is that on the whole trace.

use std::collections::VecDeque;
use std::time::Duration;

use otlp::Signal;
use pipeline::component::{Answer, Outbox, Processor, Query};
use pipeline::{Batch, Now};
use serde_json::Value;

use super::input::Recorded;

/// What became of a trace.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) id: [u8; 16],
    /// What the processor says of it, as `GET /api/v1/traces/{trace_id}/why` does.
    pub(super) told: Value,
}

struct Replay {
    sampler: Box<dyn Processor>,
    out: Outbox,
    /// Of the first moment, nanoseconds since the epoch.
    start: u64,
    /// Traces that have come and are not decided, the oldest first.
    waiting: VecDeque<[u8; 16]>,
    verdicts: Vec<Verdict>,
}

pub(super) fn run(sampler: Box<dyn Processor>, recorded: &Recorded) -> Vec<Verdict> {
    let known = recorded.traces.iter().map(|trace| trace.came);
    let mut replay = Replay {
        sampler,
        out: Outbox::default(),
        start: known.filter(|came| *came > 0).min().unwrap_or_default(),
        waiting: VecDeque::new(),
        verdicts: Vec::with_capacity(recorded.traces.len()),
    };
    let mut now = Duration::ZERO;
    for trace in &recorded.traces {
        // Time may have gone on while there was no room.
        now = now.max(Duration::from_nanos(
            trace.came.saturating_sub(replay.start),
        ));
        replay.decide_until(now);
        for span in &trace.spans {
            now = replay.send(Batch::new(Signal::Traces, span.clone(), 1), now);
        }
        replay.waiting.push_back(trace.id);
    }
    replay.decide_until(Duration::MAX);
    replay.ask_all(now);
    replay.verdicts
}

impl Replay {
    fn now(&self, mono: Duration) -> Now {
        Now {
            mono,
            unix_nanos: self.start.saturating_add(mono.as_nanos() as u64),
        }
    }

    /// Sends a request, at this time or as soon as there is room. Gives the time.
    fn send(&mut self, batch: Batch, mut mono: Duration) -> Duration {
        while self.sampler.admit(&batch, self.now(mono)).is_err()
            && let Some(next) = self.sampler.deadline()
        {
            mono = mono.max(next);
            self.decide_until(mono);
        }
        let now = self.now(mono);
        self.sampler.process(batch, now, &mut self.out);
        self.forget();
        mono
    }

    /// Lets the time go on to a moment, or to the last decision before it.
    fn decide_until(&mut self, end: Duration) {
        while let Some(due) = self.sampler.deadline().filter(|due| *due <= end) {
            let now = self.now(due);
            self.sampler.tick(now, &mut self.out);
            self.forget();
            self.ask(now);
        }
    }

    /// What is kept goes nowhere.
    fn forget(&mut self) {
        self.out.drain().for_each(drop);
        self.out.drain_dropped().for_each(drop);
    }

    /// Asks at once, because the processor forgets.
    fn ask(&mut self, now: Now) {
        while let Some(id) = self.waiting.front().copied() {
            let told = self.told(id, now);
            if told["state"] == "pending" {
                return;
            }
            self.waiting.pop_front();
            self.verdicts.push(Verdict { id, told });
        }
    }

    fn ask_all(&mut self, mono: Duration) {
        let now = self.now(mono);
        for id in std::mem::take(&mut self.waiting) {
            let told = self.told(id, now);
            self.verdicts.push(Verdict { id, told });
        }
    }

    fn told(&self, trace_id: [u8; 16], now: Now) -> Value {
        let query = Query::Why {
            trace_id,
            shows_values: true,
        };
        match self.sampler.ask(&query, now) {
            Answer::Known(told) | Answer::Unknown(told) => told,
            Answer::None | Answer::Verdicts(_) => Value::Null,
        }
    }
}
