//! One worker's chains between an inlet and the doors of exporters, on paused time.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ledger::{Account, Books, Budget, Reason, Tally};
use otlp::Signal;

use super::{Chain, Slot, Stage};
use crate::batch::Batch;
use crate::clock::{Clock, Now};
use crate::component::{Flush, Outbox, Processor};
use crate::delivery::{Entries, Intake, Queue, Room, Settings, Sizer};
use crate::edge::{ConnectorEdge, Edge, ExporterEdge};
use crate::inlet::{Feed, HOLD_MAX, Inlet, Inlets, UNREAD};
use crate::refusal::{Refusal, Refusals};
use crate::share::Outcome;
use crate::worker::Worker;

/// Holds what it is given until a second has passed.
#[derive(Default)]
struct Holding {
    held: Option<Batch>,
    until: Duration,
}

impl Processor for Holding {
    fn process(&mut self, batch: Batch, now: Now, _out: &mut Outbox) {
        match &mut self.held {
            Some(held) => held.append(batch),
            None => {
                self.until = now.mono + Duration::from_secs(1);
                self.held = Some(batch);
            }
        }
    }

    fn deadline(&self) -> Option<Duration> {
        self.held.as_ref().map(|_| self.until)
    }

    fn tick(&mut self, _now: Now, out: &mut Outbox) {
        if let Some(batch) = self.held.take() {
            out.push(batch);
        }
    }

    fn flush(&mut self, now: Now, out: &mut Outbox) -> Flush {
        self.tick(now, out);
        Flush::Done
    }
}

/// Takes nothing from the given moment on.
struct Closed(Duration);

impl Processor for Closed {
    fn admit(&self, _batch: &Batch, now: Now) -> Result<(), Refusal> {
        match now.mono < self.0 {
            true => Ok(()),
            false => Err(Refusal::later(Reason::MemoryLimit, "full")),
        }
    }

    fn process(&mut self, batch: Batch, _now: Now, out: &mut Outbox) {
        out.push(batch);
    }
}

/// Passes each item on in a batch of its own.
struct Bursting;

impl Processor for Bursting {
    fn process(&mut self, input: Batch, _now: Now, out: &mut Outbox) {
        (0..input.items()).for_each(|_| out.push(batch(1)));
    }
}

/// The door of an exporter whose queue takes `size` requests and is never emptied by itself.
struct Door {
    intake: Intake,
    entries: Entries,
    account: Arc<Account>,
}

fn door(size: u64) -> Door {
    door_that(false, size)
}

/// `answers`: whoever sends there waits for the result.
fn door_that(answers: bool, size: u64) -> Door {
    let queue = Queue {
        consumers: 1,
        size,
        sizer: Sizer::Requests,
        wait_for_result: answers,
        block_on_overflow: false,
        merge: None,
    };
    let settings = Settings {
        queue: Some(queue),
        retry: None,
        timeout: None,
        in_order: false,
    };
    let account = Arc::new(Account::default());
    let room = Room::new(&settings, 1 << 30, Arc::clone(&account));
    let (intake, entries) = Intake::new(room);
    Door {
        intake,
        entries,
        account,
    }
}

impl Door {
    /// Delivers one batch and gives its room back.
    fn deliver(&mut self) -> u64 {
        let (batch, permit) = self.entries.try_recv().expect("a batch is in the queue");
        self.account.pass(batch.items());
        let items = batch.items();
        batch.resolve(Outcome::Delivered);
        drop(permit);
        items
    }

    fn tally(&self) -> Tally {
        self.account.tally()
    }
}

fn edge(worker: &Rc<Worker>, door: &Door, blocking: bool) -> Edge {
    let edge = ExporterEdge::new(crate::door::Door::new([door.intake.clone()]), blocking);
    tokio::task::spawn_local(Rc::clone(&edge).keep_moving(Rc::clone(worker)));
    Edge::Exporter(edge)
}

fn chain(
    worker: &Rc<Worker>,
    processors: Vec<Box<dyn Processor>>,
    edges: Vec<Edge>,
) -> (Rc<Chain>, Vec<Arc<Account>>) {
    let accounts: Vec<_> = processors
        .iter()
        .map(|_| Arc::new(Account::default()))
        .collect();
    let stages = processors.into_iter().zip(&accounts);
    let stages = stages
        .map(|(p, account)| Slot::New {
            stage: Stage::new(p, Arc::clone(account)),
            after: None,
        })
        .collect();
    let chain = Chain::new(Rc::clone(worker));
    chain.refit(stages, edges, false);
    tokio::task::spawn_local(Rc::clone(&chain).keep_time());
    (chain, accounts)
}

struct Bench {
    worker: Rc<Worker>,
    books: Arc<Books>,
}

impl Bench {
    fn new() -> Self {
        Self {
            worker: Worker::new(Clock::start()),
            books: Arc::default(),
        }
    }

    fn inlet(&self, chains: &[Rc<Chain>], waits: bool) -> Inlet {
        self.worker.adopt(chains);
        let mut rooms = Vec::new();
        chains.iter().for_each(|chain| chain.pacing(&mut rooms));
        let feed = Feed {
            chains: chains.iter().cloned().collect(),
            waits,
            promised: false,
            rooms,
        };
        let inlets = Inlets {
            worker: Rc::clone(&self.worker),
            books: Arc::clone(&self.books),
            budget: Budget::new(1 << 30),
            id: "otlp".into(),
            refusals: Rc::new(Refusals::new("otlp", &crate::testkit::shared())),
            unread: telemetry::metrics::Metrics::default().counter(&UNREAD, &[]),
            feeds: Rc::default(),
        };
        inlets.feeds.set(Signal::Traces, feed);
        inlets.open(Signal::Traces, "grpc")
    }

    fn receiver(&self) -> Tally {
        self.books
            .tallies()
            .first()
            .map(|(_, tally)| *tally)
            .unwrap_or_default()
    }

    fn seconds(&self) -> f64 {
        self.worker.clock.now().mono.as_secs_f64()
    }
}

fn batch(items: u64) -> Batch {
    Batch::new(
        Signal::Traces,
        bytes::Bytes::from_static(b"0123456789"),
        items,
    )
}

fn on_worker(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap()
        .block_on(test);
}

/// Lets every task that can run do so.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_lone_exporter_that_is_full_stops_its_senders_before_they_are_acknowledged() {
    on_worker(async {
        let bench = Bench::new();
        let mut door = door(2);
        let (chain, _) = chain(
            &bench.worker,
            vec![],
            vec![edge(&bench.worker, &door, true)],
        );
        let inlet = bench.inlet(&[chain], false);
        // Two in the queue, one parked on the edge.
        for _ in 0..3 {
            assert_eq!(inlet.offer(batch(1)).await, Ok(Outcome::Delivered));
        }
        let refusal = inlet.offer(batch(5)).await.unwrap_err();
        assert_eq!(refusal.reason, Reason::QueueFull);
        assert!(
            bench.seconds() >= HOLD_MAX.as_secs_f64(),
            "it was held first"
        );
        assert_eq!(bench.receiver().rejected[Reason::QueueFull as usize], 5);
        for _ in 0..2 {
            door.deliver();
        }
        settle().await;
        assert_eq!(door.deliver(), 1, "the parked batch has moved up");
        assert_eq!((door.tally().taken, door.tally().passed), (3, 3));
    });
}

#[test]
fn a_request_that_is_held_goes_in_as_soon_as_there_is_room() {
    on_worker(async {
        let bench = Bench::new();
        let mut door = door(1);
        let (chain, _) = chain(
            &bench.worker,
            vec![],
            vec![edge(&bench.worker, &door, true)],
        );
        let inlet = Rc::new(bench.inlet(&[chain], false));
        inlet.offer(batch(1)).await.unwrap();
        inlet.offer(batch(2)).await.unwrap();
        let waiting = Rc::clone(&inlet);
        let held = tokio::task::spawn_local(async move { waiting.offer(batch(3)).await });
        settle().await;
        assert!(!held.is_finished());
        door.deliver();
        assert_eq!(held.await.unwrap(), Ok(Outcome::Delivered));
        assert!(
            bench.seconds() < 0.1,
            "room was noticed at once, not by the clock"
        );
    });
}

#[test]
fn a_dead_exporter_never_stops_its_sibling() {
    on_worker(async {
        let bench = Bench::new();
        let dead = door(1);
        let mut live = door(100);
        let edges = vec![
            edge(&bench.worker, &dead, false),
            edge(&bench.worker, &live, false),
        ];
        let (chain, _) = chain(&bench.worker, vec![], edges);
        let inlet = bench.inlet(&[chain], false);
        for _ in 0..10 {
            assert_eq!(inlet.offer(batch(1)).await, Ok(Outcome::Delivered));
            assert_eq!(live.deliver(), 1);
        }
        assert_eq!(bench.seconds(), 0.0, "nobody waited");
        let tally = dead.tally();
        // One in the queue, one parked, the rest counted as lost for this exporter.
        assert_eq!(
            (tally.taken, tally.dropped[Reason::QueueFull as usize]),
            (9, 8)
        );
        assert_eq!((live.tally().taken, live.tally().passed), (10, 10));
    });
}

#[test]
fn a_request_is_taken_by_every_pipeline_or_by_none() {
    on_worker(async {
        let bench = Bench::new();
        let (first, second) = (door(100), door(100));
        let open = chain(
            &bench.worker,
            vec![],
            vec![edge(&bench.worker, &first, true)],
        )
        .0;
        let closing = Box::new(Closed(Duration::from_secs(1)));
        let (closing, accounts) = chain(
            &bench.worker,
            vec![closing],
            vec![edge(&bench.worker, &second, true)],
        );
        let inlet = bench.inlet(&[open, closing], false);
        inlet.offer(batch(1)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let refusal = inlet.offer(batch(2)).await.unwrap_err();
        assert_eq!(
            (refusal.reason, refusal.text),
            (Reason::MemoryLimit, "full")
        );
        assert_eq!(
            first.tally().taken,
            1,
            "the open pipeline has not seen what was refused"
        );
        assert_eq!(accounts[0].tally().taken, 1);
    });
}

#[test]
fn a_processor_that_holds_is_ticked_at_its_deadline() {
    on_worker(async {
        let bench = Bench::new();
        let mut door = door(100);
        let holding = Box::<Holding>::default();
        let (chain, accounts) = chain(
            &bench.worker,
            vec![holding],
            vec![edge(&bench.worker, &door, true)],
        );
        let inlet = bench.inlet(&[chain], false);
        inlet.offer(batch(1)).await.unwrap();
        inlet.offer(batch(2)).await.unwrap();
        assert_eq!(accounts[0].tally().held(), 3);
        tokio::time::sleep(Duration::from_millis(1001)).await;
        assert_eq!(door.deliver(), 3);
        assert_eq!(accounts[0].tally().held(), 0);
    });
}

#[test]
fn what_one_call_emits_beyond_the_room_stays_and_goes_on_when_there_is_room() {
    on_worker(async {
        let bench = Bench::new();
        let mut door = door(1);
        let (chain, _) = chain(
            &bench.worker,
            vec![Box::new(Bursting)],
            vec![edge(&bench.worker, &door, true)],
        );
        let inlet = bench.inlet(&[chain], false);
        inlet.offer(batch(4)).await.unwrap();
        assert_eq!(
            inlet.offer(batch(4)).await.unwrap_err().reason,
            Reason::QueueFull
        );
        for _ in 0..4 {
            assert_eq!(door.deliver(), 1);
            settle().await;
        }
        assert_eq!((door.tally().taken, door.tally().passed), (4, 4));
        assert_eq!(inlet.offer(batch(1)).await, Ok(Outcome::Delivered));
    });
}

#[test]
fn draining_empties_processors_and_edges_front_to_back() {
    on_worker(async {
        let bench = Bench::new();
        let mut door = door(100);
        let holding = Box::<Holding>::default();
        let (chain, accounts) = chain(
            &bench.worker,
            vec![holding],
            vec![edge(&bench.worker, &door, true)],
        );
        let inlet = bench.inlet(&[Rc::clone(&chain)], false);
        inlet.offer(batch(7)).await.unwrap();
        chain.drain().await;
        assert_eq!(bench.seconds(), 0.0, "a drain does not wait for deadlines");
        assert_eq!((door.deliver(), accounts[0].tally().held()), (7, 0));
    });
}

#[test]
fn what_is_abandoned_is_counted_wherever_it_was() {
    on_worker(async {
        let bench = Bench::new();
        let door = door(1);
        let holding = Box::<Holding>::default();
        let (chain, accounts) = chain(
            &bench.worker,
            vec![holding],
            vec![edge(&bench.worker, &door, true)],
        );
        let inlet = bench.inlet(&[Rc::clone(&chain)], false);
        for _ in 0..2 {
            inlet.offer(batch(1)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(1100)).await;
        }
        chain.abandon();
        assert_eq!(accounts[0].tally().held(), 0);
        let tally = door.tally();
        assert_eq!(
            (tally.taken, tally.dropped[Reason::Shutdown as usize]),
            (2, 1)
        );
        assert_eq!(
            tally.held(),
            1,
            "what is in the queue is the exporter's to settle"
        );
    });
}

#[test]
fn a_connector_leads_from_chain_to_chain_and_back_pressure_leads_back() {
    on_worker(async {
        let bench = Bench::new();
        let mut door = door(1);
        let behind = chain(
            &bench.worker,
            vec![],
            vec![edge(&bench.worker, &door, true)],
        )
        .0;
        let account = Arc::new(Account::default());
        let connector = Edge::Connector(ConnectorEdge {
            leads_to_maker: false,
            account: Arc::clone(&account),
            worker: Rc::clone(&bench.worker),
            targets: vec![Rc::clone(&behind)],
        });
        let front = chain(&bench.worker, vec![], vec![connector]).0;
        let inlet = bench.inlet(&[Rc::clone(&front)], false);
        bench.worker.adopt(&[front, behind]);
        inlet.offer(batch(1)).await.unwrap();
        inlet.offer(batch(2)).await.unwrap();
        assert_eq!(
            inlet.offer(batch(4)).await.unwrap_err().reason,
            Reason::QueueFull
        );
        assert_eq!((account.tally().taken, account.tally().passed), (3, 3));
        assert_eq!(door.deliver(), 1);
        settle().await;
        assert_eq!(door.deliver(), 2);
    });
}

/// Counts items, and makes a batch of metrics of the count a second after the first.
#[derive(Default)]
struct Counting {
    counted: u64,
    until: Option<Duration>,
}

impl Processor for Counting {
    fn process(&mut self, batch: Batch, now: Now, out: &mut Outbox) {
        self.counted += batch.items();
        if batch.items() == 9 {
            out.drop_items(2, Reason::Invalid);
        }
        self.until.get_or_insert(now.mono + Duration::from_secs(1));
    }

    fn deadline(&self) -> Option<Duration> {
        self.until
    }

    fn tick(&mut self, _now: Now, out: &mut Outbox) {
        self.until = None;
        let items = std::mem::take(&mut self.counted);
        out.push(Batch::new(Signal::Metrics, "made".into(), items));
    }

    fn flush(&mut self, now: Now, out: &mut Outbox) -> Flush {
        if self.until.is_some() {
            self.tick(now, out);
        }
        Flush::Done
    }
}

/// A chain with a connector that makes a signal, to one door that stops its upstream.
fn counting(bench: &Bench, door: &Door) -> (Rc<Chain>, Arc<Account>) {
    let account = Arc::new(Account::default());
    let chain = Chain::new(Rc::clone(&bench.worker));
    let stage = Stage::maker(Box::<Counting>::default(), Arc::clone(&account));
    let slot = Slot::New { stage, after: None };
    chain.refit(vec![slot], vec![edge(&bench.worker, door, true)], false);
    tokio::task::spawn_local(Rc::clone(&chain).keep_time());
    (chain, account)
}

#[test]
fn a_connector_takes_what_comes_while_what_it_made_waits_for_room() {
    on_worker(async {
        let bench = Bench::new();
        let mut door = door(1);
        let (chain, account) = counting(&bench, &door);
        let inlet = bench.inlet(&[Rc::clone(&chain)], false);
        bench.worker.adopt(&[chain]);
        // One batch in the queue, one parked, one in the outbox, and then those that are counted together.
        for _ in 0..3 {
            inlet.offer(batch(1)).await.unwrap();
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        for _ in 0..5 {
            inlet.offer(batch(1)).await.unwrap();
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        assert_eq!(account.tally().passed, 8);
        for expected in [1, 1, 1, 5] {
            assert_eq!(door.deliver(), expected);
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    });
}

#[test]
fn what_a_connector_takes_ends_in_it_but_for_what_it_drops() {
    on_worker(async {
        let bench = Bench::new();
        let door = door(1);
        let (chain, account) = counting(&bench, &door);
        let inlet = bench.inlet(&[Rc::clone(&chain)], true);
        bench.worker.adopt(&[chain]);
        // Whoever waits for a result has it before anything has been made.
        inlet.offer(batch(4)).await.unwrap();
        inlet.offer(batch(9)).await.unwrap();
        let tally = account.tally();
        assert_eq!((tally.taken, tally.passed), (13, 11));
        assert_eq!((tally.dropped_total(), tally.held()), (2, 0));
        assert_eq!(door.tally().taken, 0);
    });
}

#[test]
fn an_exporter_that_is_behind_slows_its_senders_down_but_takes_what_they_have() {
    on_worker(async {
        let bench = Bench::new();
        let mut door = door(100);
        let (chain, _) = chain(
            &bench.worker,
            vec![],
            vec![edge(&bench.worker, &door, true)],
        );
        let inlet = Rc::new(bench.inlet(&[chain], false));
        let large = || Batch::new(Signal::Traces, bytes::Bytes::from(vec![0; 10 << 20]), 1);
        inlet.offer(large()).await.unwrap();
        assert_eq!(bench.seconds(), 0.0);
        inlet.offer(large()).await.unwrap();
        assert!(
            (0.02..0.03).contains(&bench.seconds()),
            "the answer was kept back for a moment"
        );
        let offering = Rc::clone(&inlet);
        let third = tokio::task::spawn_local(async move { offering.offer(large()).await });
        settle().await;
        assert_eq!(door.tally().taken, 3, "the data was not kept back");
        assert_eq!(door.deliver() + door.deliver(), 2);
        third.await.unwrap().unwrap();
        assert!(
            bench.seconds() < 0.03,
            "answered as soon as the exporter caught up"
        );
    });
}

#[test]
fn a_sender_waits_for_the_exporter_where_the_pipeline_asks_for_that() {
    on_worker(async {
        let bench = Bench::new();
        let mut door = door_that(true, 10);
        let (chain, _) = chain(
            &bench.worker,
            vec![],
            vec![edge(&bench.worker, &door, true)],
        );
        let inlet = Rc::new(bench.inlet(&[chain], true));
        let offering = Rc::clone(&inlet);
        let offered = tokio::task::spawn_local(async move { offering.offer(batch(1)).await });
        settle().await;
        assert!(!offered.is_finished(), "answered before the exporter was");
        door.deliver();
        assert_eq!(offered.await.unwrap(), Ok(Outcome::Delivered));
    });
}

#[test]
fn a_sender_waits_for_no_exporter_that_does_not_answer_for_the_whole_way() {
    on_worker(async {
        let bench = Bench::new();
        let (mut answers, queued, behind) = (door_that(true, 10), door(1), door_that(true, 10));
        let direct = chain(
            &bench.worker,
            vec![],
            vec![edge(&bench.worker, &answers, false)],
        )
        .0;
        let full = chain(
            &bench.worker,
            vec![],
            vec![edge(&bench.worker, &queued, false)],
        )
        .0;
        let stages = vec![Slot::New {
            stage: Stage::new(Box::<Holding>::default(), Arc::default()),
            after: None,
        }];
        let edges = vec![edge(&bench.worker, &behind, false)];
        let holding = Chain::new(Rc::clone(&bench.worker));
        holding.refit(stages, edges, true);
        let inlet = Rc::new(bench.inlet(&[direct, full, holding], true));
        for _ in 0..3 {
            let offering = Rc::clone(&inlet);
            let offered = tokio::task::spawn_local(async move { offering.offer(batch(1)).await });
            settle().await;
            answers.deliver();
            assert_eq!(offered.await.unwrap(), Ok(Outcome::Delivered));
        }
        assert_eq!(bench.seconds(), 0.0);
        assert_eq!(
            queued.tally().dropped[Reason::QueueFull as usize],
            1,
            "the third, counted"
        );
    });
}

#[test]
fn a_request_whose_sender_goes_while_it_is_held_is_counted_as_refused() {
    on_worker(async {
        let bench = Bench::new();
        let door = door(1);
        let (chain, _) = chain(
            &bench.worker,
            vec![],
            vec![edge(&bench.worker, &door, true)],
        );
        let inlet = bench.inlet(&[chain], false);
        inlet.offer(batch(1)).await.unwrap();
        inlet.offer(batch(2)).await.unwrap();
        let gone = tokio::time::timeout(HOLD_MAX / 2, inlet.offer(batch(4))).await;
        assert!(gone.is_err(), "it is still held: {gone:?}");
        let tally = bench.receiver();
        assert_eq!(
            (tally.rejected[Reason::QueueFull as usize], tally.held()),
            (4, 0)
        );
    });
}

#[test]
fn what_is_held_at_the_drain_deadline_is_refused_at_once() {
    on_worker(async {
        let bench = Bench::new();
        let door = door(1);
        let edges = vec![edge(&bench.worker, &door, true)];
        let (chain, _) = chain(&bench.worker, vec![], edges);
        let inlet = bench.inlet(&[Rc::clone(&chain)], false);
        for _ in 0..2 {
            inlet.offer(batch(1)).await.unwrap();
        }
        let deadline = async {
            settle().await;
            chain.abandon();
        };
        let (refused, ()) = tokio::join!(inlet.offer(batch(2)), deadline);
        assert_eq!(refused.unwrap_err().reason, Reason::Shutdown);
        assert_eq!(bench.seconds(), 0.0, "it went on waiting");
    });
}

#[test]
fn what_comes_after_the_drain_deadline_is_refused_at_once() {
    on_worker(async {
        let bench = Bench::new();
        let door = door(1);
        let (chain, accounts) = chain(
            &bench.worker,
            vec![Box::new(Holding::default())],
            vec![edge(&bench.worker, &door, true)],
        );
        let inlet = bench.inlet(&[Rc::clone(&chain)], false);
        inlet.offer(batch(1)).await.unwrap();
        chain.abandon();
        let refusal = inlet.offer(batch(2)).await.unwrap_err();
        assert_eq!((refusal.reason, bench.seconds()), (Reason::Shutdown, 0.0));
        assert_eq!(
            (accounts[0].tally().held(), bench.receiver().held()),
            (0, 0)
        );
        assert_eq!(door.tally().dropped[Reason::Shutdown as usize], 1);
    });
}
