//! Types of the Collector that this build does not have: every edit that a file needs to do without them, in one run.

use std::collections::BTreeSet;

use config::{Component, ComponentId, Document, Fault, Faults, Kind, Pipeline, Reference};

use crate::component::Foreign;

/// The components of a document whose types are not here.
#[derive(Default)]
pub(super) struct Absent {
    ids: BTreeSet<(Kind, ComponentId)>,
}

impl Absent {
    /// The fault of one component: where to take it out, what to use instead, what is lost.
    pub(super) fn note(
        &mut self,
        component: &Component,
        advice: Foreign,
        document: &Document,
    ) -> Fault {
        let (kind, id) = (component.kind, &component.id);
        self.ids.insert((kind, id.clone()));
        let article = if kind.name().starts_with('e') {
            "an"
        } else {
            "a"
        };
        let text = format!(
            "`{}` is {article} {} of the Collector that this build does not have",
            id.kind(),
            kind.name()
        );
        let Foreign { instead, lost } = advice;
        let places = out_of(component, document);
        component.fault(text).with_help(format!(
            "{places}; instead: {instead}; lost without it: {lost}"
        ))
    }

    /// The help for a type that nobody knows and that is like no other.
    pub(super) fn note_unknown(&mut self, component: &Component, document: &Document) -> String {
        self.ids.insert((component.kind, component.id.clone()));
        let places = out_of(component, document);
        format!("the Collector's contrib distribution does not have it either: {places}")
    }

    /// Names the pipelines that have no receiver or no exporter left without these.
    pub(super) fn check_pipelines(&self, document: &Document, faults: &mut Faults) {
        for pipeline in &document.service.pipelines {
            let sides = [
                (Kind::Receiver, &pipeline.receivers),
                (Kind::Exporter, &pipeline.exporters),
            ];
            for (kind, side) in sides {
                let gone = |reference: &Reference| {
                    let has = |kind| self.ids.contains(&(kind, reference.id.clone()));
                    has(kind) || has(Kind::Connector)
                };
                if !side.is_empty() && side.iter().all(gone) {
                    let text = format!("no {} is left that this build has", kind.name());
                    let fault = Fault::error(pipeline.place.clone(), pipeline.path(), text);
                    faults.push(fault.with_help(format!(
                        "take the pipeline out, or name another {}",
                        kind.name()
                    )));
                }
            }
        }
    }
}

/// Where a component is to be taken out.
fn out_of(component: &Component, document: &Document) -> String {
    let (kind, id) = (component.kind, &component.id);
    let mut places: Vec<String> = Vec::new();
    if named(&document.service.extensions, id) && kind == Kind::Extension {
        places.push("`service::extensions`".to_owned());
    }
    let users = document.service.pipelines.iter();
    let users = users.filter(|pipeline| sides(pipeline, kind).any(|side| named(side, id)));
    places.extend(users.map(|pipeline| format!("the pipeline `{}`", pipeline.id)));
    match places.as_slice() {
        [] => format!("take `{id}` out here"),
        some => format!("take `{id}` out here and out of {}", some.join(", ")),
    }
}

/// The lists of a pipeline in which a component of this kind may stand.
fn sides(pipeline: &Pipeline, kind: Kind) -> impl Iterator<Item = &[Reference]> {
    let Pipeline {
        receivers,
        processors,
        exporters,
        ..
    } = pipeline;
    let lists: [(&[Kind], &[Reference]); 3] = [
        (&[Kind::Receiver, Kind::Connector], receivers),
        (&[Kind::Processor], processors),
        (&[Kind::Exporter, Kind::Connector], exporters),
    ];
    let lists = lists
        .into_iter()
        .filter(move |(kinds, _)| kinds.contains(&kind));
    lists.map(|(_, list)| list)
}

fn named(list: &[Reference], id: &ComponentId) -> bool {
    list.iter().any(|reference| reference.id == *id)
}
