//! What can be checked without knowing any component: references, empty sides, unused ids.
//! The texts are the Collector's.

use super::{Component, Document, Kind, Pipeline, Reference};
use crate::fault::{Fault, Faults};
use crate::id::ComponentId;

impl Document {
    /// Names every reference that leads nowhere, every pipeline that cannot run, and, as
    /// warnings, the components that nothing uses.
    pub fn check(&self, faults: &mut Faults) {
        self.check_sections(faults);
        self.check_ambiguous(faults);
        for reference in &self.service.extensions {
            if self.extensions.get(&reference.id).is_none() {
                let path = "service::extensions";
                faults.push(self.undeclared(reference, path, Kind::Extension, &[Kind::Extension]));
            }
        }
        if self.service.pipelines.is_empty() && !faults.iter().any(is_about_pipelines) {
            let text = "service must have at least one pipeline";
            let fault = Fault::error(self.service.place.clone(), "service::pipelines", text);
            faults.push(fault.with_help("add `traces: {receivers: […], exporters: […]}` to it"));
        }
        for pipeline in &self.service.pipelines {
            self.check_pipeline(pipeline, faults);
        }
        // With wrong references nobody can say what is unused.
        if !faults.has_errors() {
            self.warn_of_unused(faults);
        }
    }

    fn check_sections(&self, faults: &mut Faults) {
        for section in [&self.receivers, &self.exporters] {
            let (kind, key) = (section.kind.name(), section.kind.section());
            let read_badly = faults.iter().any(|fault| fault.path.starts_with(key));
            if section.is_empty() && !read_badly {
                let text = format!("no {kind} configuration specified in config");
                let place = section
                    .place
                    .clone()
                    .unwrap_or_else(|| self.service.place.clone());
                let help = format!("add a section `{key}` with at least one");
                faults.push(Fault::error(place, key, text).with_help(help));
            }
        }
    }

    fn check_ambiguous(&self, faults: &mut Faults) {
        for connector in self.connectors.iter() {
            let id = &connector.id;
            for kind in [Kind::Exporter, Kind::Receiver] {
                if self.component(kind, id).is_none() {
                    continue;
                }
                let kind = kind.name();
                faults.push(
                    connector
                        .fault(format!(
                            "ambiguous ID: Found both \"{id}\" {kind} and \"{id}\" connector. \
                             Change one of the components' IDs to eliminate ambiguity \
                             (e.g. rename \"{id}\" connector to \"{id}/connector\")"
                        ))
                        .with_help(format!("rename the connector to `{id}/connector`")),
                );
            }
        }
    }

    fn check_pipeline(&self, pipeline: &Pipeline, faults: &mut Faults) {
        let path = pipeline.path();
        let sides = [
            (
                &pipeline.receivers,
                Kind::Receiver,
                [Kind::Receiver, Kind::Connector].as_slice(),
            ),
            (&pipeline.processors, Kind::Processor, &[Kind::Processor]),
            (
                &pipeline.exporters,
                Kind::Exporter,
                &[Kind::Exporter, Kind::Connector],
            ),
        ];
        for (list, kind, places) in sides {
            // Ids that could not be read have been named; the side is not empty.
            let side = format!("{path}::{}", kind.section());
            let read_badly = faults.iter().any(|fault| fault.path.starts_with(&side));
            if list.is_empty() && kind != Kind::Processor && !read_badly {
                let text = format!("must have at least one {}", kind.name());
                faults.push(Fault::error(pipeline.place.clone(), &path, text));
            }
            // One fault says that the section is missing; its ids need not be named as well.
            let readable = !faults.iter().any(|fault| fault.path == kind.section());
            for (index, reference) in list.iter().enumerate().filter(|_| readable) {
                let seen = list
                    .iter()
                    .take(index)
                    .any(|earlier| earlier.id == reference.id);
                if places
                    .iter()
                    .all(|kind| self.component(*kind, &reference.id).is_none())
                {
                    faults.push(self.undeclared(reference, &path, kind, places));
                } else if seen && kind == Kind::Processor {
                    let text = format!("references processor \"{}\" multiple times", reference.id);
                    let fault = Fault::error(reference.place.clone(), &path, text);
                    let again = format!("{}/again", reference.id.kind());
                    faults.push(fault.with_help(format!(
                        "name it once; a second one needs an id of its own, such as `{again}`"
                    )));
                }
            }
        }
    }

    fn undeclared(&self, found: &Reference, path: &str, kind: Kind, places: &[Kind]) -> Fault {
        let id = &found.id;
        let text = format!(
            "references {} \"{id}\" which is not configured",
            kind.name()
        );
        let fault = Fault::error(found.place.clone(), path, text);
        if let Some(other) = Kind::ALL
            .into_iter()
            .find(|other| self.component(*other, id).is_some())
        {
            let (other, place) = (other.name(), kind.section());
            let article = if other.starts_with('e') { "an" } else { "a" };
            let help = format!("`{id}` is {article} {other}, it cannot stand in `{place}`");
            return fault.with_help(help);
        }
        let known = places.iter().flat_map(|kind| self.section(*kind).iter());
        let known: Vec<String> = known.map(|component| component.id.to_string()).collect();
        match closest_id(id, &known) {
            Some(close) => fault.with_help(format!("did you mean `{close}`?")),
            None => fault.with_help(format!("declare it under `{}`", kind.section())),
        }
    }

    fn warn_of_unused(&self, faults: &mut Faults) {
        let unused = |component: &&Component| !self.uses(component.kind, &component.id);
        for component in self.components().filter(unused) {
            let place = component.place.clone();
            let (kind, user) = match component.kind {
                Kind::Extension => ("extension", "`service::extensions`"),
                kind => (kind.name(), "any pipeline"),
            };
            let text = format!(
                "the {kind} `{}` is not in {user}, so it is not started",
                component.id
            );
            faults.push(Fault::warning(place, component.path(), text));
        }
    }
}

fn is_about_pipelines(fault: &Fault) -> bool {
    fault.path.starts_with("service::pipelines")
}

/// By spelling, else the only id of the same type.
fn closest_id<'a>(id: &ComponentId, known: &'a [String]) -> Option<&'a str> {
    let text = id.to_string();
    let close = crate::suggest::closest(&text, known.iter().map(String::as_str));
    close.or_else(|| {
        let same_type = |known: &&String| known.split('/').next() == Some(id.kind());
        let mut same = known.iter().filter(same_type);
        same.next()
            .filter(|_| same.next().is_none())
            .map(String::as_str)
    })
}
