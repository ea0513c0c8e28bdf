//! The new lanes of a generation: opened by the main thread, and given to the workers on which they are to live.

use std::sync::Arc;

use super::order::{Blueprint, Job, NewLane, NewSection};
use crate::door::Door;
use crate::handover::{self, Heirs, Inheritance};
use crate::lane;
use crate::plan::{Descent, PipelineNode, Plan, Section};

/// A lane lives on one worker, as an exporter does, and they take turns together. Shards have no threads of their own:
/// there is a worker for each core, and more threads than cores would only take them from one another.
pub(super) fn open(old: &Plan, blueprint: &Blueprint, jobs: &mut [Job]) {
    let pipelines = &blueprint.plan.pipelines;
    let sections = pipelines.iter().flat_map(PipelineNode::sections);
    let lanes = sections.map(|section| section.lanes).sum();
    let mut turn = blueprint.plan.exporters.len();
    for (node, lineage) in pipelines.iter().zip(&blueprint.heritage.pipelines) {
        jobs.iter_mut().for_each(|job| job.lanes.push(Vec::new()));
        for (section, descent) in node.sections().iter().zip(&lineage.sections) {
            if !lineage.lanes_go_on {
                let (heirs, inheritances) = succession(old, section, descent);
                let (door, new) = open_section(blueprint, (node, section), lanes, inheritances);
                give(jobs, turn, &door, new, heirs.as_ref());
            }
            turn += section.lanes;
        }
    }
}

/// The way to the lanes of a section, and the lanes.
fn open_section(
    blueprint: &Blueprint,
    (node, section): (&PipelineNode, &Section<'_>),
    lanes: usize,
    inheritances: Vec<Inheritance>,
) -> (Door, Vec<NewLane>) {
    let shared = &blueprint.shared;
    let mut inheritances = inheritances.into_iter();
    let first = section.processors.first();
    let opened = first.into_iter().flat_map(|first| {
        let account = shared.books.account(&node.account_of(first));
        (0..section.lanes).map(move |_| lane::open(&shared.budget, lanes, Arc::clone(&account)))
    });
    let opened = opened.map(|(intake, entries)| {
        let lane = NewLane {
            room: Arc::clone(intake.room()),
            entries,
            inheritance: inheritances.next(),
        };
        (intake, lane)
    });
    let (intakes, new): (Vec<_>, Vec<_>) = opened.unzip();
    (Door::new(intakes), new)
}

/// Between the old lanes of a sharded processor and the new ones, if there are old ones.
fn succession(
    old: &Plan,
    section: &Section<'_>,
    descent: &Descent,
) -> (Option<Heirs>, Vec<Inheritance>) {
    let before = descent.heir_of.and_then(|(pipeline, at)| {
        let sections = old.pipelines.get(pipeline)?.sections();
        Some(sections.get(at)?.lanes)
    });
    match before {
        None => (None, Vec::new()),
        Some(before) => {
            let (heirs, inheritances) = handover::open(before, section.lanes);
            (Some(heirs), inheritances)
        }
    }
}

fn give(jobs: &mut [Job], turn: usize, door: &Door, new: Vec<NewLane>, heirs: Option<&Heirs>) {
    for job in &mut *jobs {
        let section = NewSection {
            door: door.clone(),
            homes: Vec::new(),
            heirs: heirs.cloned(),
        };
        if let Some(sections) = job.lanes.last_mut() {
            sections.push(section);
        }
    }
    let workers = jobs.len();
    for (at, lane) in new.into_iter().enumerate() {
        let home = jobs.get_mut((turn + at) % workers);
        if let Some(section) = home.and_then(|job| job.lanes.last_mut()?.last_mut()) {
            section.homes.push(lane);
        }
    }
}
