//! A thread that hashes passwords, because that takes longer than a worker may wait.
//!
//! It is one thread, so that wrong passwords, however many, cost one core at most and no worker anything. Whoever
//! shows a password that is being hashed already waits for that. New ones beyond [`QUEUE_MAX`] are told to come again.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use net::auth::{Identity, Judgement, Verdict};
use otlp::reply::{Code, Status};
use tokio::sync::watch;

use super::server::INVALID;
use super::table::{Digest, Memory, User};

/// Different passwords that wait to be hashed. At 50 ms each the last one waits for 3 s.
const QUEUE_MAX: usize = 64;

/// What those beyond [`QUEUE_MAX`] are told to wait.
const COME_AGAIN: std::time::Duration = std::time::Duration::from_secs(1);

pub(super) struct Verifier(Sender<Job>);

/// A password to be hashed.
struct Job {
    user: Arc<User>,
    attempt: Attempt,
    /// Who waits sees it go.
    _done: watch::Sender<()>,
}

/// A password that somebody shows.
pub(super) struct Attempt {
    pub(super) digest: Digest,
    pub(super) password: String,
    /// Who it is if the password is right.
    pub(super) identity: Identity,
}

impl Verifier {
    /// Starts the thread, which ends when this value is dropped.
    pub(super) fn start() -> Result<Self, String> {
        let (jobs, queue) = bounded(QUEUE_MAX);
        let thread = std::thread::Builder::new().name("passwords".into());
        let started = thread.spawn(move || work(&queue));
        started.map_err(|e| format!("cannot start a thread: {e}"))?;
        Ok(Self(jobs))
    }

    /// Hashes a password of which nothing is known. `memory` is the user's.
    pub(super) fn ask(&self, user: &Arc<User>, memory: &mut Memory, attempt: Attempt) -> Verdict {
        let digest = attempt.digest;
        if let Some(done) = memory.pending(digest) {
            return wait(Arc::clone(user), digest, done);
        }
        let (sender, done) = watch::channel(());
        let job = Job {
            user: Arc::clone(user),
            attempt,
            _done: sender,
        };
        match self.0.try_send(job) {
            Ok(()) => {
                memory.pending.push((digest, done.clone()));
                wait(Arc::clone(user), digest, done)
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Verdict::Known(busy()),
        }
    }
}

fn wait(user: Arc<User>, digest: Digest, mut done: watch::Receiver<()>) -> Verdict {
    Verdict::Pending(Box::pin(async move {
        // Nothing is ever sent: the sender goes when the work is done.
        while done.changed().await.is_ok() {}
        let known = user.memory().recall(digest);
        match known {
            Some(Some(identity)) => Ok(identity),
            Some(None) => Err(Status::new(Code::Unauthenticated, INVALID)),
            // So many wrong passwords came since that this one is forgotten.
            None => busy(),
        }
    }))
}

fn work(queue: &Receiver<Job>) {
    while let Ok(job) = queue.recv() {
        let Attempt {
            digest,
            password,
            identity,
        } = &job.attempt;
        let found = job
            .user
            .hash
            .matches(password)
            .then(|| Arc::clone(identity));
        job.user.memory().learn(*digest, found);
    }
}

fn busy() -> Judgement {
    let text = "too many passwords are being verified";
    Err(Status::new(Code::Unavailable, text).with_retry_after(COME_AGAIN))
}
