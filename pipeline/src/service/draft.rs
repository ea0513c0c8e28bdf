//! What a worker has built for the next generation and has not put in place yet.

use std::sync::Arc;

use ledger::{Kind, Limits};

use super::floor::Floor;
use super::order::{Blueprint, Home, Job, NewSection, Readiness, SeatOf};
use super::stop::Stopper;
use super::{StartError, Stop};
use crate::chain::{Chain, Slot, Stage};
use crate::component::{Host, Label, Verdicts};
use crate::delivery::{Delivery, Intake};
use crate::plan::{Descent, Lineage, PipelineNode, ProcessorNode, Section, Succession};

/// Everything that may fail has been done.
pub(super) struct Draft {
    pub(super) blueprint: Arc<Blueprint>,
    /// By the plan's exporters; `None` where the worker has it.
    pub(super) intakes: Vec<Option<Intake>>,
    /// The new exporters that live here, with their place in the plan.
    pub(super) deliveries: Vec<(usize, Delivery, Stopper)>,
    /// By the plan's pipelines.
    pub(super) parts: Vec<Parts>,
    pub(super) seats: Vec<SeatOf>,
}

/// What a worker has of one pipeline.
pub(super) struct Parts {
    pub(super) slots: Vec<Slot>,
    /// By section; empty where there are lanes already, or none.
    pub(super) new_lanes: Vec<NewSection>,
    /// What is to stand on the lanes that live here, by section.
    pub(super) lane_slots: Vec<Vec<Vec<Slot>>>,
}

impl Draft {
    pub(super) fn build(job: Job, floor: &Floor) -> Result<Self, StartError> {
        let Job {
            blueprint,
            intakes,
            homes,
            lanes,
            seats,
        } = job;
        let homes = homes.into_iter();
        let deliveries =
            homes.filter_map(|home| delivery(&blueprint, home, floor.stop()).transpose());
        let deliveries = deliveries.collect::<Result<_, _>>()?;
        let pipelines = blueprint.plan.pipelines.iter();
        let pipelines = pipelines.zip(&blueprint.heritage.pipelines).zip(lanes);
        let parts = pipelines
            .map(|((node, lineage), lane)| parts(&blueprint, (node, lineage), lane, floor));
        let parts = parts.collect::<Result<_, _>>()?;
        Ok(Self {
            blueprint,
            intakes,
            deliveries,
            parts,
            seats,
        })
    }

    pub(super) fn readiness(&self, floor: &Floor) -> Readiness {
        let deliveries = self.deliveries.iter();
        let exporting = deliveries.map(|(at, delivery, _)| (*at, delivery.listening()));
        Readiness {
            limits: self.limits(floor),
            exporting: exporting.collect(),
        }
    }

    /// The lowest limits on memory that any of the processors asks for, those that go on included.
    fn limits(&self, floor: &Floor) -> Option<Limits> {
        let lineages = self.blueprint.heritage.pipelines.iter();
        let parts = self.parts.iter().zip(lineages);
        let all = parts.flat_map(|(parts, lineage)| {
            let chain = lineage.at.and_then(|at| floor.chain(at));
            let on_worker = parts.slots.iter().map(move |slot| limits(slot, chain));
            let sections = parts.lane_slots.iter().enumerate();
            let on_lanes = sections.flat_map(move |(section, lanes)| {
                let lanes = lanes.iter().enumerate();
                lanes.flat_map(move |(lane, slots)| {
                    let lane = lineage.at.and_then(|at| floor.lane(at, section, lane));
                    slots.iter().map(move |slot| limits(slot, lane))
                })
            });
            on_worker.chain(on_lanes)
        });
        all.flatten().reduce(Limits::lowest)
    }
}

fn limits(slot: &Slot, before: Option<&Chain>) -> Option<Limits> {
    match slot {
        Slot::New { stage, .. } => stage.processor.limits(),
        Slot::Kept(at) => before?.limits(*at),
    }
}

fn parts(
    blueprint: &Blueprint,
    (node, lineage): (&PipelineNode, &Lineage),
    new_lanes: Vec<NewSection>,
    floor: &Floor,
) -> Result<Parts, StartError> {
    let sections = node.sections();
    let sections = sections.iter().zip(&lineage.sections).enumerate();
    let lane_slots = sections.map(|(at, (section, descent)): (_, (&Section<'_>, &Descent))| {
        let homes = match new_lanes.get(at) {
            Some(new) => new.homes.len(),
            None => lineage.at.map_or(0, |pipeline| floor.lanes(pipeline, at)),
        };
        let slots = || slots(blueprint, node, section.processors, &descent.successions);
        (0..homes).map(|_| slots()).collect()
    });
    Ok(Parts {
        slots: slots(blueprint, node, node.on_workers(), &lineage.on_workers)?,
        lane_slots: lane_slots.collect::<Result<_, _>>()?,
        new_lanes,
    })
}

fn delivery(
    blueprint: &Blueprint,
    home: Home,
    stop: &Stop,
) -> Result<Option<(usize, Delivery, Stopper)>, StartError> {
    let Home {
        exporter,
        room,
        entries,
    } = home;
    let Some(node) = blueprint.plan.exporters.get(exporter) else {
        return Ok(None);
    };
    let label = Label {
        kind: Kind::Exporter,
        id: node.id.clone(),
        signal: Some(node.signal),
        pipeline: None,
    };
    let built = (node.build.make)(&blueprint.shared.host(label.clone()));
    let built = built.map_err(|text| StartError {
        component: format!("exporter {}", node.id),
        text,
    })?;
    let (stopper, stop) = stop.part();
    let delivery = Delivery::new(
        built,
        node.build.delivery.clone(),
        (room, entries),
        &blueprint.shared,
        stop,
        label,
    );
    Ok(Some((exporter, delivery, stopper)))
}

fn slots(
    blueprint: &Blueprint,
    node: &PipelineNode,
    processors: &[ProcessorNode],
    successions: &[Succession],
) -> Result<Vec<Slot>, StartError> {
    let slot = |(processor, succession): (&ProcessorNode, &Succession)| {
        let after = match succession {
            Succession::Same(at) => return Ok(Slot::Kept(*at)),
            Succession::Successor(at) => Some(*at),
            Succession::Nobody => None,
        };
        let stage = stage(blueprint, node, processor)?;
        Ok(Slot::New { stage, after })
    };
    processors.iter().zip(successions).map(slot).collect()
}

fn stage(
    blueprint: &Blueprint,
    node: &PipelineNode,
    processor: &ProcessorNode,
) -> Result<Stage, StartError> {
    let account = blueprint.shared.books.account(&node.account_of(processor));
    let host = blueprint.shared.host(Label {
        kind: node.kind(),
        id: processor.id.clone(),
        signal: Some(node.signal),
        pipeline: node.makes.is_none().then(|| node.id.clone()),
    });
    let asks = !processor.samplers.is_empty();
    let host = Host {
        verdicts: asks.then(|| Verdicts::new(blueprint.questions.clone(), &processor.samplers)),
        ..host
    };
    let built = (processor.build.make)(&host).map_err(|text| StartError {
        component: format!("{} {}", node.kind(), processor.id),
        text,
    })?;
    Ok(match node.makes {
        None => Stage::new(built, account),
        Some(_) => Stage::maker(built, account),
    })
}
