//! One worker thread, from its chains to its last exporter.

use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use ledger::{Kind, NodeKey};
use smallvec::SmallVec;
use tokio::task::JoinSet;

use super::{Shared, StartError, Stop};
use crate::chain::{Chain, Stage};
use crate::component::{Host, Label, Seat};
use crate::delivery::{Delivery, Intake, Room};
use crate::edge::{ConnectorEdge, Edge, ExporterEdge};
use crate::inlet::{Feed, Inlets, UNREAD};
use crate::plan::{EdgeNode, PipelineNode, Plan};
use crate::refusal::Refusals;
use crate::worker::Worker;

/// What every worker builds from.
pub(super) struct Blueprint {
    pub(super) plan: Plan,
    pub(super) shared: Shared,
    pub(super) stop: Stop,
}

/// What one worker is given.
pub(super) struct Job {
    pub(super) blueprint: Arc<Blueprint>,
    pub(super) intakes: Vec<Intake>,
    pub(super) homes: Vec<Home>,
    pub(super) seats: Vec<SeatOf>,
}

/// An exporter that lives on this worker.
pub(super) struct Home {
    pub(super) exporter: usize,
    pub(super) room: Arc<Room>,
    pub(super) entries: crate::delivery::Entries,
}

/// This worker's half of a receiver.
pub(super) struct SeatOf {
    pub(super) receiver: usize,
    pub(super) seat: Seat,
}

/// What the last answers are given when the drain deadline has passed: they are a few bytes each.
const ANSWERS_MAX: Duration = Duration::from_millis(500);

/// Runs to the end of the service. Sends on `ready` whether this worker could be built.
pub(super) fn run(job: Job, ready: &mpsc::Sender<Result<(), StartError>>) {
    let fail = |text: String| StartError {
        component: "worker runtime".into(),
        text,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default());
    match runtime {
        // Nobody listens only if another worker has failed already.
        Err(error) => drop(ready.send(Err(fail(error.to_string())))),
        Ok(runtime) => runtime.block_on(live(job, ready)),
    }
}

async fn live(job: Job, ready: &mpsc::Sender<Result<(), StartError>>) {
    let Job {
        blueprint,
        intakes,
        homes,
        seats,
    } = job;
    let stop = blueprint.stop.clone();
    let worker = Worker::new(blueprint.shared.clock);
    let built = build_deliveries(&blueprint, homes)
        .and_then(|deliveries| Ok((deliveries, build_chains(&blueprint, &worker, &intakes)?)));
    let (deliveries, (chains, tenders)) = match built {
        Ok(built) => built,
        Err(error) => return drop(ready.send(Err(error))),
    };
    drop(intakes);
    let mut exporting = JoinSet::new();
    for delivery in deliveries {
        exporting.spawn_local(delivery.run());
    }
    let mut receiving = JoinSet::new();
    for SeatOf { receiver, seat } in seats {
        let inlets = inlets(&blueprint, &worker, &chains, receiver);
        receiving.spawn_local(seat(inlets, stop.clone()));
    }
    drop(ready.send(Ok(())));
    // Upstream first: the receivers end once they have answered, then the chains empty themselves, then their ways
    // to the exporters close, and each exporter ends when its queue is empty.
    let drained = async {
        while receiving.join_next().await.is_some() {}
        for chain in &chains {
            chain.drain().await;
        }
    };
    tokio::select! {
        () = drained => {}
        () = stop.abandoned() => {
            chains.iter().for_each(|chain| chain.abandon());
            // The exporters give up at the same word, and whoever waits for them is answered here.
            let answered = async { while receiving.join_next().await.is_some() {} };
            let _ = tokio::time::timeout(ANSWERS_MAX, answered).await;
        }
    }
    drop((receiving, tenders, chains, worker));
    while exporting.join_next().await.is_some() {}
}

fn build_deliveries(blueprint: &Blueprint, homes: Vec<Home>) -> Result<Vec<Delivery>, StartError> {
    let mut deliveries = Vec::new();
    for Home {
        exporter,
        room,
        entries,
    } in homes
    {
        let Some(node) = blueprint.plan.exporters.get(exporter) else {
            continue;
        };
        let label = Label {
            kind: Kind::Exporter,
            id: node.id.clone(),
            signal: Some(node.signal),
            pipeline: None,
        };
        let host = host(blueprint, label.clone());
        let built = (node.build.make)(&host).map_err(|text| StartError {
            component: format!("exporter {}", node.id),
            text,
        })?;
        deliveries.push(Delivery::new(
            built,
            node.build.delivery.clone(),
            (room, entries),
            &blueprint.shared,
            blueprint.stop.clone(),
            label,
        ));
    }
    Ok(deliveries)
}

/// The chains in the plan's order, and the tasks that keep their time and move what is parked.
fn build_chains(
    blueprint: &Blueprint,
    worker: &Rc<Worker>,
    intakes: &[Intake],
) -> Result<(Vec<Rc<Chain>>, JoinSet<()>), StartError> {
    let mut tenders = JoinSet::new();
    // Last first, because a connector's edge needs the chains behind it.
    let mut built: Vec<Option<Rc<Chain>>> = blueprint.plan.pipelines.iter().map(|_| None).collect();
    for (at, node) in blueprint.plan.pipelines.iter().enumerate().rev() {
        let lone = node.edges.len() == 1;
        let mut edges = Vec::new();
        for edge in &node.edges {
            edges.push(match edge {
                EdgeNode::Connector { id, targets } => Edge::Connector(ConnectorEdge {
                    account: blueprint.shared.books.account(&NodeKey {
                        kind: Kind::Connector,
                        id: id.clone(),
                        pipeline: String::new(),
                        transport: "",
                        signal: node.signal,
                    }),
                    worker: Rc::clone(worker),
                    targets: targets
                        .iter()
                        .filter_map(|&t| built.get(t)?.clone())
                        .collect(),
                }),
                EdgeNode::Exporter(exporter) => {
                    let delivery = blueprint
                        .plan
                        .exporters
                        .get(*exporter)
                        .zip(intakes.get(*exporter));
                    let Some((exporter, intake)) = delivery else {
                        continue;
                    };
                    let blocking = lone || exporter.build.delivery.blocks();
                    let edge = ExporterEdge::new(intake.clone(), blocking);
                    tenders.spawn_local(Rc::clone(&edge).keep_moving(Rc::clone(worker)));
                    Edge::Exporter(edge)
                }
            });
        }
        let chain = Chain::new(
            Rc::clone(worker),
            stages(blueprint, node)?,
            node.holds(),
            edges,
        );
        tenders.spawn_local(Rc::clone(&chain).keep_time());
        built[at] = Some(chain);
    }
    let chains: Vec<_> = built.into_iter().flatten().collect();
    worker.adopt(&chains);
    Ok((chains, tenders))
}

fn stages(blueprint: &Blueprint, node: &PipelineNode) -> Result<Vec<Stage>, StartError> {
    let stage = |processor: &crate::plan::ProcessorNode| {
        let label = Label {
            kind: Kind::Processor,
            id: processor.id.clone(),
            signal: Some(node.signal),
            pipeline: Some(node.id.clone()),
        };
        let account = blueprint.shared.books.account(&NodeKey {
            kind: Kind::Processor,
            id: processor.id.clone(),
            pipeline: node.id.clone(),
            transport: "",
            signal: node.signal,
        });
        let built = (processor.build.make)(&host(blueprint, label)).map_err(|text| StartError {
            component: format!("processor {}", processor.id),
            text,
        })?;
        Ok(Stage::new(built, account))
    };
    node.processors.iter().map(stage).collect()
}

fn inlets(
    blueprint: &Blueprint,
    worker: &Rc<Worker>,
    chains: &[Rc<Chain>],
    receiver: usize,
) -> Inlets {
    let plan = &blueprint.plan;
    let node = plan.receivers.get(receiver);
    let feed = |pipelines: &Vec<usize>| {
        let fed: SmallVec<[Rc<Chain>; 1]> = pipelines
            .iter()
            .filter_map(|&at| chains.get(at).cloned())
            .collect();
        let mut rooms = Vec::new();
        fed.iter().for_each(|chain| chain.pacing(&mut rooms));
        Feed {
            chains: fed,
            waits: pipelines.iter().any(|&at| plan.waits(at)),
            rooms,
        }
    };
    let id = node.map(|n| n.id.clone()).unwrap_or_default();
    Inlets {
        worker: Rc::clone(worker),
        books: Arc::clone(&blueprint.shared.books),
        budget: Arc::clone(&blueprint.shared.budget),
        unread: blueprint
            .shared
            .metrics
            .counter(&UNREAD, &[("receiver", id.as_str())]),
        refusals: Rc::new(Refusals::new(&id, &blueprint.shared)),
        id,
        feeds: node
            .map(|n| n.feeds.each_ref().map(feed))
            .unwrap_or_default(),
    }
}

fn host(blueprint: &Blueprint, label: Label) -> Host {
    Host {
        budget: Arc::clone(&blueprint.shared.budget),
        metrics: blueprint.shared.metrics.clone(),
        clock: blueprint.shared.clock,
        label,
        extensions: blueprint.shared.extensions.clone(),
    }
}
