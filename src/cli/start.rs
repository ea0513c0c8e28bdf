//! Running a configuration: from its sources to the end of the process.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use config::{Faults, Format, GoDuration};
use pipeline::Clock;

use super::{Answer, Failure, Given, welcome};
use crate::logs::Voice;
use crate::machine;
use crate::reload::{self, Reloader};
use crate::run::{self, Beside, Ending, Run};
use crate::running::shared;
use crate::setup::{Asked, setup_with};
use crate::sources::{Recorded, Watch};

/// How the service runs, whatever it does.
#[derive(Args, Debug)]
pub(super) struct Running {
    /// Reload when a file of the configuration changes
    #[arg(long)]
    watch: bool,
    /// How long to serve on when asked to stop, until nobody sends any more
    #[arg(long, value_name = "TIME", default_value_t = GoDuration::ZERO, value_parser = time)]
    shutdown_delay: GoDuration,
    /// What a stop may take then, before the rest is dropped
    #[arg(long, value_name = "TIME", default_value_t = default_timeout(), value_parser = time)]
    shutdown_timeout: GoDuration,
}

/// What `tracegate` does without a command.
pub(super) fn run(given: &Given, running: &Running, err: &mut dyn Write) -> Answer {
    let asked = given.asked_or_embedded();
    let is_embedded = given.configs.is_empty() && asked.found.is_none();
    serve(&asked, running, err, &|listening, shared| {
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
    running: &Running,
    err: &mut dyn Write,
    beside: Beside<'_>,
) -> Answer {
    let mut faults = Faults::new();
    let environment = Recorded::default();
    let Some(setup) = setup_with(asked, &environment, &mut faults) else {
        faults.write(Format::Human, err)?;
        return Err(Failure::Told);
    };
    let clock = Clock::start();
    let voice = Voice::install(&setup.document.service.telemetry, clock)?;
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
    let (connections, why) = machine::connections(budget);
    net::connections().set_limit(connections);
    tracing::info!(
        connections,
        why,
        "Connections that are taken at the same time."
    );
    faults.iter().for_each(reload::log);
    let shared = shared(budget, clock);
    let ending = running.ending();
    run::run(
        Run {
            setup,
            voice,
            reloader: Reloader::new(asked.clone(), ending.timeout, &shared.metrics),
            watch: running.watch.then(|| Watch::new(environment.into_prints())),
            shared,
            ending,
        },
        beside,
    )?;
    Ok(())
}

// === impl Running ===

impl Running {
    fn ending(&self) -> Ending {
        Ending {
            delay: self.shutdown_delay.get(),
            timeout: self.shutdown_timeout.get(),
        }
    }
}

fn default_timeout() -> GoDuration {
    /// Kubernetes kills after 30 s.
    const SECONDS: i64 = 25;
    GoDuration::from_secs(SECONDS)
}

fn time(text: &str) -> Result<GoDuration, String> {
    let time: GoDuration = text
        .parse()
        .map_err(|fault| format!("{fault}, write `25s`"))?;
    if time.is_negative() || time.get() > TIME_MAX {
        return Err("it must be between 0s and 24h".to_owned());
    }
    Ok(time)
}

/// Whoever waits longer than a day for a stop has made a slip; the bound keeps sums of times from
/// overflowing.
const TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_and_a_bound() {
        let check = |text: &str, expected: Option<Duration>| {
            assert_eq!(time(text).ok().map(GoDuration::get), expected, "{text}");
        };
        check("1m30s", Some(Duration::from_secs(90)));
        check("0s", Some(Duration::ZERO));
        check("25", None);
        check("-1s", None);
        check("25h", None);
    }
}
