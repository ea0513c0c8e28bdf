//! A running process: workers for the data, this thread for signals, extensions and the metrics
//! page.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ledger::{Books, Budget, Kind, Reason};
use pipeline::component::{
    Extension, Extensions, Health, Host, Label, Listening, LocalFuture, Outline, Reload, Vitals,
};
use pipeline::{Clock, ExtensionNode, Plan, Service, Shared};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How long our own telemetry may take to send its last figures once the service has ended.
const LAST_WORDS_MAX: Duration = Duration::from_secs(3);

/// What runs, and how it may end.
pub(crate) struct Run {
    pub(crate) plan: Plan,
    pub(crate) shared: Shared,
    /// Pages of our own telemetry: extensions that no configuration names.
    pub(crate) pages: Vec<(String, Box<dyn Extension>)>,
    /// What the plan was made from, for those who ask.
    pub(crate) outline: Outline,
    /// How long the drain may take before the rest is given up.
    pub(crate) shutdown_timeout: Duration,
}

/// Told where the service listens, by component id, as soon as it does. What it returns runs beside
/// the service, and when that ends the service is asked to stop.
pub(crate) type Beside<'a> =
    &'a dyn Fn(&[(String, Listening)], &Shared) -> LocalFuture<'static, anyhow::Result<()>>;

/// Runs until a signal or `beside` ends it; prints the account at the end.
pub(crate) fn run(run: Run, beside: Beside<'_>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .context("cannot start the runtime")?;
    runtime.block_on(live(run, beside))
}

/// What every part of the process shares.
pub(crate) fn shared(budget: u64, clock: Clock) -> Shared {
    Shared {
        books: Arc::new(Books::default()),
        budget: Budget::new(budget),
        errors: Arc::default(),
        agents: Arc::default(),
        metrics: telemetry::metrics::Metrics::default(),
        clock,
        extensions: Extensions::default(),
    }
}

async fn live(run: Run, beside: Beside<'_>) -> anyhow::Result<()> {
    let Run {
        mut plan,
        mut shared,
        pages,
        outline,
        shutdown_timeout,
    } = run;
    let mut signals = Signals::listen()?;
    let mut extensions = build_extensions(std::mem::take(&mut plan.extensions), &mut shared)?;
    let asked_for = extensions.len();
    extensions.extend(pages);
    let mut service = Service::start(plan, &shared)?;
    let (reload, mut reloads) = Reload::channel();
    tokio::task::spawn_local(async move {
        while let Some(asked) = reloads.next().await {
            asked.answer(Err("reloading is still to be built".to_owned()));
        }
    });
    let (health, watched) = watch::channel(Health::Starting);
    // The sender is held to the end, so that nobody who waits for another outline is told of an end.
    let (_outlines, outlined) = watch::channel(Arc::new(outline));
    let vitals = Vitals {
        health: watched,
        shared: shared.clone(),
        rooms: service.rooms(),
        outline: outlined,
        reload,
    };
    let mut beside_pipelines = Vec::new();
    let mut running = Vec::new();
    for (id, extension) in extensions {
        let sockets = extension.listening().into_iter();
        beside_pipelines.extend(sockets.map(|socket| (id.clone(), socket)));
        let run = extension.run(vitals.clone(), service.stop());
        running.push(tokio::task::spawn_local(run));
    }
    health.send_replace(Health::Ready);
    let receiving = service.listening();
    log_listening(Kind::Receiver, &receiving);
    log_listening(Kind::Extension, &beside_pipelines);
    tracing::info!("Everything is ready. Begin running and processing data.");
    let listening = [receiving, beside_pipelines].concat();
    let companion = beside(&listening, &shared);
    let ended = tokio::select! {
        () = signals.next() => Ok(()),
        ended = companion => ended,
    };
    tracing::info!("Starting shutdown...");
    health.send_replace(Health::Draining);
    drain(&mut service, &mut signals, shutdown_timeout).await;
    for page in running.drain(asked_for..) {
        // Who does not end in time, or has ended badly, has nothing more to say.
        let _ = tokio::time::timeout(LAST_WORDS_MAX, page).await;
    }
    tracing::info!("Shutdown complete.");
    print_account(&shared.books, &mut std::io::stderr().lock())
        .context("cannot print the account")?;
    ended
}

fn log_listening(kind: Kind, sockets: &[(String, Listening)]) {
    for (id, socket) in sockets {
        tracing::info!(
            otelcol.component.id = id,
            otelcol.component.kind = kind.name(),
            endpoint = %socket.address,
            "Starting {} server",
            socket.protocol.to_uppercase()
        );
    }
}

/// Lets what is here go on until the deadline or a second signal.
async fn drain(service: &mut Service, signals: &mut Signals, deadline: Duration) {
    service.drain();
    tokio::select! {
        () = service.ended() => {}
        () = tokio::time::sleep(deadline) => {
            tracing::warn!(timeout = ?deadline, "The drain deadline has passed. Dropping data.");
        }
        () = signals.next() => tracing::warn!("A second signal. Dropping data."),
    }
    service.abandon();
    service.ended().await;
}

fn build_extensions(
    nodes: Vec<ExtensionNode>,
    shared: &mut Shared,
) -> anyhow::Result<Vec<(String, Box<dyn Extension>)>> {
    let mut extensions = Vec::with_capacity(nodes.len());
    for node in nodes {
        let id = node.id.to_string();
        match (node.build.make)(&host(&id, shared)) {
            Ok(built) => {
                shared.extensions.add(&node.id, built.as_ref());
                extensions.push((id, built));
            }
            Err(text) if node.implied => tracing::warn!(
                otelcol.component.id = id,
                otelcol.component.kind = Kind::Extension.name(),
                reason = text,
                "Going on without an extension that no file asks for. Give it a free port, or \
                 switch it off: `extensions: {{{id}: {{enabled: false}}}}`"
            ),
            Err(text) => anyhow::bail!("failed to start extension {id}: {text}"),
        }
    }
    Ok(extensions)
}

/// Extensions have no account; the label serves their log lines alone.
fn host(id: &str, shared: &Shared) -> Host {
    Host {
        budget: Arc::clone(&shared.budget),
        metrics: shared.metrics.clone(),
        clock: shared.clock,
        label: Label {
            kind: Kind::Extension,
            id: id.to_owned(),
            signal: None,
            pipeline: None,
        },
        extensions: shared.extensions.clone(),
    }
}

/// One line a node and signal, what came in and what became of it, and below it the reasons of its
/// losses.
fn print_account(books: &Books, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(
        out,
        "{:<44} {:>14} {:>14} {:>12} {:>12} {:>8}",
        "account (items)", "in", "out", "dropped", "rejected", "held"
    )?;
    for (key, tally) in books.tallies() {
        let place = if key.pipeline.is_empty() {
            key.transport
        } else {
            key.pipeline.as_str()
        };
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
        for (fate, items) in [("dropped", &tally.dropped), ("rejected", &tally.rejected)] {
            print_reasons(fate, items, out)?;
        }
    }
    Ok(())
}

/// Why items ended at a node, below its line; nothing where none did.
fn print_reasons(
    fate: &str,
    items: &[u64; Reason::ALL.len()],
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let some = Reason::ALL
        .iter()
        .zip(items)
        .filter(|(_, items)| **items > 0);
    let reasons: Vec<_> = some
        .map(|(reason, items)| format!("{items} {reason}"))
        .collect();
    if reasons.is_empty() {
        return Ok(());
    }
    writeln!(out, "  {fate}: {}", reasons.join(", "))
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
        let signal = tokio::select! {
            _ = self.terminate.recv() => "terminated",
            _ = self.interrupt.recv() => "interrupt",
        };
        tracing::info!(signal, "Received signal from OS");
    }
}

#[cfg(test)]
mod tests {
    use pipeline::Identity;
    use pipeline::component::BuildExtension;

    use super::*;

    #[test]
    fn only_what_somebody_asked_for_must_start() {
        let build = |implied| {
            let node = ExtensionNode {
                id: "admin".parse().unwrap(),
                implied,
                identity: Identity::default(),
                build: BuildExtension {
                    make: Arc::new(|_| Err("its port is taken".to_owned())),
                    offers: Vec::new(),
                    needs: Vec::new(),
                },
            };
            let mut shared = shared(1 << 20, Clock::start());
            build_extensions(vec![node], &mut shared).map(|built| built.len())
        };
        assert_eq!(build(true).unwrap(), 0);
        let error = build(false).unwrap_err().to_string();
        assert_eq!(error, "failed to start extension admin: its port is taken");
    }
}
