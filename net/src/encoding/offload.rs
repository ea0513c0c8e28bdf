//! Plain threads for bodies whose encoding would keep a worker from its other connections.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::thread;

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use super::{Encoding, InflateFault, Meter, inflate};

/// Bytes from which a job is handed to another thread. Below it, the work is no longer than the
/// hand-over and a few requests' patience: about 0.1 ms.
pub const OFFLOAD_MIN: usize = 64 << 10;

/// Jobs that may wait for each thread. One more runs where it is: it would wait longer than it
/// takes.
const WAITING_PER_THREAD: usize = 2;

/// The job panicked. Its input is gone; the process and the thread go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

type Job = Box<dyn FnOnce() + Send>;

/// Runs `job`, whose work is in proportion to `bytes`: large ones on another thread, unless there
/// is but one core, all threads are busy, or none could be started. Never waits for room.
pub async fn run<T, F>(bytes: usize, job: F) -> Result<T, Lost>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    if bytes >= OFFLOAD_MIN
        && let Some(queue) = queue()
    {
        return hand_over(queue, job).await;
    }
    Ok(job())
}

/// Inflates `input` by [`run`], and gives back the meter with what it was charged for.
///
/// The meter is dropped with a fault, which gives the bytes back.
pub async fn inflate_off<M>(
    encoding: Encoding,
    input: Bytes,
    cap: usize,
    mut meter: M,
) -> Result<(Vec<u8>, M), InflateFault>
where
    M: Meter + Send + 'static,
{
    let len = input.len();
    let job = move || inflate(encoding, &input, cap, &mut meter).map(|bytes| (bytes, meter));
    run(len, job)
        .await
        .unwrap_or(Err(InflateFault::Corrupt("the decoder failed on the body")))
}

async fn hand_over<T, F>(queue: &Sender<Job>, job: F) -> Result<T, Lost>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let (answer, result) = oneshot::channel();
    // Nobody listens to the answer of a request that was cancelled.
    let job: Job = Box::new(move || drop(answer.send(job())));
    if let Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) = queue.try_send(job) {
        job();
    }
    result.await.map_err(|_| Lost)
}

/// The way to the threads, which are started by the first job and live as long as the process.
fn queue() -> Option<&'static Sender<Job>> {
    static QUEUE: OnceLock<Option<Sender<Job>>> = OnceLock::new();
    QUEUE.get_or_init(start).as_ref()
}

/// A thread per core. With one core there is nobody to hand a job to: it would only add two
/// switches of context.
fn start() -> Option<Sender<Job>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    if cores == 1 {
        return None;
    }
    let (sender, receiver) = bounded(cores * WAITING_PER_THREAD);
    let started = (0..cores)
        .filter(|number| spawn(*number, receiver.clone()))
        .count();
    (started > 0).then_some(sender)
}

fn spawn(number: usize, jobs: Receiver<Job>) -> bool {
    let work = move || {
        for job in jobs {
            // A lost job is reported by its answer, which is dropped with it.
            drop(catch_unwind(AssertUnwindSafe(job)));
        }
    };
    thread::Builder::new()
        .name(format!("encoding-{number}"))
        .spawn(work)
        .is_ok()
}

// === impl Lost ===

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the job panicked")
    }
}

impl std::error::Error for Lost {}
