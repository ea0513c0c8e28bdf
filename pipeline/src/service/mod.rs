//! From a plan to a running service, and in order back to nothing.
//!
//! Workers are threads with a current-thread runtime each: one for every core that the process may use. Each has its
//! own copy of every chain. An exporter lives on one worker; the others reach it through its intake.

mod stop;
mod thread;

use std::sync::{Arc, mpsc};
use std::time::Duration;

use ledger::{Books, Budget, Kind, LastErrors, NodeKey};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::component::{Extensions, Host, Label, Listening};
use crate::delivery::{Intake, Room};
use crate::plan::Plan;
use crate::sender::Agents;
pub(crate) use stop::{Phase, Stopper};
use thread::{Blueprint, Home, Job};

pub use stop::Stop;

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
}

/// A running service.
pub struct Service {
    stopper: Stopper,
    /// Closed when the last worker has ended.
    running: tokio::sync::mpsc::Receiver<()>,
    listening: Vec<(String, Listening)>,
    rooms: watch::Sender<Arc<[ExporterRoom]>>,
}

/// The queues of all exporters that run, as they are at the moment.
pub type Rooms = watch::Receiver<Arc<[ExporterRoom]>>;

/// The queue of one exporter and signal, for gauges.
#[derive(Clone)]
pub struct ExporterRoom {
    pub id: String,
    pub signal: otlp::Signal,
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

// === impl Service ===

impl Service {
    /// Binds every socket, starts the workers and returns once all of them take requests.
    pub fn start(plan: Plan, shared: &Shared) -> Result<Self, StartError> {
        let (stopper, stop) = Stopper::new();
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let (intakes, rooms, mut homes) = open_exporters(&plan, shared, workers);
        let (listening, mut seats) = bind_receivers(&plan, shared, workers)?;
        let blueprint = Arc::new(Blueprint {
            plan,
            shared: shared.clone(),
            stop,
        });
        let (ready, started) = mpsc::channel();
        let (over, running) = tokio::sync::mpsc::channel(1);
        for index in 0..workers {
            let job = Job {
                blueprint: Arc::clone(&blueprint),
                intakes: intakes.clone(),
                homes: std::mem::take(&mut homes[index]),
                seats: std::mem::take(&mut seats[index]),
            };
            let (ready, over) = (ready.clone(), over.clone());
            std::thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(move || {
                    thread::run(job, &ready);
                    drop(over);
                })
                .map_err(|e| StartError {
                    component: format!("worker {index}"),
                    text: e.to_string(),
                })?;
        }
        // The workers hold the only ways to the exporters, so that these end when all upstream has.
        drop((intakes, ready, over));
        let service = Self {
            stopper,
            running,
            listening,
            rooms: watch::Sender::new(rooms.into()),
        };
        for _ in 0..workers {
            let lost = || {
                Err(StartError {
                    component: "worker".into(),
                    text: "it ended".into(),
                })
            };
            started.recv().unwrap_or_else(|_| lost())?;
        }
        Ok(service)
    }

    /// Where the receivers listen: component id and socket.
    pub fn listening(&self) -> &[(String, Listening)] {
        &self.listening
    }

    pub fn rooms(&self) -> Rooms {
        self.rooms.subscribe()
    }

    /// How far the service is on its way to the end.
    pub fn stop(&self) -> Stop {
        self.stopper.stop()
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

/// Intakes in the plan's order, and what each worker must run as the exporters' home.
fn open_exporters(
    plan: &Plan,
    shared: &Shared,
    workers: usize,
) -> (Vec<Intake>, Vec<ExporterRoom>, Vec<Vec<Home>>) {
    let byte_share = shared.budget.limit() / 2 / plan.exporters.len().max(1) as u64;
    let mut homes: Vec<Vec<Home>> = (0..workers).map(|_| Vec::new()).collect();
    let mut intakes = Vec::new();
    let mut rooms = Vec::new();
    for (at, node) in plan.exporters.iter().enumerate() {
        let account = shared.books.account(&NodeKey {
            kind: Kind::Exporter,
            id: node.id.clone(),
            pipeline: String::new(),
            transport: "",
            signal: node.signal,
        });
        let room = Room::new(&node.build.delivery, byte_share, account);
        let (intake, entries) = Intake::new(Arc::clone(&room));
        intakes.push(intake);
        homes[at % workers].push(Home {
            exporter: at,
            room: Arc::clone(&room),
            entries,
        });
        rooms.push(ExporterRoom {
            id: node.id.clone(),
            signal: node.signal,
            room,
        });
    }
    (intakes, rooms, homes)
}

type Bound = (Vec<(String, Listening)>, Vec<Vec<thread::SeatOf>>);

fn bind_receivers(plan: &Plan, shared: &Shared, workers: usize) -> Result<Bound, StartError> {
    let mut seats: Vec<Vec<_>> = (0..workers).map(|_| Vec::new()).collect();
    let mut listening = Vec::new();
    for (at, node) in plan.receivers.iter().enumerate() {
        let label = Label {
            kind: Kind::Receiver,
            id: node.id.clone(),
            signal: None,
            pipeline: None,
        };
        let host = Host {
            budget: Arc::clone(&shared.budget),
            metrics: shared.metrics.clone(),
            clock: shared.clock,
            label,
            extensions: shared.extensions.clone(),
        };
        let receiver = (node.build.make)(&host).map_err(|text| StartError {
            component: format!("receiver {}", node.id),
            text,
        })?;
        listening.extend(
            receiver
                .listening()
                .into_iter()
                .map(|l| (node.id.clone(), l)),
        );
        for (worker, seat) in receiver.seats(workers).into_iter().enumerate() {
            seats[worker].push(thread::SeatOf { receiver: at, seat });
        }
    }
    Ok((listening, seats))
}
