//! The end of what a reload has taken out, in the background and in the order of the stream.

use std::rc::Rc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::floor::{LaneHome, Standing};
use super::stop::{Phase, Stop, Stopper};
use crate::chain::Chain;
use crate::edge::ExporterEdge;
use crate::worker::Worker;

/// What one reload has taken out on one worker. Each step is given the whole time, since it begins when the one before
/// has ended.
pub(super) struct Retirement {
    worker: Rc<Worker>,
    stop: Stop,
    grace: Duration,
    /// Receivers, whose connections are being asked to leave.
    pub(super) entrances: Vec<Stopper>,
    /// In topological order.
    chains: Vec<Standing>,
    edges: Vec<Rc<ExporterEdge>>,
    /// Those that live here. They end by themselves when the last way to them is gone.
    lanes: Vec<LaneHome>,
    /// Exporters that live here. They end by themselves when the last way to them is gone and their queue is empty.
    pub(super) exits: Vec<Stopper>,
    /// Dropped when all but the exporters has ended.
    done: Option<oneshot::Sender<()>>,
}

/// The exporters among it.
pub(super) struct Parting {
    worker: Rc<Worker>,
    grace: Duration,
    exits: Vec<Stopper>,
    upstream: oneshot::Receiver<()>,
}

impl Retirement {
    pub(super) fn new(worker: Rc<Worker>, stop: Stop, grace: Duration) -> Self {
        Self {
            worker,
            stop,
            grace,
            entrances: Vec::new(),
            chains: Vec::new(),
            edges: Vec::new(),
            lanes: Vec::new(),
            exits: Vec::new(),
            done: None,
        }
    }

    /// All chains, in topological order.
    pub(super) fn chains(&self) -> impl Iterator<Item = &Rc<Chain>> {
        let lanes = self.lanes.iter().map(|lane| &lane.standing);
        let all = self.chains.iter().chain(lanes);
        all.map(|standing| &standing.chain)
    }

    pub(super) fn add_chains(&mut self, chains: impl Iterator<Item = Standing>) {
        self.chains.extend(chains);
    }

    pub(super) fn add_lanes(&mut self, lanes: impl Iterator<Item = LaneHome>) {
        self.lanes.extend(lanes);
    }

    pub(super) fn add_edges(&mut self, edges: Vec<Rc<ExporterEdge>>) {
        edges.iter().for_each(|edge| edge.retire());
        self.edges.extend(edges);
    }

    /// The exporters are seen off apart, since their queues may end long after everything else.
    pub(super) fn part_with_exporters(&mut self) -> Parting {
        let (done, upstream) = oneshot::channel();
        self.done = Some(done);
        Parting {
            upstream,
            worker: Rc::clone(&self.worker),
            grace: self.grace,
            exits: std::mem::take(&mut self.exits),
        }
    }

    pub(super) async fn run(mut self) {
        let left = async {
            for stopper in &self.entrances {
                stopper.unseen().await;
            }
        };
        if !self.within(left).await {
            // Connections without a request have had their time.
            for stopper in &self.entrances {
                stopper.raise(Phase::Draining);
            }
            let closed = async {
                for stopper in &self.entrances {
                    stopper.unseen().await;
                }
            };
            self.within(closed).await;
        }
        for Standing { chain, clock } in &self.chains {
            if !self.within(chain.drain()).await {
                chain.abandon();
            }
            clock.abort();
            chain.close();
        }
        for edge in std::mem::take(&mut self.edges) {
            if !self.within(edge.emptied(&self.worker)).await {
                edge.abandon_parked();
                edge.retire();
            }
        }
        for LaneHome {
            standing, stopper, ..
        } in &self.lanes
        {
            if !self.within(stopper.unseen()).await {
                stopper.raise(Phase::Abandoned);
                stopper.unseen().await;
            }
            standing.clock.abort();
        }
    }

    /// Whether it came to its end in time.
    async fn within(&self, end: impl Future<Output = ()>) -> bool {
        tokio::select! {
            biased;
            () = end => true,
            () = self.stop.abandoned() => false,
            () = self.worker.sleep(self.grace) => false,
        }
    }
}

impl Parting {
    /// Gives up what the exporters could not deliver in time.
    pub(super) async fn run(self) {
        let ended = async {
            for stopper in &self.exits {
                stopper.unseen().await;
            }
        };
        let out_of_time = async {
            // It is dropped, and nothing is ever sent.
            let _ = self.upstream.await;
            self.worker.sleep(self.grace).await;
        };
        tokio::select! {
            biased;
            () = ended => return,
            () = out_of_time => {}
        }
        for stopper in &self.exits {
            stopper.raise(Phase::Abandoned);
        }
    }
}
