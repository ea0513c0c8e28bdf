//! The chains and lanes of one worker, and the edges between them: found or made, and fitted to a new plan.

use std::rc::Rc;
use std::sync::Arc;

use ledger::{Kind, NodeKey};
use otlp::Signal;

use super::{Floor, LaneHome, Standing, Way};
use crate::chain::Chain;
use crate::delivery::Intake;
use crate::edge::{ConnectorEdge, Edge, ExporterEdge};
use crate::lane::Lane;
use crate::plan::{EdgeNode, PipelineNode, holds};
use crate::service::draft::Parts;
use crate::service::order::{Blueprint, NewLane};
use crate::service::retirement::Retirement;

impl Floor {
    /// All chains in topological order, those of the lanes that live here among them.
    pub(super) fn chains(&self) -> impl Iterator<Item = &Rc<Chain>> {
        let lanes = self.lanes.iter().map(|way| way.as_ref()?.home.as_ref());
        let all = self.chains.iter().zip(lanes);
        let all = all.flat_map(|(chain, lane)| [Some(chain), lane.map(|lane| &lane.standing)]);
        all.flatten().map(|standing| &standing.chain)
    }

    /// Finds or makes the chain and the lane of each pipeline.
    pub(super) fn exchange_chains(
        &mut self,
        blueprint: &Blueprint,
        parts: &mut [Parts],
        retirement: &mut Retirement,
    ) {
        let chains = std::mem::take(&mut self.chains).into_iter();
        let mut chains: Vec<_> = chains.map(Some).collect();
        let mut lanes = std::mem::take(&mut self.lanes);
        let lineages = blueprint.heritage.pipelines.iter();
        for (lineage, parts) in lineages.zip(parts) {
            let chain = lineage.at.and_then(|at| chains.get_mut(at)?.take());
            let chain = chain.unwrap_or_else(|| self.stand());
            self.chains.push(chain);
            let lane = match parts.new_lane.take() {
                Some(lane) => Some(self.settle_lane(lane)),
                None if lineage.lane_goes_on => lineage.at.and_then(|at| lanes.get_mut(at)?.take()),
                None => None,
            };
            self.lanes.push(lane);
        }
        retirement.add_chains(chains.into_iter().flatten());
        retirement.add_lanes(lanes.into_iter().filter_map(|way| way?.home));
    }

    fn stand(&mut self) -> Standing {
        let chain = Chain::new(Rc::clone(&self.worker));
        let clock = self.tending.spawn_local(Rc::clone(&chain).keep_time());
        Standing { chain, clock }
    }

    fn settle_lane(&mut self, lane: NewLane) -> Way {
        let NewLane { intake, entries } = lane;
        let home = entries.map(|entries| {
            let standing = self.stand();
            let (stopper, stop) = self.stop.part();
            let lane = Lane {
                chain: Rc::clone(&standing.chain),
                room: Arc::clone(intake.room()),
                entries,
                worker: Rc::clone(&self.worker),
                stop,
            };
            self.tending.spawn_local(lane.run());
            LaneHome {
                standing,
                stopper,
                is_promised: false,
            }
        });
        Way { intake, home }
    }

    /// Puts into the chains of one pipeline what the new plan wants there.
    pub(super) fn refit(
        &mut self,
        blueprint: &Blueprint,
        (at, node): (usize, &PipelineNode),
        parts: Parts,
        retirement: &mut Retirement,
    ) {
        let Some(chain) = self.chains.get(at).map(|here| Rc::clone(&here.chain)) else {
            return;
        };
        let way = self.lanes.get_mut(at).and_then(Option::as_mut);
        let (intake, lane) = match way {
            None => (None, None),
            Some(Way { intake, home }) => {
                let lane = home.as_mut().map(|lane| {
                    lane.is_promised = blueprint.plan.has_promised(at);
                    Rc::clone(&lane.standing.chain)
                });
                (Some(intake.clone()), lane)
            }
        };
        if let (Some(lane), Some(slots)) = (lane, parts.lane_slots) {
            let edges = self.edges(blueprint, (at, node), &lane, retirement);
            lane.refit(slots, edges, holds(node.on_lane()));
        }
        let edges = match intake {
            None => self.edges(blueprint, (at, node), &chain, retirement),
            Some(intake) => {
                let mut before = ways_of(&chain);
                let edge = self.way_to(&intake, true, &mut before);
                retirement.add_edges(before);
                vec![Edge::Exporter(edge)]
            }
        };
        chain.refit(parts.slots, edges, holds(node.on_workers()));
    }

    /// The fan-out of one pipeline, for the chain that ends in it. Edges to exporters that go on go on themselves, with
    /// what is parked there.
    fn edges(
        &mut self,
        blueprint: &Blueprint,
        (at, node): (usize, &PipelineNode),
        chain: &Chain,
        retirement: &mut Retirement,
    ) -> Vec<Edge> {
        let mut before = ways_of(chain);
        let mut edges = Vec::with_capacity(node.edges.len());
        for edge in &node.edges {
            match edge {
                EdgeNode::Connector {
                    id,
                    targets,
                    makers,
                } => {
                    let signal = node.makes.unwrap_or(node.signal);
                    for (behind, leads_to_maker) in [(targets, false), (makers, true)] {
                        if !behind.is_empty() {
                            let edge = self.connector(blueprint, (id, signal), behind);
                            edges.push(Edge::Connector(ConnectorEdge {
                                leads_to_maker,
                                ..edge
                            }));
                        }
                    }
                }
                EdgeNode::Exporter(index) => {
                    let exporter = blueprint.plan.exporters.get(*index);
                    let Some((exporter, exit)) = exporter.zip(self.exits.get(*index)) else {
                        continue;
                    };
                    let lone = blueprint.plan.is_lone(*index, at);
                    let blocking = lone || exporter.build.delivery.blocks();
                    let intake = exit.intake.clone();
                    edges.push(Edge::Exporter(self.way_to(&intake, blocking, &mut before)));
                }
            }
        }
        retirement.add_edges(before);
        edges
    }

    /// The way there is already, or a new one.
    fn way_to(
        &mut self,
        intake: &Intake,
        blocking: bool,
        before: &mut Vec<Rc<ExporterEdge>>,
    ) -> Rc<ExporterEdge> {
        let same = before
            .iter()
            .position(|edge| edge.leads_to(intake, blocking));
        if let Some(at) = same {
            return before.swap_remove(at);
        }
        let edge = ExporterEdge::new(intake.clone(), blocking);
        let moving = Rc::clone(&edge).keep_moving(Rc::clone(&self.worker));
        self.tending.spawn_local(moving);
        edge
    }

    fn connector(
        &self,
        blueprint: &Blueprint,
        (id, signal): (&str, Signal),
        targets: &[usize],
    ) -> ConnectorEdge {
        let targets = targets.iter().filter_map(|&at| self.chains.get(at));
        ConnectorEdge {
            account: blueprint.shared.books.account(&NodeKey {
                kind: Kind::Connector,
                id: id.to_owned(),
                pipeline: String::new(),
                transport: "",
                signal,
            }),
            worker: Rc::clone(&self.worker),
            targets: targets.map(|standing| Rc::clone(&standing.chain)).collect(),
            leads_to_maker: false,
        }
    }
}

fn ways_of(chain: &Chain) -> Vec<Rc<ExporterEdge>> {
    chain.edges().iter().filter_map(Edge::exporter).collect()
}
