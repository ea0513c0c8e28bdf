//! What became of traces, for components that see their spans before a sampler decides on them.
//!
//! ```text
//! connector ─▶ Verdicts::ask ─▶ questions ─▶ each sampler: Processor::ask
//!      ▲                                              │
//!      └───────── Asking::answer, when it looks ◀─────┘
//! ```
//! A sampler remembers what it has decided, for the spans that come late. So nothing is published: who wants to know
//! asks in time, and a decision that nobody asks about costs nothing. As with every question, what runs answers, and a
//! reload changes nothing for who asks.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::Label;
use super::ask::{Answer, Answers, Query, Questions, Unanswered};

/// Traces of one question. A sampler takes some hundred nanoseconds for each, and the worker does nothing else
/// meanwhile.
pub const ASKED_MAX: usize = 512;

/// What a component has to do with the fate of traces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sampling {
    #[default]
    None,
    /// It keeps traces as a whole or drops them, and answers [`Query::Verdicts`].
    Decides,
    /// It asks where samplers decide on the spans that it sees, and does without where there are none.
    Asks,
    /// The same, and it is a fault where there are none.
    Insists {
        /// The key that says so.
        key: &'static str,
        /// What to do about it.
        help: &'static str,
    },
}

/// What is known of a trace. Of what several samplers say the greatest counts: what one has kept is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It has not come there, or is forgotten.
    Unknown,
    Dropped,
    /// It is decided at this moment at the latest, give or take a tick, on the service's clock.
    Waiting {
        until: Duration,
    },
    Kept,
}

/// Asks the samplers that decide on the spans that a component sees. A clone asks the same.
#[derive(Clone, Debug)]
pub struct Verdicts {
    questions: Questions,
    samplers: Arc<[Sampler]>,
}

/// A sampler in the plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sampler {
    pub(crate) pipeline: String,
    pub(crate) id: String,
    /// What it keeps reaches an exporter, and no other sampler before that.
    pub(crate) is_last: bool,
}

/// Traces that somebody wants to know the fate of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedTraces {
    ids: Vec<[u8; 16]>,
    samplers: Arc<[Sampler]>,
}

/// A question that is under way.
#[derive(Debug)]
pub struct Asking {
    asked: Arc<AskedTraces>,
    open: Vec<Answers>,
    verdicts: Vec<Verdict>,
}

/// Traces, each with what is known of it.
pub type Told = Vec<([u8; 16], Verdict)>;

// === impl Verdicts ===

impl Verdicts {
    pub(crate) fn new(questions: Questions, samplers: &Arc<[Sampler]>) -> Self {
        Self {
            questions,
            samplers: Arc::clone(samplers),
        }
    }

    /// Asks about these traces, at most [`ASKED_MAX`]. It neither waits nor fails for good: who is told that the
    /// samplers are busy asks again later.
    pub fn ask(&self, ids: Vec<[u8; 16]>) -> Result<Asking, Unanswered> {
        debug_assert!(ids.len() <= ASKED_MAX, "so many hold up a worker");
        let verdicts = vec![Verdict::Unknown; ids.len()];
        let asked = Arc::new(AskedTraces::new(ids, &self.samplers));
        let open = self.questions.put(&Query::Verdicts(Arc::clone(&asked)))?;
        Ok(Asking {
            asked,
            open,
            verdicts,
        })
    }
}

// === impl Asking ===

impl Asking {
    /// What has been told, once all have; `None` before that. It never waits.
    pub fn answer(&mut self) -> Result<Option<Told>, Unanswered> {
        while let Some(last) = self.open.last_mut() {
            let answers = match last.try_recv() {
                Ok(answers) => answers,
                Err(oneshot::error::TryRecvError::Empty) => return Ok(None),
                Err(oneshot::error::TryRecvError::Closed) => return Err(Unanswered::Stopping),
            };
            self.open.pop();
            for answer in answers {
                if let Answer::Verdicts(told) = answer {
                    for (known, told) in self.verdicts.iter_mut().zip(told) {
                        *known = told.max(*known);
                    }
                }
            }
        }
        let ids = self.asked.ids.iter().copied();
        Ok(Some(ids.zip(self.verdicts.iter().copied()).collect()))
    }
}

// === impl AskedTraces ===

impl AskedTraces {
    pub(crate) fn new(ids: Vec<[u8; 16]>, samplers: &Arc<[Sampler]>) -> Self {
        let samplers = Arc::clone(samplers);
        Self { ids, samplers }
    }

    /// The answer of the sampler of this label, who is asked for each trace if the question concerns it.
    pub fn answer(&self, label: &Label, mut verdict: impl FnMut(&[u8; 16]) -> Verdict) -> Answer {
        let pipeline = label.pipeline.as_deref().unwrap_or_default();
        let is_own = |sampler: &&Sampler| sampler.id == label.id && sampler.pipeline == pipeline;
        let Some(own) = self.samplers.iter().find(is_own) else {
            return Answer::None;
        };
        let verdict = |id: &[u8; 16]| match verdict(id) {
            // The next one decides.
            Verdict::Kept if !own.is_last => Verdict::Unknown,
            verdict => verdict,
        };
        Answer::Verdicts(self.ids.iter().map(verdict).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn label(id: &str) -> Label {
        Label {
            kind: ledger::Kind::Processor,
            id: id.to_owned(),
            signal: None,
            pipeline: Some("traces".to_owned()),
        }
    }

    fn samplers() -> Arc<[Sampler]> {
        let sampler = |id: &str, is_last| Sampler {
            pipeline: "traces".to_owned(),
            id: id.to_owned(),
            is_last,
        };
        Arc::new([sampler("first", false), sampler("last", true)])
    }

    /// What is told of one trace of which the first and the last sampler say this, each on a worker of its own.
    fn check(first: Verdict, last: Verdict, expected: Verdict) {
        let (questions, mut asked) = Questions::channels(2);
        let verdicts = Verdicts::new(questions, &samplers());
        let mut asking = verdicts.ask(vec![[7; 16]]).unwrap();
        for (worker, (id, verdict)) in asked.iter_mut().zip([("first", first), ("last", last)]) {
            assert_eq!(asking.answer(), Ok(None), "not all have answered");
            let question = worker.try_recv().unwrap();
            let Query::Verdicts(traces) = &question.query else {
                panic!("{question:?}");
            };
            let stranger = traces.answer(&label("other"), |_| Verdict::Kept);
            let own = traces.answer(&label(id), |_| verdict);
            question.answer([stranger, own].into_iter());
        }
        assert_eq!(
            asking.answer(),
            Ok(Some(vec![([7; 16], expected)])),
            "{first:?} {last:?}"
        );
    }

    #[test]
    fn what_the_last_sampler_keeps_is_kept() {
        use Verdict::{Dropped, Kept, Unknown, Waiting};
        let waiting = Waiting { until: SECOND };
        for (first, last, expected) in [
            (waiting, Unknown, waiting),
            (Dropped, Unknown, Dropped),
            (Kept, Unknown, Unknown),
            (Kept, waiting, waiting),
            (Kept, Dropped, Dropped),
            (Kept, Kept, Kept),
            // It was forgotten there.
            (Unknown, Kept, Kept),
            (
                Waiting { until: 2 * SECOND },
                waiting,
                Waiting { until: 2 * SECOND },
            ),
        ] {
            check(first, last, expected);
        }
    }

    #[test]
    fn who_does_not_answer_has_not_decided() {
        let (questions, mut asked) = Questions::channels(1);
        let verdicts = Verdicts::new(questions, &samplers());
        let mut asking = verdicts.ask(vec![[7; 16]]).unwrap();
        drop(asked[0].try_recv());
        assert_eq!(asking.answer(), Err(Unanswered::Stopping));
        asked.clear();
        assert_eq!(
            verdicts.ask(Vec::new()).map(|_| ()),
            Err(Unanswered::Stopping)
        );
    }
}
