//! Asking the processors that run what they know.
//!
//! ```text
//! admin ─▶ Questions ─┬▶ worker: chains and lanes that live here ─▶ Processor::ask ─┐
//!                     └▶ worker: …                                                  ├▶ answers
//! ```
//! A worker looks at its questions between two tasks, before data, and processors are asked in place: nobody takes a
//! lock. What is asked is bound to no generation; it is answered by what runs when the worker comes to it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::verdicts::{AskedTraces, Verdict};

/// Questions that a worker has not come to yet. Each takes it microseconds, so that more are no person's.
const WAITING_MAX: usize = 64;

/// A worker comes to a question within milliseconds. One that has not by now will not while somebody waits.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// What may be asked. Processors that a question does not concern answer [`Answer::None`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// What was decided about this trace, and why.
    Why {
        trace_id: [u8; 16],
        /// Values that came with telemetry may stand in the answer.
        shows_values: bool,
    },
    /// Which service calls which, by the requests that were seen.
    ServiceGraph,
    /// What became of traces, of those samplers whom it concerns.
    Verdicts(Arc<AskedTraces>),
    /// Nothing: that every worker comes to it is the answer.
    Alive,
}

/// What one instance of a processor says.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The question does not concern it.
    None,
    /// It does not know, and says how far it could.
    Unknown(Value),
    Known(Value),
    /// By the traces that were asked for.
    Verdicts(Vec<Verdict>),
}

/// Asks every instance of every processor. A clone asks the same.
#[derive(Clone, Debug)]
pub struct Questions(Arc<[mpsc::Sender<Question>]>);

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// Nothing that could be asked runs any more.
    Stopping,
    /// Too many questions wait already, or some instance did not answer in time.
    Busy,
}

/// On its way to one worker.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) query: Query,
    answer: oneshot::Sender<Vec<Answer>>,
}

/// Where the answers of one worker come.
pub(super) type Answers = oneshot::Receiver<Vec<Answer>>;

// === impl Questions ===

impl Questions {
    /// The way to so many workers, and where each finds what it is asked.
    pub(crate) fn channels(workers: usize) -> (Self, Vec<mpsc::Receiver<Question>>) {
        let channels = (0..workers).map(|_| mpsc::channel(WAITING_MAX));
        let (asking, asked): (Vec<_>, Vec<_>) = channels.unzip();
        (Self(asking.into()), asked)
    }

    pub(crate) fn workers(&self) -> usize {
        self.0.len()
    }

    /// Puts a question without waiting for the answers, one from each worker. All of them or none.
    pub(crate) fn put(&self, query: &Query) -> Result<Vec<Answers>, Unanswered> {
        let put = self.0.iter().map(|worker| {
            let (question, answers) = Question::new(query);
            worker.try_send(question)?;
            Ok(answers)
        });
        put.collect()
    }

    /// The same, waiting for room where a worker is asked much.
    async fn put_in_turn(&self, query: &Query) -> Result<Vec<Answers>, Unanswered> {
        let mut put = Vec::with_capacity(self.0.len());
        for worker in self.0.iter() {
            let (question, answers) = Question::new(query);
            let sent = worker.send(question).await;
            sent.map_err(|_| Unanswered::Stopping)?;
            put.push(answers);
        }
        Ok(put)
    }

    /// What those say whom it concerns; [`Answer::None`] is left out. All of them or nothing, since half of the answers
    /// would be a wrong one.
    pub async fn ask(&self, query: &Query) -> Result<Vec<Answer>, Unanswered> {
        let ask = async {
            let answered = match query {
                // Whether a worker lives must not depend on how many others ask it something.
                Query::Alive => self.put_in_turn(query).await?,
                _ => self.put(query)?,
            };
            let mut all = Vec::new();
            for answers in answered {
                all.extend(answers.await.map_err(|_| Unanswered::Stopping)?);
            }
            Ok(all)
        };
        let late = |_| Err(Unanswered::Busy);
        tokio::time::timeout(ANSWER_MAX, ask)
            .await
            .unwrap_or_else(late)
    }
}

// === impl Question ===

impl Question {
    fn new(query: &Query) -> (Self, Answers) {
        let (answer, answers) = oneshot::channel();
        let query = query.clone();
        (Self { query, answer }, answers)
    }

    pub(crate) fn answer(self, answers: impl Iterator<Item = Answer>) {
        let answers = answers.filter(|answer| *answer != Answer::None).collect();
        // Who has gone meanwhile needs no answer.
        let _ = self.answer.send(answers);
    }
}

// === impl Unanswered ===

impl From<mpsc::error::TrySendError<Question>> for Unanswered {
    fn from(error: mpsc::error::TrySendError<Question>) -> Self {
        match error {
            mpsc::error::TrySendError::Full(_) => Self::Busy,
            mpsc::error::TrySendError::Closed(_) => Self::Stopping,
        }
    }
}

impl std::fmt::Display for Unanswered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stopping => "the service is stopping",
            Self::Busy => "the service is too busy to answer; ask again later",
        })
    }
}

impl std::error::Error for Unanswered {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_worker_that_is_asked_too_much_is_alive() {
        let (questions, mut asked) = Questions::channels(1);
        for worker in questions.0.iter() {
            for _ in 0..WAITING_MAX {
                let (question, _) = Question::new(&Query::ServiceGraph);
                worker.try_send(question).unwrap();
            }
        }
        let graph = questions.ask(&Query::ServiceGraph).await;
        assert_eq!(graph, Err(Unanswered::Busy));
        let worker = tokio::spawn(async move {
            while let Some(question) = asked[0].recv().await {
                question.answer(std::iter::empty());
            }
        });
        assert_eq!(questions.ask(&Query::Alive).await, Ok(Vec::new()));
        drop(questions);
        worker.await.unwrap();
    }
}
