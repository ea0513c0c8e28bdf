//! Processors that live on shards: who is given what, how shards close their door, and what a reload makes of them.

use std::collections::{BTreeMap, HashMap, HashSet};

use otlp::view::Request;

use super::*;

type TraceId = [u8; 16];

/// What all instances of one sharded processor tell its test.
#[derive(Clone, Default)]
struct Board {
    /// Traces that were let go, each time with so many spans.
    ended: Arc<Mutex<Vec<(TraceId, u64)>>>,
    /// Spans that came to one who does not own their trace.
    strays: Arc<AtomicU64>,
    instances: Arc<AtomicUsize>,
    /// Nobody admits anything any more.
    closed: Arc<watch::Sender<bool>>,
}

/// Counts the spans of each trace until it is flushed, and passes on one batch for each.
struct Keeper {
    board: Board,
    traces: HashMap<TraceId, u64>,
    /// Whose it is, once it has seen what it is given.
    shards: Shards,
    own: Option<usize>,
}

impl Keeper {
    fn see(&mut self, id: TraceId) {
        let owner = self.shards.of(&id);
        if *self.own.get_or_insert(owner) != owner {
            self.board.strays.fetch_add(1, Ordering::SeqCst);
        }
        *self.traces.entry(id).or_default() += 1;
    }
}

fn id_of(item: &otlp::view::Item<'_>) -> TraceId {
    let span = item.span().unwrap().unwrap();
    span.trace_id.try_into().unwrap()
}

impl Processor for Keeper {
    fn admit(&self, _batch: &Batch, _now: Now) -> Result<(), Refusal> {
        match *self.board.closed.borrow() {
            true => Err(Refusal::later(Reason::QueueFull, "closed")),
            false => Ok(()),
        }
    }

    fn process(&mut self, batch: Batch, _now: Now, _out: &mut Outbox) {
        for chunk in batch.chunks() {
            let mut seen = Vec::new();
            match &chunk.selection {
                None => Request::new(Signal::Traces, &chunk.bytes)
                    .for_each_item(|entry| {
                        seen.push(id_of(&entry.item));
                        Ok::<_, otlp::Malformed>(())
                    })
                    .unwrap(),
                Some(selection) => {
                    for resource in selection.resources(&chunk.bytes) {
                        for scope in resource.unwrap().scopes() {
                            seen.extend(scope.unwrap().1.map(|item| id_of(&item)));
                        }
                    }
                }
            }
            assert_eq!(seen.len() as u64, chunk.items);
            seen.into_iter().for_each(|id| self.see(id));
        }
    }

    fn flush(&mut self, _now: Now, out: &mut Outbox) -> Flush {
        for (id, spans) in self.traces.drain() {
            self.board.ended.lock().unwrap().push((id, spans));
            let bytes = bytes::Bytes::from_static(b"0123456789");
            out.push(Batch::new(Signal::Traces, bytes, spans));
        }
        Flush::Done
    }

    fn yield_state(&mut self, heirs: Shards) -> Vec<State> {
        let mut parts = vec![HashMap::new(); heirs.count()];
        for (id, spans) in self.traces.drain() {
            parts[heirs.of(&id)].insert(id, spans);
        }
        let states = parts.into_iter();
        states
            .map(|part: HashMap<TraceId, u64>| Box::new(part) as State)
            .collect()
    }

    fn adopt(&mut self, state: State, _now: Now, _out: &mut Outbox) {
        let traces = state
            .downcast::<HashMap<TraceId, u64>>()
            .expect("a keeper's state");
        for (id, spans) in *traces {
            *self.traces.entry(id).or_default() += spans;
        }
    }
}

impl Board {
    fn node(&self, shards: usize, number: usize) -> ProcessorNode {
        let board = self.clone();
        let make = move |_: &component::Host| {
            board.instances.fetch_add(1, Ordering::SeqCst);
            let keeper = Keeper {
                board: board.clone(),
                traces: HashMap::new(),
                shards: Shards::new(shards),
                own: None,
            };
            Ok(Box::new(keeper) as Box<dyn Processor>)
        };
        ProcessorNode {
            id: "keeper".into(),
            identity: Identity::numbered(number),
            build: Arc::new(BuildProcessor {
                make: Arc::new(make),
                holds: Holds::Items,
                place: Place::Shard,
                shards,
                sampling: Sampling::None,
            }),
            samplers: Arc::default(),
        }
    }

    /// Traces by the numbers of spans with which they were let go.
    fn ended(&self) -> BTreeMap<Vec<u64>, usize> {
        let mut traces: HashMap<TraceId, Vec<u64>> = HashMap::new();
        for (id, spans) in self.ended.lock().unwrap().iter() {
            traces.entry(*id).or_default().push(*spans);
        }
        let mut counts = BTreeMap::new();
        for spans in traces.into_values() {
            *counts.entry(spans).or_default() += 1;
        }
        counts
    }

    fn strays(&self) -> u64 {
        self.strays.load(Ordering::SeqCst)
    }
}

fn behind() -> ProcessorNode {
    Meeting::of(0).node("behind", Place::Worker, 0)
}

/// A request with one span for each of these traces.
fn request(traces: impl Iterator<Item = usize>) -> Batch {
    let span = |trace| format!(r#"{{"traceId":"{trace:032x}"}}"#);
    let spans: Vec<_> = traces.map(span).collect();
    let text = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
        spans.join(",")
    );
    let bytes = otlp::json::decode(Signal::Traces, text.as_bytes()).unwrap();
    Batch::new(Signal::Traces, bytes.into(), spans.len() as u64)
}

fn offer(rig: &Rig, worker: usize, batch: Batch) -> Answer {
    rig.begin_batch(worker, batch).blocking_recv().unwrap()
}

#[test]
fn a_trace_meets_in_one_shard_and_what_is_behind_them_on_one_lane() {
    let board = Board::default();
    let behind = Meeting::of(0);
    let chain = vec![
        everywhere(),
        board.node(3, 0),
        behind.node("behind", Place::Worker, 0),
    ];
    let mut rig = Rig::start(2, vec![chain]);
    for at in 0..20 {
        let batch = request((0..50).map(|trace| trace + 50 * (at % 2)));
        assert_eq!(offer(&rig, at / 2 % 2, batch), Ok(Outcome::Delivered));
    }
    wait_until("the shards have all", || {
        rig.processor("keeper").taken == 1000
    });
    assert_eq!(board.instances.load(Ordering::SeqCst), 3);
    assert_eq!(behind.instances.load(Ordering::SeqCst), 1);
    rig.drain();
    assert_eq!(board.ended(), BTreeMap::from([(vec![10], 100)]));
    assert_eq!((board.strays(), rig.arrived()), (0, 1000));
    assert_eq!(rig.processor("behind").passed, 1000);
}

#[test]
fn shards_with_nothing_behind_lead_to_the_exporters_by_themselves() {
    let board = Board::default();
    let mut rig = Rig::start(2, vec![vec![board.node(4, 0)], Vec::new()]);
    for at in 0..10 {
        assert_eq!(offer(&rig, at % 2, request(0..50)), Ok(Outcome::Delivered));
    }
    rig.drain();
    assert_eq!(board.ended(), BTreeMap::from([(vec![10], 50)]));
    assert_eq!(rig.arrived(), 500);
}

#[test]
fn a_full_shard_closes_the_door_and_takes_nothing_in_part() {
    let board = Board::default();
    let mut rig = Rig::start(2, vec![vec![everywhere(), board.node(2, 0), behind()]]);
    board.closed.send_replace(true);
    // One trace, and so one shard, until it is full; then what goes to both waits, though the other has room.
    let one = || request([7].into_iter());
    let filled = (0..).take_while(|_| offer(&rig, 0, one()).is_ok()).count() as u64;
    assert_eq!(filled, 256 + 1, "before the lane, and parked");
    let taken = rig.processor("keeper").taken;
    assert_eq!(
        offer(&rig, 1, request(0..100)),
        Ok(Outcome::Delivered),
        "it is parked"
    );
    assert_eq!(
        rig.processor("keeper").taken,
        taken,
        "and no part of it is in"
    );
    let held = [0, 1].map(|worker| rig.begin_batch(worker, request(0..100)));
    board.closed.send_replace(false);
    for held in held {
        assert_eq!(held.blocking_recv().unwrap(), Ok(Outcome::Delivered));
    }
    rig.drain();
    assert_eq!((rig.arrived(), board.strays()), (filled + 300, 0));
}

#[test]
fn what_shards_hold_at_the_deadline_is_counted() {
    let board = Board::default();
    let mut rig = Rig::start(2, vec![vec![everywhere(), board.node(3, 0), behind()]]);
    board.closed.send_replace(true);
    let offered = (0..1000).take_while(|at| offer(&rig, at % 2, request(0..30)).is_ok());
    let items = 30 * offered.count() as u64;
    rig.service.abandon();
    rig.ended();
    rig.check_books();
    let dropped = |tally: Tally| tally.dropped[Reason::Shutdown as usize];
    assert_eq!(dropped(rig.processor("keeper")), items);
}

/// Sends `rounds` times a span of every trace, some traces a request, on all workers in turn, and says when it is done.
fn load(rig: &Rig, traces: usize, rounds: usize) -> std::thread::JoinHandle<()> {
    let doors = rig.doors.clone();
    std::thread::spawn(move || {
        for at in 0..rounds {
            for first in (0..traces).step_by(20) {
                let (answer, answered) = oneshot::channel();
                let batch = request(first..first + 20);
                let door = &doors[(at + first / 20) % doors.len()];
                door.blocking_send((batch, answer)).ok().unwrap();
                assert_eq!(answered.blocking_recv().unwrap(), Ok(Outcome::Delivered));
            }
        }
    })
}

/// Reloads through these chains while spans come in: every trace is let go once, with all of its spans, at the end.
fn check_reloads(chains: Vec<Vec<ProcessorNode>>, board: &Board) {
    let mut chains = chains.into_iter();
    let mut rig = Rig::start(2, vec![chains.next().unwrap()]);
    let (traces, rounds) = (200, 60);
    let loading = load(&rig, traces, rounds);
    for chain in chains {
        let taken = rig.processor("keeper").taken;
        wait_until("more has come", || {
            rig.processor("keeper").taken > taken + 50 || loading.is_finished()
        });
        rig.reload(chain);
        assert_eq!(
            board.ended(),
            BTreeMap::new(),
            "nothing is let go before its time"
        );
    }
    loading.join().unwrap();
    rig.drain();
    assert_eq!(
        board.ended(),
        BTreeMap::from([(vec![rounds as u64], traces)])
    );
    assert_eq!(rig.arrived(), (traces * rounds) as u64);
    assert_eq!(rig.processor("keeper").taken, (traces * rounds) as u64);
}

#[test]
fn traces_find_their_new_homes_when_the_number_of_shards_changes() {
    let board = Board::default();
    let numbers = [1, 2, 3, 2, 1, 7, 7, 1, 4, 5, 2];
    let chain =
        |(number, shards): (usize, usize)| vec![everywhere(), board.node(shards, number), behind()];
    let chains = numbers.into_iter().enumerate().map(chain);
    check_reloads(chains.collect(), &board);
}

#[test]
fn traces_stay_when_the_processors_around_their_shards_change() {
    let board = Board::default();
    let keeper = |shards| board.node(shards, shards);
    let other = |id| Meeting::of(0).node(id, Place::Owner, 0);
    let chains = vec![
        vec![keeper(1)],
        vec![everywhere(), keeper(1), behind()],
        vec![keeper(2)],
        vec![everywhere(), keeper(2), behind()],
        // Another lane before it.
        vec![everywhere(), other("first"), keeper(2), behind()],
        vec![other("first"), everywhere(), keeper(1)],
        vec![everywhere(), keeper(1), other("last"), behind()],
        vec![keeper(3), behind(), other("last")],
    ];
    check_reloads(chains, &board);
}

#[test]
fn reloads_that_follow_one_another_at_once_hand_over_all_the_same() {
    let board = Board::default();
    let mut rig = Rig::start(2, vec![vec![board.node(1, 0)]]);
    for at in 0..40 {
        let answers = [0, 1].map(|worker| rig.begin_batch(worker, request(0..20)));
        rig.reload(vec![board.node(1 + at % 3, at + 1)]);
        rig.reload(vec![board.node(4, at + 1)]);
        for answer in answers {
            assert_eq!(answer.blocking_recv().unwrap(), Ok(Outcome::Delivered));
        }
    }
    rig.drain();
    assert_eq!(board.ended(), BTreeMap::from([(vec![80], 20)]));
}

#[test]
fn where_another_processor_changes_sides_what_is_held_goes_out_first() {
    let board = Board::default();
    let mut rig = Rig::start(2, vec![vec![everywhere(), board.node(2, 0)]]);
    offer(&rig, 0, request(0..20)).unwrap();
    wait_until("it is there", || rig.processor("keeper").taken == 20);
    // It must not pass the other one twice.
    rig.reload(vec![board.node(2, 0), everywhere()]);
    wait_until("it has gone", || rig.arrived() == 20);
    assert_eq!(rig.processor("everywhere").taken, 20);
    let ids: HashSet<_> = board
        .ended
        .lock()
        .unwrap()
        .iter()
        .map(|(id, _)| *id)
        .collect();
    assert_eq!(ids.len(), 20);
    rig.drain();
}
