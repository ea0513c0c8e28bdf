//! What runs on one worker, and how a reload exchanges it between two requests.

mod chains;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use otlp::Signal;
use smallvec::SmallVec;
use tokio::task::{AbortHandle, JoinSet};

use super::draft::Draft;
use super::order::{Blueprint, SeatOf};
use super::retirement::Retirement;
use super::stop::{Phase, Stop, Stopper};
use crate::chain::Chain;
use crate::clock::Clock;
use crate::component::Question;
use crate::delivery::Intake;
use crate::door::Door;
use crate::handover::Handover;
use crate::inlet::{Feed, Feeds, Inlets, UNREAD};
use crate::plan::ReceiverNode;
use crate::refusal::Refusals;
use crate::worker::Worker;

/// What the last answers are given when the drain deadline has passed: they are a few bytes each.
const ANSWERS_MAX: Duration = Duration::from_millis(500);

/// Everything of one worker, in the order of the plan that runs.
pub(super) struct Floor {
    worker: Rc<Worker>,
    stop: Stop,
    entrances: Vec<Entrance>,
    chains: Vec<Standing>,
    /// By the plan's pipelines and their sections.
    lanes: Vec<Vec<Way>>,
    exits: Vec<Exit>,
    receiving: JoinSet<()>,
    /// Keeps the time of the chains and moves what is parked.
    tending: JoinSet<()>,
    /// Sees to the end of what a reload has taken out: all but the exporters, and these.
    retiring: JoinSet<()>,
    parting: JoinSet<()>,
    exporting: JoinSet<()>,
}

/// A receiver's half on this worker.
struct Entrance {
    feeds: Rc<Feeds>,
    stopper: Stopper,
}

/// A chain with the task that keeps its time.
pub(super) struct Standing {
    pub(super) chain: Rc<Chain>,
    pub(super) clock: AbortHandle,
}

/// The way to the lanes of a section.
struct Way {
    door: Door,
    /// The lanes that live here.
    homes: Vec<LaneHome>,
}

/// A lane, whose end is the end of its stopper's sight.
pub(super) struct LaneHome {
    pub(super) standing: Standing,
    pub(super) stopper: Stopper,
    handover: Rc<Handover>,
    /// Some sender waits for what passes here.
    is_promised: bool,
}

/// The way to an exporter.
struct Exit {
    intake: Intake,
    /// Where the exporter lives here.
    stopper: Option<Stopper>,
}

impl Floor {
    pub(super) fn new(clock: Clock, stop: Stop) -> Self {
        Self {
            worker: Worker::new(clock),
            stop,
            entrances: Vec::new(),
            chains: Vec::new(),
            lanes: Vec::new(),
            exits: Vec::new(),
            receiving: JoinSet::new(),
            tending: JoinSet::new(),
            retiring: JoinSet::new(),
            parting: JoinSet::new(),
            exporting: JoinSet::new(),
        }
    }

    pub(super) fn stop(&self) -> &Stop {
        &self.stop
    }

    pub(super) fn chain(&self, at: usize) -> Option<&Chain> {
        self.chains.get(at).map(|standing| standing.chain.as_ref())
    }

    /// How many lanes of a pipeline's section live here.
    pub(super) fn lanes(&self, at: usize, section: usize) -> usize {
        let way = self.lanes.get(at).and_then(|ways| ways.get(section));
        way.map_or(0, |way| way.homes.len())
    }

    /// The chain of one of them.
    pub(super) fn lane(&self, at: usize, section: usize, lane: usize) -> Option<&Chain> {
        let home = self.lanes.get(at)?.get(section)?.homes.get(lane)?;
        Some(home.standing.chain.as_ref())
    }

    /// Lets every processor that lives here answer.
    pub(super) fn answer(&self, question: Question) {
        let now = self.worker.clock.now();
        let query = question.query.clone();
        question.answer(self.chains().flat_map(|chain| chain.ask(&query, now)));
    }

    /// Exchanges what runs. Nothing waits in here, so that a request sees the old or the new and nothing in between.
    /// What is taken out ends in the background within `grace`.
    pub(super) fn commit(&mut self, draft: Draft, grace: Duration) {
        let Draft {
            blueprint,
            intakes,
            deliveries,
            mut parts,
            seats,
        } = draft;
        self.forget_ended();
        let mut retirement = Retirement::new(Rc::clone(&self.worker), self.stop.clone(), grace);
        self.exchange_exits(&blueprint, intakes, deliveries, &mut retirement);
        self.exchange_chains(&blueprint, &mut parts, &mut retirement);
        // Last first: what a chain forwards while it changes goes to chains that have changed already.
        let pipelines = blueprint.plan.pipelines.iter().zip(parts).enumerate();
        for (at, (node, parts)) in pipelines.rev() {
            self.refit(&blueprint, (at, node), parts, &mut retirement);
        }
        self.exchange_entrances(&blueprint, seats, &mut retirement);
        self.worker.adopt(retirement.chains().chain(self.chains()));
        let parting = retirement.part_with_exporters();
        self.retiring.spawn_local(retirement.run());
        self.parting.spawn_local(parting.run());
    }

    /// Tasks that have ended since the last reload hold memory until somebody asks.
    fn forget_ended(&mut self) {
        let sets = [
            &mut self.receiving,
            &mut self.tending,
            &mut self.retiring,
            &mut self.parting,
            &mut self.exporting,
        ];
        for set in sets {
            while set.try_join_next().is_some() {}
        }
    }

    fn exchange_exits(
        &mut self,
        blueprint: &Blueprint,
        intakes: Vec<Option<Intake>>,
        deliveries: Vec<(usize, crate::delivery::Delivery, Stopper)>,
        retirement: &mut Retirement,
    ) {
        let mut old: Vec<_> = std::mem::take(&mut self.exits)
            .into_iter()
            .map(Some)
            .collect();
        let exits = intakes.into_iter().zip(&blueprint.heritage.exporters);
        let exits = exits.filter_map(|(new, before)| match new {
            Some(intake) => Some(Exit {
                intake,
                stopper: None,
            }),
            None => old.get_mut((*before)?)?.take(),
        });
        self.exits = exits.collect();
        for (at, delivery, stopper) in deliveries {
            self.exporting.spawn_local(delivery.run());
            if let Some(exit) = self.exits.get_mut(at) {
                exit.stopper = Some(stopper);
            }
        }
        let gone = old.into_iter().flatten();
        retirement
            .exits
            .extend(gone.filter_map(|exit| exit.stopper));
    }

    /// New receivers are there before the old ones close, and each inlet leads to the new chains.
    fn exchange_entrances(
        &mut self,
        blueprint: &Blueprint,
        seats: Vec<SeatOf>,
        retirement: &mut Retirement,
    ) {
        let mut old: Vec<_> = std::mem::take(&mut self.entrances)
            .into_iter()
            .map(Some)
            .collect();
        let mut seats = seats.into_iter().peekable();
        let nodes = blueprint
            .plan
            .receivers
            .iter()
            .zip(&blueprint.heritage.receivers);
        for (at, (node, before)) in nodes.enumerate() {
            let before = before.and_then(|before| old.get_mut(before.at)?.take());
            let entrance = match seats.next_if(|seat| seat.receiver == at) {
                Some(SeatOf { seat, .. }) => {
                    let (stopper, stop) = self.stop.part();
                    let feeds = match before {
                        Some(Entrance { feeds, stopper }) => {
                            retirement.entrances.push(stopper);
                            feeds
                        }
                        None => Rc::default(),
                    };
                    let inlets = self.inlets(blueprint, &node.id, &feeds);
                    self.set_feeds(blueprint, node, &feeds);
                    self.receiving.spawn_local(seat(inlets, stop));
                    Entrance { feeds, stopper }
                }
                None => match before {
                    Some(entrance) => {
                        self.set_feeds(blueprint, node, &entrance.feeds);
                        entrance
                    }
                    // A receiver without a seat here and without a predecessor does not occur; it would take nothing.
                    None => Entrance {
                        feeds: Rc::default(),
                        stopper: self.stop.part().0,
                    },
                },
            };
            self.entrances.push(entrance);
        }
        // What a removed receiver has begun goes where it went.
        retirement
            .entrances
            .extend(old.into_iter().flatten().map(|entrance| entrance.stopper));
        for stopper in &retirement.entrances {
            stopper.raise(Phase::Closed);
        }
    }

    fn set_feeds(&self, blueprint: &Blueprint, node: &ReceiverNode, feeds: &Feeds) {
        for signal in Signal::ALL {
            let pipelines = &node.feeds[signal.index()];
            let standing = pipelines.iter().filter_map(|&at| self.chains.get(at));
            let chains: SmallVec<[Rc<Chain>; 1]> = standing
                .map(|standing| Rc::clone(&standing.chain))
                .collect();
            let mut rooms = Vec::new();
            chains.iter().for_each(|chain| chain.pacing(&mut rooms));
            let waits = pipelines.iter().any(|&at| blueprint.plan.waits(at));
            feeds.set(
                signal,
                Feed {
                    chains,
                    waits,
                    promised: node.promises(),
                    rooms,
                },
            );
        }
    }

    fn inlets(&self, blueprint: &Blueprint, id: &str, feeds: &Rc<Feeds>) -> Inlets {
        let shared = &blueprint.shared;
        Inlets {
            worker: Rc::clone(&self.worker),
            books: Arc::clone(&shared.books),
            budget: Arc::clone(&shared.budget),
            unread: shared.metrics.counter(&UNREAD, &[("receiver", id)]),
            refusals: Rc::new(Refusals::new(id, shared)),
            id: id.to_owned(),
            feeds: Rc::clone(feeds),
        }
    }

    /// Upstream first: the receivers end once they have answered, then the chains empty themselves, then their ways to
    /// the exporters close, and each exporter ends when its queue is empty.
    pub(super) async fn drain(self) {
        let Self {
            worker,
            stop,
            entrances,
            chains,
            lanes,
            exits,
            mut receiving,
            tending,
            mut retiring,
            parting,
            mut exporting,
        } = self;
        let (intakes, stoppers): (Vec<_>, Vec<_>) = exits
            .into_iter()
            .map(|exit| (exit.intake, exit.stopper))
            .unzip();
        drop(intakes);
        // Those of one pipeline, section by section.
        let homes = |ways: Vec<Way>| ways.into_iter().flat_map(|way| way.homes);
        let lanes: Vec<Vec<_>> = lanes
            .into_iter()
            .map(|ways| homes(ways).collect())
            .collect();
        // A receiver ends once it has answered, and some answer only when what they sent has been delivered.
        entrances.iter().for_each(|entrance| entrance.feeds.hurry());
        let hurried = lanes.iter().flatten().filter(|lane| lane.is_promised);
        hurried.for_each(|lane| lane.standing.chain.hurry());
        let drained = async {
            while receiving.join_next().await.is_some() {}
            // What was taken out leads to what is still here.
            while retiring.join_next().await.is_some() {}
            for (standing, lanes) in chains.iter().zip(&lanes) {
                standing.chain.drain().await;
                standing.chain.close();
                // They end when every worker has come this far, and chains behind them end after them.
                for lane in lanes {
                    lane.stopper.unseen().await;
                }
            }
        };
        tokio::select! {
            () = drained => {}
            () = stop.abandoned() => {
                chains.iter().for_each(|standing| standing.chain.abandon());
                // The exporters give up at the same word, and whoever waits for them is answered here.
                let answered = async { while receiving.join_next().await.is_some() {} };
                let _ = tokio::time::timeout(ANSWERS_MAX, answered).await;
                while retiring.join_next().await.is_some() {}
                for lane in lanes.iter().flatten() {
                    lane.stopper.unseen().await;
                }
            }
        }
        drop((receiving, entrances, tending, chains, worker));
        while exporting.join_next().await.is_some() {}
        // To be told of a stopper's end is to be abandoned, so they end last.
        drop((stoppers, lanes, parting));
    }
}
