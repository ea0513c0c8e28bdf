//! What components want of extensions: that it is there is checked here, and in which order extensions are built.

use config::{Component, ComponentId, Document, Fault, Faults, Kind};

use super::build::Planner;
use crate::component::Wanted;

/// Names everything that is wanted and not offered, as the Collector does at its start. Returns the extensions in
/// the order of `service::extensions`, but each after those that it wants something of.
pub(super) fn check<'a>(
    planner: &Planner,
    document: &'a Document,
    faults: &mut Faults,
) -> Vec<&'a ComponentId> {
    let used = |component: &&Component| document.uses(component.kind, &component.id);
    for component in document.components().filter(used) {
        for wanted in wants(planner, component.kind, &component.id) {
            check_one(planner, document, component, wanted, faults);
        }
    }
    let mut order = Order {
        planner,
        document,
        done: Vec::new(),
    };
    for reference in &document.service.extensions {
        order.visit(&reference.id, &mut Vec::new(), faults);
    }
    order.done
}

/// What a component that could be read wants of extensions.
fn wants<'a>(planner: &'a Planner, kind: Kind, id: &ComponentId) -> &'a [Wanted] {
    let wants = match kind {
        Kind::Receiver => planner.receivers.get(id).map(|read| &read.planned.wants),
        Kind::Processor => planner.processors.get(id).map(|read| &read.planned.wants),
        Kind::Exporter => planner.exporters.get(id).map(|read| &read.planned.wants),
        Kind::Connector => None,
        Kind::Extension => planner.extensions.get(id).map(|read| &read.planned.wants),
    };
    wants.map(Vec::as_slice).unwrap_or_default()
}

fn check_one(
    planner: &Planner,
    document: &Document,
    component: &Component,
    wanted: &Wanted,
    faults: &mut Faults,
) {
    let (id, capability) = (&wanted.want.id, wanted.want.capability);
    let path = format!("{}::{}", component.path(), wanted.want.path);
    let fail = |text: String| Fault::error(wanted.place.clone(), path, text);
    if !document.uses(Kind::Extension, id) {
        let text = format!("failed to resolve authenticator \"{id}\": authenticator not found");
        let help = match document.component(Kind::Extension, id) {
            Some(_) => format!("add `{id}` to `service::extensions`"),
            None => {
                format!("declare `{id}` under `extensions` and add it to `service::extensions`")
            }
        };
        faults.push(fail(text).with_help(help));
        return;
    }
    // An extension that could not be read has faults of its own.
    if let Some(read) = planner.extensions.get(id)
        && !read.planned.build.offers.contains(&capability)
    {
        faults.push(fail(capability.lacking().to_owned()));
    }
}

struct Order<'a, 'p> {
    planner: &'p Planner,
    document: &'a Document,
    done: Vec<&'a ComponentId>,
}

impl<'a> Order<'a, '_> {
    /// Depth first. `path` is what leads here; it is at most as long as there are extensions.
    fn visit(&mut self, id: &ComponentId, path: &mut Vec<&'a ComponentId>, faults: &mut Faults) {
        let mut named = self.document.service.extensions.iter().map(|r| &r.id);
        let Some(id) = named.find(|named| *named == id) else {
            return;
        };
        if self.done.contains(&id) {
            return;
        }
        path.push(id);
        for wanted in wants(self.planner, Kind::Extension, id) {
            if path.contains(&&wanted.want.id) {
                let chain: Vec<String> = path.iter().map(ToString::to_string).collect();
                let text = format!(
                    "unable to order extensions by dependencies, cycle found: {} -> {}",
                    chain.join(" -> "),
                    wanted.want.id
                );
                let path = format!("extensions::{id}::{}", wanted.want.path);
                faults.push(Fault::error(wanted.place.clone(), path, text));
                continue;
            }
            self.visit(&wanted.want.id, path, faults);
        }
        path.pop();
        self.done.push(id);
    }
}
