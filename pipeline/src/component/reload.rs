//! Asking for a reload of the configuration, from wherever the wish comes.

use tokio::sync::{mpsc, oneshot};

/// Reloads that have been asked for and wait for the one under way. Who comes later is told to come again.
const ASKED_MAX: usize = 16;

/// Asks the process to read its configuration again and to run what it finds. A clone asks the same process.
#[derive(Clone, Debug)]
pub struct Reload(mpsc::Sender<Asked>);

/// Where the process finds what it was asked.
#[derive(Debug)]
pub struct Reloads(mpsc::Receiver<Asked>);

/// One wish for a reload, to be answered.
#[derive(Debug)]
pub struct Asked(oneshot::Sender<Reloaded>);

/// How a reload ended, in words for a person. The error is every fault, as `validate` prints them, and means that what
/// ran before still runs unchanged.
pub type Reloaded = Result<String, String>;

impl Reload {
    pub fn channel() -> (Self, Reloads) {
        let (asking, asked) = mpsc::channel(ASKED_MAX);
        (Self(asking), Reloads(asked))
    }

    /// Resolves when the reload has ended.
    pub async fn ask(&self) -> Reloaded {
        let (answer, answered) = oneshot::channel();
        match self.0.try_send(Asked(answer)) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Err("too many reloads wait already; ask again later".to_owned());
            }
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(STOPPING.to_owned()),
        }
        let stopping = |_| Err(STOPPING.to_owned());
        answered.await.unwrap_or_else(stopping)
    }
}

const STOPPING: &str = "the service is stopping and reloads nothing";

impl Reloads {
    /// The next wish; `None` when nobody is left who could have one.
    pub async fn next(&mut self) -> Option<Asked> {
        self.0.recv().await
    }
}

impl Asked {
    pub fn answer(self, reloaded: Reloaded) {
        // Who has gone meanwhile needs no answer.
        let _ = self.0.send(reloaded);
    }
}
