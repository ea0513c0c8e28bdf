//! The chains and lanes of one worker, and the edges between them: found or made, and fitted to a new plan.

use std::rc::Rc;

use ledger::{Kind, NodeKey};
use otlp::Signal;

use super::{Floor, LaneHome, Standing, Way};
use crate::chain::Chain;
use crate::door::Door;
use crate::edge::{ConnectorEdge, Edge, ExporterEdge};
use crate::handover::{Handover, Heirs};
use crate::lane::Lane;
use crate::plan::{EdgeNode, PipelineNode, holds};
use crate::service::draft::Parts;
use crate::service::order::{Blueprint, NewLane, NewSection};
use crate::service::retirement::Retirement;

impl Floor {
    /// All chains in topological order, those of the lanes that live here among them.
    pub(super) fn chains(&self) -> impl Iterator<Item = &Rc<Chain>> {
        let all = self.chains.iter().zip(&self.lanes);
        let all = all.flat_map(|(chain, ways)| {
            let lanes = ways.iter().flat_map(|way| &way.homes);
            std::iter::once(chain).chain(lanes.map(|lane| &lane.standing))
        });
        all.map(|standing| &standing.chain)
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
            let new = std::mem::take(&mut parts.new_lanes);
            for (new, descent) in new.iter().zip(&lineage.sections) {
                let before = descent
                    .heir_of
                    .and_then(|(at, section)| lanes.get(at)?.get(section));
                if let Some((before, heirs)) = before.zip(new.heirs.as_ref()) {
                    before.hand_over(heirs, &new.door);
                }
            }
            let goes_on = lineage.at.filter(|_| lineage.lanes_go_on);
            let ways = match goes_on.and_then(|at| lanes.get_mut(at)) {
                Some(ways) => std::mem::take(ways),
                None => new.into_iter().map(|new| self.settle_lanes(new)).collect(),
            };
            self.lanes.push(ways);
        }
        retirement.add_chains(chains.into_iter().flatten());
        let gone = lanes.into_iter().flatten();
        retirement.add_lanes(gone.flat_map(|way| way.homes));
    }

    fn stand(&mut self) -> Standing {
        let chain = Chain::new(Rc::clone(&self.worker));
        let clock = self.tending.spawn_local(Rc::clone(&chain).keep_time());
        Standing { chain, clock }
    }

    fn settle_lanes(&mut self, section: NewSection) -> Way {
        let NewSection { door, homes, .. } = section;
        let homes = homes.into_iter().map(|lane| self.settle_lane(lane));
        Way {
            homes: homes.collect(),
            door,
        }
    }

    fn settle_lane(&mut self, lane: NewLane) -> LaneHome {
        let NewLane {
            room,
            entries,
            inheritance,
        } = lane;
        let standing = self.stand();
        let (stopper, stop) = self.stop.part();
        let handover = Rc::new(Handover::new(inheritance));
        let lane = Lane {
            chain: Rc::clone(&standing.chain),
            room,
            entries,
            worker: Rc::clone(&self.worker),
            stop,
            handover: Rc::clone(&handover),
        };
        self.tending.spawn_local(lane.run());
        LaneHome {
            standing,
            stopper,
            handover,
            is_promised: false,
        }
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
        let ways = self.lanes.get_mut(at).map(std::mem::take);
        let mut ways = ways.unwrap_or_default();
        let sections = node.sections();
        let goes_on = {
            let lineage = blueprint.heritage.pipelines.get(at);
            lineage.is_some_and(|lineage| lineage.lanes_go_on)
        };
        let mut behind = None;
        // Last first here, too.
        let all = ways.iter_mut().zip(&sections).zip(parts.lane_slots);
        for ((way, section), slots) in all.rev() {
            for (lane, slots) in way.homes.iter_mut().zip(slots) {
                lane.is_promised = blueprint.plan.has_promised(at);
                let lane_chain = Rc::clone(&lane.standing.chain);
                if goes_on {
                    // It is for the processor that stands there still.
                    lane.handover.inherit_now(&lane_chain);
                }
                let place = (at, node, &behind);
                let edges = self.edges(blueprint, place, &lane_chain, retirement);
                lane_chain.refit(slots, edges, holds(section.processors));
            }
            behind = Some(way.door.clone());
        }
        let edges = self.edges(blueprint, (at, node, &behind), &chain, retirement);
        chain.refit(parts.slots, edges, holds(node.on_workers()));
        if let Some(place) = self.lanes.get_mut(at) {
            *place = ways;
        }
    }

    /// What a chain of a pipeline leads to: the lanes behind it, or else the fan-out. Edges to those who go on go on
    /// themselves, with what is parked there.
    fn edges(
        &mut self,
        blueprint: &Blueprint,
        (at, node, behind): (usize, &PipelineNode, &Option<Door>),
        chain: &Chain,
        retirement: &mut Retirement,
    ) -> Vec<Edge> {
        let mut before = ways_of(chain);
        let edges = match behind {
            Some(door) => vec![Edge::Exporter(self.way_to(door, true, &mut before))],
            None => self.fan_out(blueprint, (at, node), &mut before),
        };
        retirement.add_edges(before);
        edges
    }

    fn fan_out(
        &mut self,
        blueprint: &Blueprint,
        (at, node): (usize, &PipelineNode),
        before: &mut Vec<Rc<ExporterEdge>>,
    ) -> Vec<Edge> {
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
                    let door = Door::new([exit.intake.clone()]);
                    edges.push(Edge::Exporter(self.way_to(&door, blocking, before)));
                }
            }
        }
        edges
    }

    /// The way there is already, or a new one.
    fn way_to(
        &mut self,
        door: &Door,
        blocking: bool,
        before: &mut Vec<Rc<ExporterEdge>>,
    ) -> Rc<ExporterEdge> {
        let same = before.iter().position(|edge| edge.leads_to(door, blocking));
        if let Some(at) = same {
            return before.swap_remove(at);
        }
        let edge = ExporterEdge::new(door.clone(), blocking);
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

impl Way {
    /// The lanes that live here hand over what their first processor holds, and relay what still comes.
    fn hand_over(&self, heirs: &Heirs, door: &Door) {
        for lane in &self.homes {
            lane.handover.hand_over(&lane.standing.chain, heirs, door);
        }
    }
}
