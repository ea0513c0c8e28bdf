//! The service of the product in this process, as its composition root builds it.

use std::net::SocketAddr;
use std::sync::Arc;

use benches::Protocol;
use config::{Document, Faults, ProcessEnvironment, Sources};
use ledger::{Books, Budget};
use pipeline::component::Registry;
use pipeline::{Clock, Plan, Planner, Service, Shared};
use tokio::runtime::Runtime;

const REGISTRY: Registry = Registry {
    receivers: receivers::ALL,
    processors: processors::ALL,
    exporters: exporters::ALL,
    connectors: connectors::ALL,
    extensions: &[],
    foreign: |_, _| None,
};

/// Payload that the service may hold; far more than a test sends.
const BUDGET: u64 = 1 << 30;

pub(crate) struct Running {
    service: Service,
    books: Arc<Books>,
    runtime: Runtime,
}

impl Running {
    /// Starts the configuration `yaml` with some values replaced, each given as `a.b.c=value`.
    pub(crate) fn start(yaml: &str, sets: &[&str]) -> Self {
        let shared = Shared {
            extensions: pipeline::component::Extensions::default(),
            instance: "test".into(),
            books: Arc::default(),
            errors: Arc::default(),
            agents: Arc::default(),
            budget: Budget::new(BUDGET),
            metrics: telemetry::metrics::Metrics::default(),
            clock: Clock::start(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread();
        Self {
            service: Service::start(plan(yaml, sets), &shared).unwrap(),
            books: Arc::clone(&shared.books),
            runtime: { runtime }.build().unwrap(),
        }
    }

    /// Where the receiver listens for this protocol.
    pub(crate) fn address(&self, protocol: Protocol) -> SocketAddr {
        let name = match protocol {
            Protocol::Grpc => "grpc",
            Protocol::Http => "http",
        };
        let sockets = self.service.listening().into_iter();
        let mut addresses = sockets.filter(|(_, socket)| socket.protocol == name);
        let address = &addresses.next().expect("it listens").1.address;
        address.parse().expect("it listens on TCP")
    }

    /// Drains and waits for the last worker. The books must balance.
    pub(crate) fn stop(mut self) {
        self.service.drain();
        self.runtime.block_on(self.service.ended());
        for (key, tally) in self.books.tallies() {
            assert_eq!(tally.held(), 0, "{key:?} {tally:?}");
        }
    }
}

fn plan(yaml: &str, sets: &[&str]) -> Plan {
    let sources = Sources {
        configs: vec![format!("yaml:{yaml}")],
        sets: sets.iter().map(|&set| set.to_owned()).collect(),
    };
    let mut faults = Faults::new();
    let plan = config::load(&sources, &ProcessEnvironment, &mut faults).and_then(|root| {
        let document = Document::read(&root, &mut faults);
        document.check(&mut faults);
        Planner::read(&document, &REGISTRY, &mut faults).plan(&document, &mut faults)
    });
    plan.unwrap_or_else(|| {
        let faults: Vec<_> = faults.iter().map(|fault| &fault.text).collect();
        panic!("{faults:?}")
    })
}
