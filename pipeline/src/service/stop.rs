//! How far the service, or one part of it, is on its way to the end.

use tokio::sync::watch;

/// Seen by everything that runs. Clones see the same.
#[derive(Clone, Debug)]
pub struct Stop {
    own: watch::Receiver<Phase>,
    /// The service that the part belongs to: what happens to it happens to the part.
    service: Option<watch::Receiver<Phase>>,
}

/// Raises the phase. When it is dropped, what still runs is given up.
#[derive(Debug)]
pub(crate) struct Stopper(watch::Sender<Phase>);

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

impl Stopper {
    pub(crate) fn new() -> (Self, Stop) {
        let (sender, own) = watch::channel(Phase::Running);
        (Self(sender), Stop { own, service: None })
    }

    pub(crate) fn stop(&self) -> Stop {
        Stop {
            own: self.0.subscribe(),
            service: None,
        }
    }

    pub(crate) fn raise(&self, phase: Phase) {
        self.0.send_if_modified(|now| {
            let later = phase > *now;
            *now = (*now).max(phase);
            later
        });
    }

    /// Resolves when nothing that saw this stopper runs any more.
    pub(crate) async fn unseen(&self) {
        self.0.closed().await;
    }
}

impl Stop {
    /// For one part of the service, which may end alone.
    pub(crate) fn part(&self) -> (Stopper, Self) {
        let (sender, own) = watch::channel(Phase::Running);
        let service = Some(self.own.clone());
        (Stopper(sender), Self { own, service })
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

    pub fn is_leaving(&self) -> bool {
        self.is_at(Phase::Leaving)
    }

    pub fn is_draining(&self) -> bool {
        self.is_at(Phase::Draining)
    }

    fn is_at(&self, phase: Phase) -> bool {
        let service = self.service.as_ref();
        *self.own.borrow() >= phase || service.is_some_and(|service| *service.borrow() >= phase)
    }

    async fn reached(&self, phase: Phase) {
        match &self.service {
            None => reached(&self.own, phase).await,
            Some(service) => tokio::select! {
                () = reached(&self.own, phase) => {}
                () = reached(service, phase) => {}
            },
        }
    }
}

async fn reached(phases: &watch::Receiver<Phase>, phase: Phase) {
    // An error means that the stopper is gone, which is as abandoned as it gets.
    let _ = phases.clone().wait_for(|now| *now >= phase).await;
}
