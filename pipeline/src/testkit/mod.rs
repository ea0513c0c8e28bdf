//! What every component must be: the contract suite, run by each component crate over its own table.
//!
//! Behind the feature `testkit`, which only tests enable.

pub mod bench;
mod connector;
mod processor;
mod samples;
mod table;
mod verdicts;

use std::sync::Arc;

use config::{Document, Faults, Sources};
use ledger::{Budget, Kind};
use otlp::Signal;

use crate::clock::Clock;
use crate::component::{Extensions, Host, Label};
use crate::service::Shared;

pub use connector::check_connectors;
pub use processor::check_processors;
pub use samples::{items_of, sample};
pub use table::check_table;
pub use verdicts::{Desk, ask_about, verdicts};

/// What the parts of a process share, with a budget of 1 GiB.
pub fn shared() -> Shared {
    Shared {
        extensions: Extensions::default(),
        instance: "test".into(),
        books: Arc::default(),
        budget: Budget::new(1 << 30),
        errors: Arc::default(),
        agents: Arc::default(),
        metrics: telemetry::metrics::Metrics::default(),
        clock: Clock::start(),
    }
}

/// A host for one component under test, with a budget of 1 GiB.
pub fn host(kind: Kind, id: &str, signal: Option<Signal>) -> Host {
    Host {
        budget: Budget::new(1 << 30),
        metrics: telemetry::metrics::Metrics::default(),
        clock: Clock::start(),
        label: Label {
            kind,
            id: id.to_owned(),
            signal,
            pipeline: None,
        },
        extensions: Extensions::default(),
        instance: "test".into(),
        verdicts: None,
    }
}

/// A host that shares `budget` with its test.
pub fn host_with(budget: Arc<Budget>, kind: Kind, id: &str) -> Host {
    Host {
        budget,
        ..host(kind, id, None)
    }
}

/// Reads a document from text, as from `--config`.
pub fn document(yaml: &str, faults: &mut Faults) -> Option<Document> {
    struct Nothing;
    impl config::Environment for Nothing {
        fn variable(&self, _name: &str) -> Option<String> {
            None
        }
        fn file(&self, path: &str) -> Result<String, String> {
            Err(format!("{path}: tests have no files"))
        }
    }
    let sources = Sources {
        configs: vec![format!("yaml:{yaml}")],
        sets: Vec::new(),
    };
    let root = config::load(&sources, &Nothing, faults)?;
    Some(Document::read(&root, faults))
}
