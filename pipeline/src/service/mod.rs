//! From a plan to a running service, from one plan to the next, and in order back to nothing.
//!
//! Workers are threads with a current-thread runtime each: one for every core that the process may use. Each has its
//! own copy of every chain. An exporter lives on one worker; the others reach it through its intake.
//!
//! What runs between two reloads is a *generation*. The main thread compares plans, opens sockets and queues, and tells
//! the workers in two steps; a start is the reload of nothing.
//!
//! ```text
//! main:    compare ─▶ open what is new ─▶ prepare ───────────▶ commit ─────▶ done
//! workers:                                   └▶ draft, beside    └▶ floor: exchanged between two requests
//!                                               what runs              └▶ retirement: the old ends in the background
//! ```

mod draft;
mod floor;
mod generation;
mod lanes;
mod order;
mod retirement;
mod stop;
#[cfg(test)]
mod tests;
mod thread;
mod watch;

use std::sync::{Arc, mpsc};
use std::time::Duration;

use ledger::{Books, Budget, LastErrors, Limits};

use crate::clock::Clock;
use crate::component::{Extensions, Host, Label, Labels, Listening, Questions};
use crate::delivery::Room;
use crate::plan::{Changes, Plan};
use crate::sender::Agents;
use generation::Generation;
use order::Order;
pub(crate) use stop::{Phase, Stopper};
use telemetry::memory::read_file;
use watch::Watch;

pub use stop::Stop;

/// How long a worker may take to build its part of a generation, or to exchange it. It is a few milliseconds; one that
/// takes this long will not answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Orders that a worker has not taken yet: a discard may follow a prepare.
const ORDERS_MAX: usize = 4;

/// What all parts of a process share.
#[derive(Clone)]
pub struct Shared {
    pub books: Arc<Books>,
    pub budget: Arc<Budget>,
    /// What went wrong last, in every component.
    pub errors: Arc<LastErrors>,
    /// Who the clients are.
    pub agents: Arc<Agents>,
    pub metrics: telemetry::metrics::Metrics,
    pub clock: Clock,
    /// What the extensions offer, which are built before everything else.
    pub extensions: Extensions,
    /// What tells this process from others and stays when it starts again.
    pub instance: Arc<str>,
}

/// A running service.
pub struct Service {
    stopper: Stopper,
    workers: Vec<tokio::sync::mpsc::Sender<Order>>,
    questions: Questions,
    /// Closed when the last worker has ended.
    running: tokio::sync::mpsc::Receiver<()>,
    generation: Generation,
    rooms: tokio::sync::watch::Sender<Arc<[ExporterRoom]>>,
    /// Looks at the process's memory; `None` where no limiter asks for that.
    _watch: Option<Watch>,
}

/// The queues of all exporters that run, as they are at the moment.
pub type Rooms = tokio::sync::watch::Receiver<Arc<[ExporterRoom]>>;

/// The queue of one exporter and signal, for gauges.
#[derive(Clone)]
pub struct ExporterRoom {
    pub id: String,
    pub signal: otlp::Signal,
    /// For the series that count what was sent.
    pub labels: Labels,
    room: Arc<Room>,
}

/// Why a service could not start: the component, and what is wrong.
#[derive(Debug)]
pub struct StartError {
    pub component: String,
    pub text: String,
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "failed to start {}: {}", self.component, self.text)
    }
}

impl std::error::Error for StartError {}

// === impl Shared ===

impl Shared {
    /// What a component of this name is built for.
    pub fn host(&self, label: Label) -> Host {
        Host {
            budget: Arc::clone(&self.budget),
            metrics: self.metrics.clone(),
            clock: self.clock,
            label,
            extensions: self.extensions.clone(),
            instance: Arc::clone(&self.instance),
            verdicts: None,
        }
    }
}

// === impl Service ===

impl Service {
    /// Binds every socket, starts the workers and returns once all of them take requests.
    pub fn start(plan: Plan, shared: &Shared) -> Result<Self, StartError> {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        Self::start_on(workers, plan, shared)
    }

    fn start_on(workers: usize, plan: Plan, shared: &Shared) -> Result<Self, StartError> {
        let (stopper, stop) = Stopper::new();
        let (over, running) = tokio::sync::mpsc::channel(1);
        let (questions, asked) = Questions::channels(workers);
        let mut threads = Vec::new();
        for (index, asked) in asked.into_iter().enumerate() {
            let (orders, given) = tokio::sync::mpsc::channel(ORDERS_MAX);
            let (clock, stop, over) = (shared.clock, stop.clone(), over.clone());
            std::thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(move || {
                    thread::run(clock, stop, given, asked);
                    drop(over);
                })
                .map_err(|e| StartError {
                    component: format!("worker {index}"),
                    text: e.to_string(),
                })?;
            threads.push(orders);
        }
        let mut service = Self {
            stopper,
            workers: threads,
            questions,
            running,
            generation: Generation::default(),
            rooms: tokio::sync::watch::Sender::default(),
            _watch: None,
        };
        service.reload(plan, shared, Duration::ZERO)?;
        Ok(service)
    }

    /// Puts another plan in the place of the one that runs. What is equal in both goes on as it is; what is new is
    /// built first, and if any of it cannot be, nothing has changed; what has gone is given `grace` to end in the
    /// background. Returns when every worker runs the new plan. It blocks for the few milliseconds that this takes.
    pub fn reload(
        &mut self,
        plan: Plan,
        shared: &Shared,
        grace: Duration,
    ) -> Result<Changes, StartError> {
        let changes = Changes::between(&self.generation.plan, &plan);
        let (mut next, jobs) = self.generation.succeed(plan, shared, &self.questions)?;
        let (reply, replies) = mpsc::channel();
        for (worker, job) in self.workers.iter().zip(jobs) {
            // A worker that has ended answers nothing, which is found out below.
            let _ = worker.try_send(Order::Prepare(Box::new(job), reply.clone()));
        }
        let prepared = self.prepared(&replies).and_then(|readiness| {
            next.exporting(readiness.exporting, shared)?;
            watched(readiness.limits, shared)
        });
        let (limits, watch) = match prepared {
            Ok(watched) => watched,
            Err(error) => {
                for worker in &self.workers {
                    let _ = worker.try_send(Order::Discard);
                }
                return Err(error);
            }
        };
        self._watch = watch;
        if shared.budget.restrict(limits)
            && let Some(Limits { soft, hard, .. }) = limits
        {
            let (limit_mib, spike_limit_mib) = (hard >> 20, (hard - soft) >> 20);
            tracing::info!(limit_mib, spike_limit_mib, "Memory limiter configured");
        }
        let (reply, replies) = mpsc::channel();
        for worker in &self.workers {
            let _ = worker.try_send(Order::Commit(grace, reply.clone()));
        }
        for _ in &self.workers {
            replies.recv_timeout(ANSWER_MAX).map_err(|_| lost())?;
        }
        self.generation = next;
        self.rooms.send_replace(self.generation.rooms());
        Ok(changes)
    }

    /// What all workers have to say together, once each has built its part.
    fn prepared(
        &self,
        replies: &mpsc::Receiver<order::Prepared>,
    ) -> Result<order::Readiness, StartError> {
        let mut all = order::Readiness::default();
        for _ in &self.workers {
            let reply = replies.recv_timeout(ANSWER_MAX);
            let one = reply.unwrap_or_else(|_| Err(lost()))?;
            all.limits = [all.limits, one.limits]
                .into_iter()
                .flatten()
                .reduce(Limits::lowest);
            all.exporting.extend(one.exporting);
        }
        Ok(all)
    }

    /// Where the receivers listen: component id and socket.
    pub fn listening(&self) -> Vec<(String, Listening)> {
        self.generation.listening()
    }

    /// Asks what runs, whatever reloads have put there.
    pub fn questions(&self) -> Questions {
        self.questions.clone()
    }

    /// Where the exporters listen that are asked for what they hold.
    pub fn exporting(&self) -> Vec<(String, Listening)> {
        self.generation.exports()
    }

    pub fn rooms(&self) -> Rooms {
        self.rooms.subscribe()
    }

    /// How far the service is on its way to the end.
    pub fn stop(&self) -> Stop {
        self.stopper.stop()
    }

    /// Asks who is connected to go elsewhere, and serves who comes all the same. Returns at once.
    pub fn leave(&self) {
        self.stopper.raise(Phase::Leaving);
    }

    /// Refuses what is new and lets what is here go on. Returns at once.
    pub fn drain(&self) {
        self.stopper.raise(Phase::Draining);
    }

    /// Gives up what is left. Returns at once.
    pub fn abandon(&self) {
        self.stopper.raise(Phase::Abandoned);
    }

    /// Resolves when every worker has ended.
    pub async fn ended(&mut self) {
        // Nothing is ever sent: the channel closes with the last worker.
        let _ = self.running.recv().await;
    }
}

/// The limits with who looks whether the process keeps to them.
fn watched(
    limits: Option<Limits>,
    shared: &Shared,
) -> Result<(Option<Limits>, Option<Watch>), StartError> {
    let watch = limits.map(|limits| Watch::start(limits, Arc::clone(&shared.budget), read_file));
    let watch = watch.transpose().map_err(|error| StartError {
        component: "memory limiter".into(),
        text: error.to_string(),
    })?;
    Ok((limits, watch))
}

fn lost() -> StartError {
    StartError {
        component: "worker".into(),
        text: "it has ended, or does not answer".into(),
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl ExporterRoom {
    /// Units in use and capacity, in the sizer's unit; `None` without a queue.
    pub fn fill(&self) -> Option<(u64, u64)> {
        self.room.fill()
    }

    /// Batches that are being sent or wait to be sent again.
    pub fn in_flight(&self) -> u64 {
        self.room.in_flight()
    }

    /// When the present run of failed attempts began, on the service's clock.
    pub fn failing_since(&self) -> Option<Duration> {
        self.room.failing_since()
    }
}
