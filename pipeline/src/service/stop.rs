//! How far the service is on its way to the end.

use tokio::sync::watch;

/// Seen by everything that runs. Clones see the same.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<Phase>);

/// Raises the phase.
#[derive(Debug)]
pub(crate) struct Stopper(watch::Sender<Phase>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Running,
    /// Nothing new comes in; what is here goes on.
    Draining,
    /// The deadline has passed: what is left is counted and dropped.
    Abandoned,
}

impl Stopper {
    pub(crate) fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(Phase::Running);
        (Self(sender), Stop(receiver))
    }

    pub(crate) fn stop(&self) -> Stop {
        Stop(self.0.subscribe())
    }

    pub(crate) fn raise(&self, phase: Phase) {
        self.0.send_if_modified(|now| {
            let later = phase > *now;
            *now = (*now).max(phase);
            later
        });
    }
}

impl Stop {
    /// Resolves when nothing new may come in.
    pub async fn draining(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Resolves when what is left must be given up.
    pub async fn abandoned(&self) {
        self.reached(Phase::Abandoned).await;
    }

    pub fn is_draining(&self) -> bool {
        *self.0.borrow() >= Phase::Draining
    }

    async fn reached(&self, phase: Phase) {
        // An error means that the service object is gone, which is as abandoned as it gets.
        let _ = self.0.clone().wait_for(|now| *now >= phase).await;
    }
}
