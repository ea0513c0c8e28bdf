//! From sources on the command line to a plan, with every fault on the way.

use config::{Document, Environment, Faults, Kind, Node, Sources};
use pipeline::{Plan, Planner};

use crate::advice::advise;
use crate::components::REGISTRY;
use crate::fetch::Online;
use crate::legacy::{self, Terms};

/// What the command line asks for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) sources: Sources,
    /// The file that was found in its usual place, where none is named.
    pub(crate) found: Option<String>,
    /// Queues that are to be on disk may be in memory.
    pub(crate) volatile_queues: bool,
}

/// What a configuration came to.
pub(crate) struct Setup {
    /// What was written, merged, expanded and brought up to date.
    pub(crate) root: Node,
    pub(crate) document: Document,
    pub(crate) effective: Effective,
    pub(crate) plan: Plan,
    /// Queues in memory that were to be on disk.
    pub(crate) volatile_queues: u32,
}

/// Effective configuration of the components, by section and id, for people.
pub(crate) type Effective = Vec<(Kind, Vec<(String, serde_json::Value)>)>;

/// Reads, checks and plans. `None` if `faults` has errors; warnings may be there in either case.
/// The faults are in the order of the sources and lines.
pub(crate) fn setup(asked: &Asked, faults: &mut Faults) -> Option<Setup> {
    setup_with(asked, &Online, faults)
}

/// The same, in an environment that the caller brings.
pub(crate) fn setup_with(
    asked: &Asked,
    environment: &dyn Environment,
    faults: &mut Faults,
) -> Option<Setup> {
    let setup = read(asked, environment, faults);
    faults.sort();
    setup
}

/// The configuration that runs when none is given, as `--config` would name it.
pub(crate) fn default_source() -> String {
    format!("yaml:{}", include_str!("default.yaml"))
}

fn read(asked: &Asked, environment: &dyn Environment, faults: &mut Faults) -> Option<Setup> {
    let mut root = config::load(&asked.sources, environment, faults)?;
    let terms = Terms {
        volatile_queues: asked.volatile_queues,
        has: &|kind, name| REGISTRY.has(kind, name),
    };
    let volatile_queues = legacy::modernize(&mut root, &terms, faults);
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
        volatile_queues,
    })
}
