//! From sources on the command line to a plan, with every fault on the way.

use config::{Document, Fault, Faults, Kind, ProcessEnvironment, Sources};
use pipeline::{Plan, Planner};

use crate::components::REGISTRY;

/// The configuration that runs when none is given.
pub(crate) const DEFAULT: &str = include_str!("default.yaml");

/// What a configuration came to.
pub(crate) struct Setup {
    pub(crate) document: Document,
    /// Effective configuration of the components, for people.
    pub(crate) effective: Vec<(Kind, Vec<(String, serde_json::Value)>)>,
    pub(crate) plan: Plan,
}

/// Reads, checks and plans. `None` if `faults` has errors; warnings may be there in either case.
pub(crate) fn setup(sources: &Sources, faults: &mut Faults) -> Option<Setup> {
    let root = config::load(sources, &ProcessEnvironment, faults)?;
    let empty = root.as_map().is_none_or(config::Map::is_empty);
    if empty {
        faults.push(Fault::placeless("empty configuration file"));
        return None;
    }
    let document = Document::read(&root, faults);
    document.check(faults);
    let planner = Planner::read(&document, &REGISTRY, faults);
    let effective = planner
        .effective()
        .into_iter()
        .map(|(kind, rows)| (kind, rows.into_iter().map(|(id, v)| (id, v.clone())).collect()))
        .collect();
    let plan = planner.plan(&document, faults)?;
    Some(Setup { document, effective, plan })
}

/// The sources of the embedded default.
pub(crate) fn default_sources() -> Sources {
    Sources { configs: vec![format!("yaml:{DEFAULT}")], sets: Vec::new() }
}
