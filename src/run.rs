//! A running process from its start to the account: workers for the data, this thread for signals,
//! reloads and what stands beside the pipelines.

use std::time::Duration;

use anyhow::Context;
use pipeline::Shared;
use pipeline::component::{Asked, Listening, LocalFuture, Reload, Reloads};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::account;
use crate::logs::Voice;
use crate::reload::Reloader;
use crate::running::Running;
use crate::setup::Setup;
use crate::sources::Watch;
use crate::supervisor::Supervisor;

/// What runs, and how it may change and end.
pub(crate) struct Run {
    pub(crate) setup: Setup,
    pub(crate) shared: Shared,
    pub(crate) voice: Voice,
    pub(crate) reloader: Reloader,
    /// Where a change of the files is reason enough for a reload.
    pub(crate) watch: Option<Watch>,
    pub(crate) ending: Ending,
}

/// How the process stops.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    /// How long it serves on after it has said that it will stop.
    pub(crate) delay: Duration,
    /// How long the drain may take before the rest is given up.
    pub(crate) timeout: Duration,
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

async fn live(run: Run, beside: Beside<'_>) -> anyhow::Result<()> {
    let Run {
        setup,
        shared,
        voice,
        reloader,
        mut watch,
        ending,
    } = run;
    let mut signals = Signals::listen()?;
    let mut hangups = listen(SignalKind::hangup())?;
    let (reload, mut reloads) = Reload::channel();
    let books = shared.books.clone();
    let mut running = Running::start(setup, shared, voice, reload)?;
    reloader.started(running.shared.clock.started_unix_nanos());
    tracing::info!("Everything is ready. Begin running and processing data.");
    let supervisor = Supervisor::find();
    supervisor.runs(Ok(&running.hash()));
    let watchdog = supervisor.watch(running.questions());
    let watchdog = tokio::task::spawn_local(watchdog);
    let mut companion = beside(&running.listening(), &running.shared);
    let ended = loop {
        let asked = tokio::select! {
            () = signals.stop() => break Ok(()),
            ended = &mut companion => break ended,
            asked = wish(&mut hangups, &mut reloads, watch.as_ref()) => asked,
        };
        supervisor.reloads();
        let reading = tokio::select! {
            () = signals.stop() => break Ok(()),
            ended = &mut companion => break ended,
            reading = reloader.read() => reading,
        };
        if let (Some(watch), Some(reading)) = (&mut watch, &reading) {
            watch.follow(&reading.prints);
        }
        let reloaded = reloader.take(reading, &mut running);
        let hash = running.hash();
        supervisor.runs(reloaded.as_ref().map(|_| &*hash).map_err(|_| &*hash));
        if let Some(asked) = asked {
            asked.answer(reloaded);
        }
    };
    // Who asks for a reload from here on is told that there is none.
    drop(reloads);
    supervisor.stops();
    stop(&mut running, &mut signals, ending).await;
    watchdog.abort();
    account::print(&books, &mut std::io::stderr().lock()).context("cannot print the account")?;
    ended
}

/// Resolves when somebody wants a reload, with whoever waits for its answer.
async fn wish(hangups: &mut Signal, reloads: &mut Reloads, watch: Option<&Watch>) -> Option<Asked> {
    let changed = async {
        match watch {
            Some(watch) => watch.changed().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = hangups.recv() => {
            tracing::info!(signal = "hangup", "Received signal from OS");
            None
        }
        () = changed => {
            tracing::info!("A file of the configuration has changed.");
            None
        }
        asked = reloads.next() => asked,
    }
}

/// Serves on for the delay, then lets what is here go on until the deadline. A second signal ends
/// either.
async fn stop(running: &mut Running, signals: &mut Signals, ending: Ending) {
    tracing::info!("Starting shutdown...");
    running.unready();
    let service = &mut running.service;
    if !ending.delay.is_zero() {
        service.leave();
        tracing::info!(delay = ?ending.delay, "Serving on, and asking who is connected to leave.");
    }
    let ended = async {
        tokio::time::sleep(ending.delay).await;
        service.drain();
        service.ended().await;
    };
    tokio::select! {
        () = ended => {}
        () = tokio::time::sleep(ending.delay + ending.timeout) => {
            tracing::warn!(timeout = ?ending.timeout, "The drain deadline has passed. Dropping data.");
        }
        () = signals.stop() => tracing::warn!("A second signal. Dropping data."),
    }
    running.service.abandon();
    running.service.ended().await;
    running.last_words().await;
    tracing::info!("Shutdown complete.");
}

fn listen(kind: SignalKind) -> anyhow::Result<Signal> {
    signal(kind).context("cannot listen for signals")
}

/// The signals that ask a process to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn stop(&mut self) {
        let signal = tokio::select! {
            _ = self.terminate.recv() => "terminated",
            _ = self.interrupt.recv() => "interrupt",
        };
        tracing::info!(signal, "Received signal from OS");
    }
}
