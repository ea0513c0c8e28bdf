//! How far the service, or one part of it, is on its way to the end.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Seen by everything that runs. Clones see the same.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<Phase>);

/// Raises the phase. When it is dropped, what still runs is given up.
#[derive(Debug)]
pub(crate) struct Stopper {
    phase: Arc<watch::Sender<Phase>>,
    /// Raises it as the service's own is raised.
    follows: Option<AbortHandle>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Running,
    /// Everything is served, and who comes is asked to go elsewhere.
    Leaving,
    /// The door is closed: who is inside finishes, and is asked to go elsewhere.
    Closed,
    /// Nothing new comes in; what is here goes on.
    Draining,
    /// The deadline has passed: what is left is counted and dropped.
    Abandoned,
}

impl Phase {
    const AFTER_RUNNING: [Self; 4] = [Self::Leaving, Self::Closed, Self::Draining, Self::Abandoned];
}

impl Stopper {
    pub(crate) fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(Phase::Running);
        let stopper = Self {
            phase: Arc::new(sender),
            follows: None,
        };
        (stopper, Stop(receiver))
    }

    pub(crate) fn stop(&self) -> Stop {
        Stop(self.phase.subscribe())
    }

    pub(crate) fn raise(&self, phase: Phase) {
        raise(&self.phase, phase);
    }

    /// Resolves when nothing that saw this stopper runs any more.
    pub(crate) async fn unseen(&self) {
        self.phase.closed().await;
    }
}

impl Drop for Stopper {
    fn drop(&mut self) {
        if let Some(follows) = &self.follows {
            follows.abort();
        }
    }
}

impl Stop {
    /// For one part of the service on this worker, which may end alone. What runs looks at one phase only: a connection
    /// does so whenever it wakes.
    pub(crate) fn part(&self) -> (Stopper, Self) {
        let (mut stopper, stop) = Stopper::new();
        let (service, part) = (self.clone(), Arc::clone(&stopper.phase));
        let following = tokio::task::spawn_local(async move {
            for phase in Phase::AFTER_RUNNING {
                service.reached(phase).await;
                raise(&part, phase);
            }
        });
        stopper.follows = Some(following.abort_handle());
        (stopper, stop)
    }

    /// Resolves when who is connected should be asked to go elsewhere. What comes is still to be served.
    pub async fn leaving(&self) {
        self.reached(Phase::Leaving).await;
    }

    /// Resolves when nobody may connect any more. Who is connected is still to be served.
    pub async fn closed(&self) {
        self.reached(Phase::Closed).await;
    }

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
        // An error means that the stopper is gone, which is as abandoned as it gets.
        let _ = self.0.clone().wait_for(|now| *now >= phase).await;
    }
}

fn raise(sender: &watch::Sender<Phase>, phase: Phase) {
    sender.send_if_modified(|now| {
        let later = phase > *now;
        *now = (*now).max(phase);
        later
    });
}
