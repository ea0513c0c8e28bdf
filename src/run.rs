//! A running process: workers for the data, this thread for signals, extensions and the metrics page.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ledger::{Books, Budget, Kind};
use pipeline::component::{Extension, Health, Host, Label, Listening, LocalFuture, Vitals};
use pipeline::{Clock, ExtensionNode, Plan, Service, Shared};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How long a drain may take before the rest is given up. Kubernetes kills after 30 s.
pub(crate) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);

/// Tells whoever started the process where it listens.
pub(crate) type Announce<'a> = &'a mut dyn FnMut(&[(String, Listening)]);

/// Runs a plan until a signal asks it to stop; prints the account at the end.
pub(crate) fn run(
    plan: Plan,
    shared: &Shared,
    telemetry: Option<Box<dyn Extension>>,
    shutdown_timeout: Duration,
    announce: Announce<'_>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .context("cannot start the runtime")?;
    runtime.block_on(live(plan, shared, telemetry, shutdown_timeout, announce))
}

/// What every part of the process shares.
pub(crate) fn shared(budget: u64, metrics: telemetry::metrics::Metrics) -> Shared {
    Shared {
        books: Arc::new(Books::default()),
        budget: Budget::new(budget),
        metrics,
        clock: Clock::start(),
    }
}

async fn live(
    mut plan: Plan,
    shared: &Shared,
    telemetry: Option<Box<dyn Extension>>,
    shutdown_timeout: Duration,
    announce: Announce<'_>,
) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let mut extensions = build_extensions(std::mem::take(&mut plan.extensions), shared)?;
    if let Some(page) = telemetry {
        extensions.push(("telemetry".to_owned(), page));
    }
    let mut service = Service::start(plan, shared)?;
    let (health, watched) = watch::channel(Health::Starting);
    let vitals =
        Vitals { health: watched, clock: shared.clock, rooms: service.rooms().to_vec() };
    let mut listening: Vec<_> = service.listening().to_vec();
    for (id, extension) in extensions {
        listening.extend(extension.listening().into_iter().map(|l| (id.clone(), l)));
        let running: LocalFuture<'static, ()> = extension.run(vitals.clone(), service.stop());
        tokio::task::spawn_local(running);
    }
    health.send_replace(Health::Ready);
    for (id, socket) in &listening {
        tracing::info!(
            otelcol.component.id = id.as_str(),
            endpoint = %socket.address,
            "Starting {} server",
            socket.protocol.to_uppercase()
        );
    }
    tracing::info!("Everything is ready. Begin running and processing data.");
    announce(&listening);

    signals.next().await;
    tracing::info!("Starting shutdown...");
    health.send_replace(Health::Draining);
    service.drain();
    tokio::select! {
        () = service.ended() => {}
        () = tokio::time::sleep(shutdown_timeout) => {
            tracing::warn!(timeout = ?shutdown_timeout, "The drain deadline has passed. Dropping data.");
        }
        () = signals.next() => tracing::warn!("A second signal. Dropping data."),
    }
    service.abandon();
    service.ended().await;
    tracing::info!("Shutdown complete.");
    print_account(&shared.books, &mut std::io::stderr().lock()).context("cannot print the account")
}

fn build_extensions(
    nodes: Vec<ExtensionNode>,
    shared: &Shared,
) -> anyhow::Result<Vec<(String, Box<dyn Extension>)>> {
    let build = |node: ExtensionNode| {
        let label = Label {
            // Extensions have no account; the label serves their log lines alone.
            kind: Kind::Extension,
            id: node.id.clone(),
            signal: None,
            pipeline: None,
        };
        let host = Host {
            budget: Arc::clone(&shared.budget),
            metrics: shared.metrics.clone(),
            clock: shared.clock,
            label,
        };
        let built = (node.build.make)(&host)
            .map_err(|text| anyhow::anyhow!("failed to start extension {}: {text}", node.id))?;
        Ok((node.id, built))
    };
    nodes.into_iter().map(build).collect()
}

/// One line a node and signal: what came in and what became of it.
fn print_account(books: &Books, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(
        out,
        "{:<44} {:>14} {:>14} {:>12} {:>12} {:>8}",
        "account (items)", "in", "out", "dropped", "rejected", "held"
    )?;
    for (key, tally) in books.tallies() {
        let place = if key.pipeline.is_empty() { key.transport } else { key.pipeline.as_str() };
        let node = format!("{} {} {} {place}", key.kind, key.id, key.signal);
        writeln!(
            out,
            "{:<44} {:>14} {:>14} {:>12} {:>12} {:>8}",
            node.trim_end(),
            tally.taken,
            tally.passed,
            tally.dropped_total(),
            tally.rejected_total(),
            tally.held()
        )?;
    }
    Ok(())
}

/// The signals that ask a process to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
