//! Running a configuration: from its sources to the end of the process.

use std::io::Write;
use std::time::Duration;

use config::{Fault, Faults, Format, Severity};
use pipeline::{Clock, Shared};
use telemetry::metrics::{Family, Gauge};

use super::{Answer, Failure, Given, welcome};
use crate::run::{self, Beside, Run};
use crate::setup::{Asked, setup};
use crate::{logs, machine, outline};

/// What `tracegate` does without a command.
pub(super) fn run(given: &Given, shutdown_timeout: Duration, err: &mut dyn Write) -> Answer {
    let asked = given.asked_or_embedded();
    let is_embedded = given.configs.is_empty() && asked.found.is_none();
    serve(&asked, shutdown_timeout, err, &|listening, shared| {
        if is_embedded {
            let text = welcome::text(listening, shared.clock.now().unix_nanos);
            // A service whose standard error is closed still serves.
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
        Box::pin(std::future::pending())
    })
}

/// Runs what the sources say until it is asked to stop or `beside` ends.
pub(super) fn serve(
    asked: &Asked,
    shutdown_timeout: Duration,
    err: &mut dyn Write,
    beside: Beside<'_>,
) -> Answer {
    let mut faults = Faults::new();
    let Some(setup) = setup(asked, &mut faults) else {
        faults.write(Format::Human, err)?;
        return Err(Failure::Told);
    };
    let clock = Clock::start();
    let telemetry = &setup.document.service.telemetry;
    let resource = logs::resource(telemetry)?;
    logs::install(&telemetry.logs, &resource, clock)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    tracing::info!(
        Version = env!("CARGO_PKG_VERSION"),
        NumCPU = cores,
        "Starting tracegate..."
    );
    if let Some(path) = &asked.found {
        tracing::info!(
            path,
            "No --config is given. Using the file in its usual place."
        );
    }
    let (budget, why) = machine::budget();
    tracing::info!(
        bytes = budget,
        why,
        "Memory budget for telemetry on its way."
    );
    faults
        .iter()
        .filter(|fault| fault.severity == Severity::Warning)
        .for_each(warn);
    let shared = run::shared(budget, clock);
    // Shown for as long as it is held.
    let _gauge = volatile_queues(setup.volatile_queues, &shared);
    let page = admin::metric_readers(telemetry, &resource, &shared).map_err(anyhow::Error::msg)?;
    let pages = page
        .map(|page| (welcome::METRICS.to_owned(), page))
        .into_iter()
        .collect();
    let outline = outline::of(&setup)?;
    run::run(
        Run {
            plan: setup.plan,
            outline,
            shared,
            pages,
            shutdown_timeout,
        },
        beside,
    )?;
    Ok(())
}

/// Shows how many queues are in memory that were to be on disk.
fn volatile_queues(count: u32, shared: &Shared) -> Option<Gauge> {
    const FAMILY: Family = Family::gauge(
        "tracegate_volatile_queues",
        "Sending queues in memory whose configuration wants them on disk",
    );
    let gauge = (count > 0).then(|| shared.metrics.gauge(&FAMILY, &[]))?;
    gauge.set(i64::from(count));
    Some(gauge)
}

fn warn(fault: &Fault) {
    tracing::warn!(
        place = fault.place.as_ref().map(tracing::field::display),
        path = fault.path,
        help = fault.help,
        "{}",
        fault.text
    );
}
