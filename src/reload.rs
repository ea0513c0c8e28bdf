//! Reading the configuration again: what asks for it, and what is said of how it went.

use std::time::Duration;

use config::{Fault, Faults, Format, Severity};
use pipeline::component::Reloaded;
use telemetry::metrics::{Counter, Family, Gauge, Metrics};

use crate::running::Running;
use crate::setup::{Asked, Setup, setup_with};
use crate::sources::{Print, Recorded};

const RELOADS: Family = Family::counter(
    "tracegate_config_reloads",
    "Reloads of the configuration, by how they ended",
);
const SUCCESSFUL: Family = Family::gauge(
    "tracegate_config_last_reload_successful",
    "Whether the last reload was taken: 0 means that an older configuration runs",
);
const SUCCEEDED_AT: Family = Family::gauge(
    "tracegate_config_last_reload_success_timestamp",
    "When the configuration that runs was taken, in seconds since the epoch",
)
.seconds();

/// Reads what the command line names, as often as somebody asks.
pub(crate) struct Reloader {
    asked: Asked,
    /// What a reload takes out is given this long to end.
    grace: Duration,
    taken: Counter,
    refused: Counter,
    successful: Gauge,
    succeeded_at: Gauge,
}

/// What reading the sources came to.
pub(crate) struct Reading {
    setup: Option<Setup>,
    faults: Faults,
    /// The files that were read, as they were before.
    pub(crate) prints: Vec<Print>,
}

impl Reloader {
    pub(crate) fn new(asked: Asked, grace: Duration, metrics: &Metrics) -> Self {
        let reloads = |result| metrics.counter(&RELOADS, &[("result", result)]);
        let gauge = |family| metrics.gauge(family, &[]);
        let new = Self {
            asked,
            grace,
            taken: reloads("success"),
            refused: reloads("failure"),
            successful: gauge(&SUCCESSFUL),
            succeeded_at: gauge(&SUCCEEDED_AT),
        };
        new.taken.add(0);
        new.refused.add(0);
        new
    }

    /// The start is no reload, and what it has taken runs.
    pub(crate) fn started(&self, unix_nanos: u64) {
        self.note_success(unix_nanos);
    }

    /// Reads the sources on a thread of its own, since one of them may be a server that is slow to answer.
    pub(crate) async fn read(&self) -> Option<Reading> {
        let asked = self.asked.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let mut faults = Faults::new();
            let environment = Recorded::default();
            let setup = setup_with(&asked, &environment, &mut faults);
            Reading {
                setup,
                faults,
                prints: environment.into_prints(),
            }
        });
        // An error means that the thread could not be had, or that reading panicked.
        reading.await.ok()
    }

    /// Runs what was read, or keeps what runs and says why.
    pub(crate) fn take(&self, reading: Option<Reading>, running: &mut Running) -> Reloaded {
        let now = running.shared.clock.now();
        let reloaded = match reading {
            Some(reading) => self.exchange(reading, running),
            None => Err("the configuration could not be read".to_owned()),
        };
        match &reloaded {
            Ok(changes) => {
                self.taken.add(1);
                self.note_success(now.unix_nanos);
                let took = running.shared.clock.now().mono - now.mono;
                tracing::info!(
                    changes,
                    hash = running.hash(),
                    ?took,
                    "Configuration reloaded."
                );
            }
            Err(_) => {
                self.refused.add(1);
                self.successful.set(0);
                tracing::error!(
                    hash = running.hash(),
                    "Cannot reload the configuration. What runs goes on unchanged."
                );
            }
        }
        reloaded
    }

    fn exchange(&self, reading: Reading, running: &mut Running) -> Reloaded {
        let Reading { setup, faults, .. } = reading;
        faults.iter().for_each(log);
        let Some(setup) = setup else {
            let mut report = Vec::new();
            // Writing to memory does not fail.
            let _ = faults.write(Format::Human, &mut report);
            return Err(String::from_utf8_lossy(&report).into_owned());
        };
        running
            .exchange(setup, self.grace)
            .inspect_err(|text| tracing::error!("{text}"))
    }

    fn note_success(&self, unix_nanos: u64) {
        const NANOS: u64 = 1_000_000_000;
        self.successful.set(1);
        self.succeeded_at.set((unix_nanos / NANOS).cast_signed());
    }
}

/// A fault as a line of the log.
pub(crate) fn log(fault: &Fault) {
    let place = fault.place.as_ref().map(tracing::field::display);
    let (path, help, text) = (&fault.path, &fault.help, &fault.text);
    match fault.severity {
        Severity::Warning => tracing::warn!(place, path, help, "{text}"),
        Severity::Error => tracing::error!(place, path, help, "{text}"),
    }
}
