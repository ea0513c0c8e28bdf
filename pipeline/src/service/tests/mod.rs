//! Lanes in a running service, with workers on threads of their own.

mod shards;

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use config::blocks::Ack;
use ledger::{Kind, Reason, Tally};
use otlp::Signal;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::{Service, Shared, Stop};
use crate::batch::Batch;
use crate::clock::Now;
use crate::component::{
    self, BuildExporter, BuildProcessor, BuildReceiver, Exporter, Failure, Flush, Holds, Listening,
    LocalFuture, Outbox, Place, Processor, Query, Receipt, Receiver, Sampling, Seat, State,
    Unanswered,
};
use crate::delivery::{Queue, Settings, Sizer};
use crate::inlet::Inlets;
use crate::plan::{
    EdgeNode, ExporterNode, Identity, PipelineNode, Plan, ProcessorNode, ReceiverNode,
};
use crate::refusal::Refusal;
use crate::shards::Shards;
use crate::share::Outcome;
use crate::testkit;

/// What may take this long on a busy machine has failed.
const LONG: Duration = Duration::from_secs(20);

type Answer = Result<Outcome, Refusal>;
type Offer = (Batch, oneshot::Sender<Answer>);

// === the components ===

/// Offers on each worker what the test sends there.
struct Doors(Vec<mpsc::Receiver<Offer>>);

impl Receiver for Doors {
    fn listening(&self) -> Vec<Listening> {
        Vec::new()
    }

    fn seats(self: Box<Self>, _workers: usize) -> Vec<Seat> {
        let seat =
            |offers| -> Seat { Box::new(|inlets, stop| Box::pin(sit(offers, inlets, stop))) };
        self.0.into_iter().map(seat).collect()
    }
}

async fn sit(mut offers: mpsc::Receiver<Offer>, inlets: Inlets, stop: Stop) {
    let inlet = Rc::new(inlets.open(Signal::Traces, "grpc"));
    let mut open = JoinSet::new();
    loop {
        let (batch, answer) = tokio::select! {
            () = stop.draining() => break,
            offer = offers.recv() => match offer {
                Some(offer) => offer,
                None => break,
            },
        };
        let inlet = Rc::clone(&inlet);
        open.spawn_local(async move { answer.send(inlet.offer(batch).await) });
    }
    while open.join_next().await.is_some() {}
}

/// What the instances of one processor have in common with its test.
#[derive(Clone)]
struct Meeting {
    instances: Arc<AtomicUsize>,
    /// Items that one instance holds before it admits no more.
    size: u64,
    /// Lets go of what is held.
    open: Arc<watch::Sender<bool>>,
}

impl Meeting {
    fn of(size: u64) -> Self {
        Self {
            instances: Arc::default(),
            size,
            open: Arc::new(watch::Sender::new(false)),
        }
    }

    fn node(&self, id: &str, place: Place, number: usize) -> ProcessorNode {
        let meeting = self.clone();
        let make = move |_: &component::Host| {
            meeting.instances.fetch_add(1, Ordering::SeqCst);
            let instance = Hall {
                meeting: meeting.clone(),
                held: None,
                next: None,
            };
            Ok(Box::new(instance) as Box<dyn Processor>)
        };
        let holds = if self.size == 0 {
            Holds::Nothing
        } else {
            Holds::Items
        };
        ProcessorNode {
            id: id.into(),
            identity: Identity::numbered(number),
            build: Arc::new(BuildProcessor {
                make: Arc::new(make),
                holds,
                place,
                shards: 1,
                sampling: Sampling::None,
            }),
            samplers: Arc::default(),
        }
    }
}

/// A batch of so many items is never admitted.
const UNWANTED: u64 = 9999;

/// Holds what it is given until it is opened; one of no size passes it on.
struct Hall {
    meeting: Meeting,
    held: Option<Batch>,
    next: Option<Duration>,
}

impl Processor for Hall {
    fn admit(&self, batch: &Batch, _now: Now) -> Result<(), Refusal> {
        if batch.items() == UNWANTED {
            return Err(Refusal::never(Reason::MetadataCardinality, "unwanted"));
        }
        let held = self.held.as_ref().map_or(0, Batch::items);
        match self.meeting.size > 0 && held >= self.meeting.size {
            true => Err(Refusal::later(Reason::QueueFull, "the hall is full")),
            false => Ok(()),
        }
    }

    fn process(&mut self, batch: Batch, now: Now, out: &mut Outbox) {
        if self.meeting.size == 0 {
            return out.push(batch);
        }
        self.next = Some(now.mono);
        match &mut self.held {
            Some(held) => held.append(batch),
            None => self.held = Some(batch),
        }
    }

    fn deadline(&self) -> Option<Duration> {
        self.next
    }

    fn tick(&mut self, now: Now, out: &mut Outbox) {
        if *self.meeting.open.borrow() {
            self.flush(now, out);
        } else {
            self.next = Some(now.mono + Duration::from_millis(5));
        }
    }

    fn flush(&mut self, _now: Now, out: &mut Outbox) -> Flush {
        self.next = None;
        self.held.take().into_iter().for_each(|held| out.push(held));
        Flush::Done
    }

    fn ask(&self, _query: &Query, _now: Now) -> component::Answer {
        match self.held.as_ref().map(Batch::items) {
            None => component::Answer::None,
            Some(held) => component::Answer::Known(held.into()),
        }
    }

    fn yield_state(&mut self, heirs: Shards) -> Vec<State> {
        self.next = None;
        let mut parts: Vec<Option<Batch>> = (0..heirs.count()).map(|_| None).collect();
        let held = self.held.take().map(|held| heirs.divide(held));
        for (at, part) in held.into_iter().flatten() {
            parts[at] = Some(part);
        }
        let states = parts.into_iter();
        states.map(|part| Box::new(part) as State).collect()
    }

    fn adopt(&mut self, state: State, now: Now, out: &mut Outbox) {
        let held = state.downcast::<Option<Batch>>().expect("a hall's state");
        held.into_iter()
            .for_each(|held| self.process(held, now, out));
    }
}

/// Takes everything.
struct Sink(Arc<AtomicU64>);

impl Exporter for Sink {
    fn export<'a>(&'a self, batch: &'a Batch) -> LocalFuture<'a, Result<Receipt, Failure>> {
        self.0.fetch_add(batch.items(), Ordering::SeqCst);
        Box::pin(std::future::ready(Ok(Receipt::default())))
    }
}

// === the service ===

struct Rig {
    shared: Shared,
    service: Service,
    doors: Vec<mpsc::Sender<Offer>>,
    arrived: Arc<AtomicU64>,
}

/// Pipelines one after the other, each through a connector to the next.
fn plan(
    doors: Vec<mpsc::Receiver<Offer>>,
    pipelines: Vec<Vec<ProcessorNode>>,
    arrived: &Arc<AtomicU64>,
) -> Plan {
    let doors = Mutex::new(Some(doors));
    let feeds = [vec![0], Vec::new(), Vec::new()];
    let receiver = ReceiverNode {
        id: "doors".into(),
        identity: Identity::default(),
        build: BuildReceiver {
            make: Arc::new(move |_| Ok(Box::new(Doors(doors.lock().unwrap().take().unwrap())))),
            ack: Ack::Accepted,
        },
        feeds,
    };
    let queue = Queue {
        consumers: 1,
        size: 10,
        sizer: Sizer::Requests,
        wait_for_result: true,
        block_on_overflow: false,
        merge: None,
    };
    let arrived = Arc::clone(arrived);
    let exporter = ExporterNode {
        id: "sink".into(),
        signal: Signal::Traces,
        identity: Identity::default(),
        build: Arc::new(BuildExporter {
            make: Arc::new(move |_| Ok(Box::new(Sink(Arc::clone(&arrived))))),
            delivery: Settings {
                queue: Some(queue),
                retry: None,
                timeout: None,
                in_order: false,
            },
            labels: Default::default(),
        }),
    };
    let last = pipelines.len() - 1;
    let pipelines = pipelines.into_iter().enumerate();
    let pipelines = pipelines.map(|(at, processors)| PipelineNode {
        id: format!("traces/{at}"),
        signal: Signal::Traces,
        makes: None,
        processors,
        edges: vec![match at == last {
            true => EdgeNode::Exporter(0),
            false => EdgeNode::Connector {
                id: "forward".into(),
                targets: vec![at + 1],
                makers: Vec::new(),
            },
        }],
    });
    Plan {
        receivers: vec![receiver],
        pipelines: pipelines.collect(),
        exporters: vec![exporter],
        extensions: Vec::new(),
    }
}

impl Rig {
    fn start(workers: usize, pipelines: Vec<Vec<ProcessorNode>>) -> Self {
        let (doors, offers) = (0..workers).map(|_| mpsc::channel(1)).unzip();
        let (shared, arrived) = (testkit::shared(), Arc::default());
        let plan = plan(offers, pipelines, &arrived);
        let service = Service::start_on(workers, plan, &shared).unwrap();
        Self {
            shared,
            service,
            doors,
            arrived,
        }
    }

    /// The same receiver and exporter with other processors between them.
    fn reload(&mut self, processors: Vec<ProcessorNode>) {
        let plan = plan(Vec::new(), vec![processors], &self.arrived);
        self.service.reload(plan, &self.shared, LONG).unwrap();
    }

    fn begin(&self, worker: usize, items: u64) -> oneshot::Receiver<Answer> {
        let bytes = bytes::Bytes::from_static(b"0123456789");
        self.begin_batch(worker, Batch::new(Signal::Traces, bytes, items))
    }

    fn begin_batch(&self, worker: usize, batch: Batch) -> oneshot::Receiver<Answer> {
        let (answer, answered) = oneshot::channel();
        self.doors[worker]
            .blocking_send((batch, answer))
            .ok()
            .unwrap();
        answered
    }

    fn offer(&self, worker: usize, items: u64) -> Answer {
        self.begin(worker, items).blocking_recv().unwrap()
    }

    fn tally(&self, kind: Kind, id: &str) -> Tally {
        let rows = self.shared.books.tallies().into_iter();
        let mut rows = rows.filter(|(key, _)| key.kind == kind && key.id == id);
        let tally = rows.next().map(|(_, tally)| tally).unwrap_or_default();
        assert!(rows.next().is_none(), "{id} has several accounts");
        tally
    }

    fn processor(&self, id: &str) -> Tally {
        self.tally(Kind::Processor, id)
    }

    fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::SeqCst)
    }

    /// What the instances that hold something say they hold.
    fn held(&self) -> Result<Vec<component::Answer>, Unanswered> {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        let query = Query::Why {
            trace_id: [1; 16],
            shows_values: false,
        };
        runtime.block_on(self.service.questions().ask(&query))
    }

    fn ended(&mut self) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        let ended = async { tokio::time::timeout(LONG, self.service.ended()).await };
        runtime.block_on(ended).expect("the service ends");
    }

    fn drain(&mut self) {
        self.service.drain();
        self.ended();
        self.check_books();
    }

    /// Nothing is held, and what one node has passed on the next has taken.
    fn check_books(&self) {
        let rows = self.shared.books.tallies();
        for (key, tally) in &rows {
            assert_eq!(tally.held(), 0, "{key:?}");
        }
        let of = |kind: Kind| rows.iter().filter(move |(key, _)| key.kind == kind);
        let passed: u64 = of(Kind::Receiver).map(|(_, tally)| tally.passed).sum();
        let exporter: u64 = of(Kind::Exporter).map(|(_, tally)| tally.taken).sum();
        let lost = |(_, tally): &(_, Tally)| tally.dropped_total() + tally.rejected_total();
        let lost: u64 = of(Kind::Processor).map(lost).sum();
        assert_eq!(passed, lost + exporter, "{rows:#?}");
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the workers are threads of their own, and this is the wait for a condition"
)]
fn wait_until(what: &str, done: impl Fn() -> bool) {
    let clock = crate::clock::Clock::start();
    while !done() {
        assert!(clock.now().mono < LONG, "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn owner(meeting: &Meeting) -> ProcessorNode {
    meeting.node("owner", Place::Owner, 0)
}

fn everywhere() -> ProcessorNode {
    Meeting::of(0).node("everywhere", Place::Worker, 0)
}

#[test]
fn what_comes_in_on_all_workers_meets_in_one_instance_and_draining_loses_nothing() {
    let (here, there, behind) = (Meeting::of(0), Meeting::of(u64::MAX), Meeting::of(0));
    let chain = vec![
        here.node("here", Place::Worker, 0),
        there.node("there", Place::Owner, 0),
        behind.node("behind", Place::Worker, 0),
    ];
    let mut rig = Rig::start(3, vec![chain]);
    for at in 0..300 {
        assert_eq!(rig.offer(at % 3, 2), Ok(Outcome::Delivered));
    }
    wait_until("the owner has all", || rig.processor("there").taken == 600);
    assert_eq!(rig.processor("there").held(), 600);
    let instances = [&here, &there, &behind].map(|m| m.instances.load(Ordering::SeqCst));
    assert_eq!(instances, [3, 1, 1]);
    rig.drain();
    assert_eq!(rig.arrived(), 600);
}

#[test]
fn lanes_behind_lanes_drain_in_order() {
    let meetings = [(); 4].map(|()| Meeting::of(u64::MAX));
    let pipeline = |(at, meeting): (usize, &Meeting)| {
        vec![
            everywhere(),
            meeting.node(&format!("owner/{at}"), Place::Owner, 0),
        ]
    };
    let pipelines = meetings.iter().enumerate().map(pipeline);
    let mut rig = Rig::start(2, pipelines.collect());
    for at in 0..100 {
        assert_eq!(rig.offer(at % 2, 1), Ok(Outcome::Delivered));
    }
    rig.drain();
    assert_eq!(rig.arrived(), 100);
    assert_eq!(rig.processor("owner/3").passed, 100);
}

/// Offers single items on both workers until neither takes any more; how many were taken.
fn fill(rig: &Rig) -> u64 {
    let fill = |worker| {
        let taken = (0..).take_while(|_| rig.offer(worker, 1).is_ok()).count();
        taken as u64
    };
    fill(0) + fill(1)
}

/// In the hall, before it in the lane's queue, and parked on an edge of each worker.
const FULL: u64 = 2 + 256 + 2;

#[test]
fn a_full_lane_closes_the_door_and_opens_it_again() {
    let meeting = Meeting::of(2);
    let mut rig = Rig::start(2, vec![vec![everywhere(), owner(&meeting)]]);
    assert_eq!(fill(&rig), FULL);
    let refused = rig.tally(Kind::Receiver, "doors").rejected;
    assert_eq!(refused[Reason::QueueFull as usize], 2);
    let held = [rig.begin(0, 1), rig.begin(1, 1)];
    meeting.open.send_replace(true);
    for held in held {
        assert_eq!(held.blocking_recv().unwrap(), Ok(Outcome::Delivered));
    }
    wait_until("all has arrived", || rig.arrived() == FULL + 2);
    rig.drain();
}

#[test]
fn what_a_lane_holds_at_the_deadline_is_counted() {
    let meeting = Meeting::of(2);
    let mut rig = Rig::start(2, vec![vec![everywhere(), owner(&meeting)]]);
    assert_eq!(fill(&rig), FULL);
    rig.service.abandon();
    rig.ended();
    rig.check_books();
    let shutdown = |tally: Tally| tally.dropped[Reason::Shutdown as usize];
    let exporter = rig.tally(Kind::Exporter, "sink");
    let lost = shutdown(rig.processor("owner")) + shutdown(exporter);
    assert_eq!(lost, FULL);
    assert_eq!(rig.processor("owner").taken, FULL);
}

#[test]
fn what_a_lane_will_never_take_is_counted_and_stops_nobody() {
    let mut rig = Rig::start(2, vec![vec![owner(&Meeting::of(0))]]);
    let unwanted = Outcome::Permanent(Reason::MetadataCardinality);
    assert_eq!(rig.offer(0, UNWANTED), Ok(unwanted));
    assert_eq!(rig.offer(1, 1), Ok(Outcome::Delivered));
    rig.drain();
    let tally = rig.processor("owner");
    let rejected = tally.rejected[Reason::MetadataCardinality as usize];
    assert_eq!(
        (tally.taken, tally.passed, rejected),
        (UNWANTED + 1, 1, UNWANTED)
    );
}

#[test]
fn who_waits_for_an_exporter_behind_a_lane_is_answered_by_it() {
    let mut rig = Rig::start(2, vec![vec![owner(&Meeting::of(0))]]);
    for at in 0..20 {
        assert_eq!(rig.offer(at % 2, 1), Ok(Outcome::Delivered));
        assert_eq!(rig.arrived(), at as u64 + 1);
    }
    rig.drain();
}

#[test]
fn a_reload_keeps_a_lane_whose_part_is_the_same() {
    let meeting = Meeting::of(u64::MAX);
    let mut rig = Rig::start(2, vec![vec![owner(&meeting)]]);
    for at in 0..10 {
        rig.offer(at % 2, 1).unwrap();
        let before = (at % 3 == 0).then(everywhere);
        rig.reload(before.into_iter().chain([owner(&meeting)]).collect());
    }
    wait_until("it holds all", || rig.processor("owner").held() == 10);
    assert_eq!(meeting.instances.load(Ordering::SeqCst), 1);
    assert_eq!(rig.arrived(), 0);
    rig.drain();
    assert_eq!(rig.arrived(), 10);
}

#[test]
fn a_changed_owner_hands_what_it_holds_to_its_successor() {
    let meeting = Meeting::of(u64::MAX);
    let mut rig = Rig::start(2, vec![vec![owner(&meeting)]]);
    for at in 0..10 {
        rig.offer(at % 2, 1).unwrap();
        let changed = meeting.node("owner", Place::Owner, at + 1);
        rig.reload(vec![changed, everywhere()]);
    }
    wait_until("it holds all", || rig.processor("owner").held() == 10);
    assert_eq!(meeting.instances.load(Ordering::SeqCst), 11);
    assert_eq!(rig.arrived(), 0, "nothing was let go before its time");
    // Another one before it takes over the way in, with what is there.
    let first = Meeting::of(0).node("first", Place::Owner, 0);
    rig.reload(vec![first, meeting.node("owner", Place::Owner, 10)]);
    rig.offer(0, 1).unwrap();
    rig.drain();
    assert_eq!(rig.arrived(), 11);
    assert_eq!(rig.processor("first").passed, 1);
}

#[test]
fn lanes_come_and_go_without_loss() {
    let meeting = Meeting::of(u64::MAX);
    let mut rig = Rig::start(2, vec![vec![everywhere()]]);
    // Where a processor moves between the workers and the lane the pipeline begins anew.
    let shapes = [
        || vec![],
        || vec![everywhere()],
        || vec![Meeting::of(0).node("other", Place::Owner, 0), everywhere()],
    ];
    for (round, shape) in (0..30).zip(shapes.iter().cycle()) {
        let mut processors = shape();
        if round % 2 == 0 {
            processors.push(owner(&meeting));
        }
        for at in 0..4 {
            rig.offer(at % 2, 1).unwrap();
        }
        rig.reload(processors);
    }
    rig.drain();
    assert_eq!(rig.arrived(), 120);
}

#[test]
fn whoever_knows_is_asked_on_workers_and_lanes_before_and_after_a_reload() {
    let (here, there) = (Meeting::of(u64::MAX), Meeting::of(u64::MAX));
    let owner = |number| there.node("there", Place::Owner, number);
    let chain = vec![here.node("here", Place::Worker, 0), owner(0)];
    let known = |held: &[u64]| {
        let known = held
            .iter()
            .map(|&held| component::Answer::Known(held.into()));
        Ok(known.collect::<Vec<_>>())
    };
    let mut rig = Rig::start(2, vec![chain]);
    assert_eq!(rig.held(), known(&[]));
    rig.offer(0, 3).unwrap();
    rig.offer(1, 4).unwrap();
    assert_eq!(
        rig.held(),
        known(&[3, 4]),
        "each worker answers for its own"
    );
    rig.reload(vec![owner(1)]);
    wait_until("the owner, who runs now, answers for all", || {
        rig.held() == known(&[7])
    });
    rig.drain();
    assert_eq!(rig.held(), Err(Unanswered::Stopping));
}
