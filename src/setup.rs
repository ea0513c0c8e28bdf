//! From sources on the command line to a plan, with every fault on the way.

use config::{Document, Faults, Kind, Node, ProcessEnvironment, Sources};
use pipeline::{Plan, Planner};

use crate::advice::advise;
use crate::components::REGISTRY;

/// What a configuration came to.
pub(crate) struct Setup {
    /// What was written, merged and expanded.
    pub(crate) root: Node,
    pub(crate) document: Document,
    pub(crate) effective: Effective,
    pub(crate) plan: Plan,
}

/// Effective configuration of the components, by section and id, for people.
pub(crate) type Effective = Vec<(Kind, Vec<(String, serde_json::Value)>)>;

/// Reads, checks and plans. `None` if `faults` has errors; warnings may be there in either case.
/// The faults are in the order of the sources and lines.
pub(crate) fn setup(sources: &Sources, faults: &mut Faults) -> Option<Setup> {
    let setup = read(sources, faults);
    faults.sort();
    setup
}

/// The configuration that runs when none is given, as `--config` would name it.
pub(crate) fn default_source() -> String {
    format!("yaml:{}", include_str!("default.yaml"))
}

fn read(sources: &Sources, faults: &mut Faults) -> Option<Setup> {
    let root = config::load(sources, &ProcessEnvironment, faults)?;
    let mut document = Document::read(&root, faults);
    if let Ok(id) = admin::IMPLIED.parse() {
        document.imply_extension(&id);
    }
    document.check(faults);
    let planner = Planner::read(&document, &REGISTRY, faults);
    let effective: Effective = planner
        .effective()
        .into_iter()
        .map(|(kind, rows)| {
            (
                kind,
                rows.into_iter().map(|(id, v)| (id, v.clone())).collect(),
            )
        })
        .collect();
    let plan = planner.plan(&document, faults)?;
    advise(&document, &effective, faults);
    Some(Setup {
        root,
        document,
        effective,
        plan,
    })
}
