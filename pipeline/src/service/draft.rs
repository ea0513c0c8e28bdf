//! What a worker has built for the next generation and has not put in place yet.

use std::sync::Arc;

use ledger::{Kind, Limits, NodeKey};

use super::floor::Floor;
use super::order::{Blueprint, Home, Job, SeatOf};
use super::stop::Stopper;
use super::{StartError, Stop};
use crate::chain::{Slot, Stage};
use crate::component::Label;
use crate::delivery::{Delivery, Intake};
use crate::plan::{Lineage, PipelineNode, ProcessorNode, Succession};

/// Everything that may fail has been done.
pub(super) struct Draft {
    pub(super) blueprint: Arc<Blueprint>,
    /// By the plan's exporters; `None` where the worker has it.
    pub(super) intakes: Vec<Option<Intake>>,
    /// The new exporters that live here, with their place in the plan.
    pub(super) deliveries: Vec<(usize, Delivery, Stopper)>,
    /// By the plan's pipelines.
    pub(super) slots: Vec<Vec<Slot>>,
    pub(super) seats: Vec<SeatOf>,
}

impl Draft {
    pub(super) fn build(job: Job, floor: &Floor) -> Result<Self, StartError> {
        let Job {
            blueprint,
            intakes,
            homes,
            seats,
        } = job;
        let homes = homes.into_iter();
        let deliveries =
            homes.filter_map(|home| delivery(&blueprint, home, floor.stop()).transpose());
        let deliveries = deliveries.collect::<Result<_, _>>()?;
        let pipelines = blueprint.plan.pipelines.iter();
        let pipelines = pipelines.zip(&blueprint.heritage.pipelines);
        let slots = pipelines.map(|(node, lineage)| slots(&blueprint, node, lineage));
        let slots = slots.collect::<Result<_, _>>()?;
        Ok(Self {
            blueprint,
            intakes,
            deliveries,
            slots,
            seats,
        })
    }

    /// The lowest limits on memory that any of the processors asks for, those that go on included.
    pub(super) fn limits(&self, floor: &Floor) -> Option<Limits> {
        let lineages = self.blueprint.heritage.pipelines.iter();
        let pipelines = self.slots.iter().zip(lineages);
        let all = pipelines.flat_map(|(slots, lineage)| {
            slots.iter().map(|slot| match slot {
                Slot::New { stage, .. } => stage.processor.limits(),
                Slot::Kept(at) => floor.chain(lineage.at?)?.limits(*at),
            })
        });
        all.flatten().reduce(Limits::lowest)
    }
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
    lineage: &Lineage,
) -> Result<Vec<Slot>, StartError> {
    let processors = node.processors.iter().zip(&lineage.processors);
    let slot = |(processor, succession): (&ProcessorNode, &Succession)| {
        let after = match succession {
            Succession::Same(at) => return Ok(Slot::Kept(*at)),
            Succession::Successor(at) => Some(*at),
            Succession::Nobody => None,
        };
        let stage = stage(blueprint, node, processor)?;
        Ok(Slot::New { stage, after })
    };
    processors.map(slot).collect()
}

fn stage(
    blueprint: &Blueprint,
    node: &PipelineNode,
    processor: &ProcessorNode,
) -> Result<Stage, StartError> {
    let account = blueprint.shared.books.account(&NodeKey {
        kind: Kind::Processor,
        id: processor.id.clone(),
        pipeline: node.id.clone(),
        transport: "",
        signal: node.signal,
    });
    let host = blueprint.shared.host(Label {
        kind: Kind::Processor,
        id: processor.id.clone(),
        signal: Some(node.signal),
        pipeline: Some(node.id.clone()),
    });
    let built = (processor.build.make)(&host).map_err(|text| StartError {
        component: format!("processor {}", processor.id),
        text,
    })?;
    Ok(Stage::new(built, account))
}
