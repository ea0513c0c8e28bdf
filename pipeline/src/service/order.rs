//! What the main thread tells the workers, in two steps: prepare, which may fail and changes nothing, and commit.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use ledger::Limits;

use super::{Shared, StartError};
use crate::component::{Listening, Questions, Seat};
use crate::delivery::{Entries, Intake, Room};
use crate::door::Door;
use crate::handover::{Heirs, Inheritance};
use crate::plan::{Heritage, Plan};

/// What one worker is to do. It answers when it has.
pub(super) enum Order {
    /// Build what is new, beside what runs.
    Prepare(Box<Job>, mpsc::Sender<Prepared>),
    /// Put what was prepared in the place of what runs, which is given this long to end.
    Commit(Duration, mpsc::Sender<()>),
    /// Drop what was prepared: some other part has failed.
    Discard,
}

/// What a worker has to say of what it has built, or why something could not be.
pub(super) type Prepared = Result<Readiness, StartError>;

/// What of a worker's part of a generation others have to know.
#[derive(Default)]
pub(super) struct Readiness {
    /// The lowest limits on memory that the processors ask for.
    pub(super) limits: Option<Limits>,
    /// Where the exporters that are new here listen, by their place in the plan.
    pub(super) exporting: Vec<(usize, Vec<Listening>)>,
}

/// What every worker builds from.
pub(super) struct Blueprint {
    pub(super) plan: Arc<Plan>,
    pub(super) heritage: Heritage,
    pub(super) shared: Shared,
    pub(super) questions: Questions,
}

/// What one worker is given.
pub(super) struct Job {
    pub(super) blueprint: Arc<Blueprint>,
    /// By the plan's exporters; `None` where the worker has it.
    pub(super) intakes: Vec<Option<Intake>>,
    /// New exporters that live here.
    pub(super) homes: Vec<Home>,
    /// By the plan's pipelines and their sections; empty where the worker has them, or there are none.
    pub(super) lanes: Vec<Vec<NewSection>>,
    /// Of new receivers.
    pub(super) seats: Vec<SeatOf>,
}

/// An exporter that is to live on this worker.
pub(super) struct Home {
    pub(super) exporter: usize,
    pub(super) room: Arc<Room>,
    pub(super) entries: Entries,
}

/// The way to the new lanes of one section, and those of them that are to live on this worker.
pub(super) struct NewSection {
    pub(super) door: Door,
    pub(super) homes: Vec<NewLane>,
    /// Where the old lanes that live on this worker are to hand over.
    pub(super) heirs: Option<Heirs>,
}

/// A lane that is to live on this worker.
pub(super) struct NewLane {
    pub(super) room: Arc<Room>,
    pub(super) entries: Entries,
    pub(super) inheritance: Option<Inheritance>,
}

/// This worker's half of a receiver.
pub(super) struct SeatOf {
    pub(super) receiver: usize,
    pub(super) seat: Seat,
}

impl Job {
    pub(super) fn new(blueprint: Arc<Blueprint>) -> Self {
        Self {
            blueprint,
            intakes: Vec::new(),
            homes: Vec::new(),
            lanes: Vec::new(),
            seats: Vec::new(),
        }
    }
}
