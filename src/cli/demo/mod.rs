//! `demo`: the service with a small shop as its client. The shop's requests go through the
//! service's own port, and a line a second says from the books what became of them.

mod client;
mod figures;
mod sampling;
mod shop;
mod visit;

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use config::Faults;
use otlp::Signal;
use pipeline::Shared;
use pipeline::component::Listening;
use telemetry::metrics::Level;

use self::client::Client;
use self::figures::Figures;
use self::shop::Shop;
use super::{Answer, Given, start};
use crate::setup::{Asked, setup};

/// Laid over the embedded configuration: traces are sampled, and the rest is quiet because the figures are what is to
/// be seen.
const OVERLAY: &str = "\
yaml:processors::tail_sampling:
  decision_wait: 1s
  policies:
    - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
    - {name: slow, type: latency, latency: {threshold_ms: 250}}
    - {name: tenth, type: probabilistic, probabilistic: {sampling_percentage: 10}}
service::pipelines::traces::processors: [memory_limiter, tail_sampling, batch]
exporters::debug::verbosity: basic
service::telemetry::logs::level: warn
";

/// How often the shop sends traces and logs.
const TURN: Duration = Duration::from_millis(100);

/// How often the shop sends its counters, and how often a line is printed.
const SECOND: Duration = Duration::from_secs(1);

pub(super) fn run(
    given: &Given,
    seconds: Option<u32>,
    running: &start::Running,
    err: &mut dyn Write,
) -> Answer {
    let asked = asked(given);
    // Read twice, so that a column stands for each policy from the first line on. What is wrong is said when it starts.
    let setup = setup(&asked, &mut Faults::new());
    let policies = setup.map_or_else(Vec::new, |setup| sampling::policies(&setup.effective));
    start::serve(&asked, running, err, &|listening, shared| {
        let (address, shared) = (otlp_address(listening), shared.clone());
        let policies = policies.clone();
        Box::pin(async move {
            let address = address?;
            tokio::select! {
                closed = trade(address, &shared) => closed,
                reported = report(&shared, &policies, seconds) => reported,
            }
        })
    })
}

/// A configuration of the user's own is run as it is.
fn asked(given: &Given) -> Asked {
    let mut asked = given.named_or_embedded();
    if given.configs.is_empty() {
        asked.sources.configs.push(OVERLAY.to_owned());
    }
    asked
}

/// Where the shop sends to.
fn otlp_address(listening: &[(String, Listening)]) -> anyhow::Result<SocketAddr> {
    let is_otlp = |id: &str| id.split('/').next() == Some("otlp");
    let found = listening
        .iter()
        .find(|(id, socket)| is_otlp(id) && socket.protocol == "grpc");
    let (_, socket) = found.context(
        "the demo sends over gRPC: give an `otlp` receiver with `protocols::grpc` to a pipeline",
    )?;
    socket
        .address
        .parse()
        .context("the receiver does not listen on TCP")
}

/// Sends for ever. A request that is refused is gone, as with most clients; the log says why.
async fn trade(address: SocketAddr, shared: &Shared) -> anyhow::Result<()> {
    let mut client = Client::new(address)?;
    let opened = shared.clock.now().unix_nanos;
    let mut shop = Shop::open(opened);
    let mut counted = opened;
    let mut turns = tokio::time::interval(TURN);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        let now = shared.clock.now().unix_nanos;
        let turn = shop.turn(now)?;
        client.send(Signal::Traces, turn.traces).await;
        client.send(Signal::Logs, turn.logs).await;
        if now.saturating_sub(counted) >= SECOND.as_nanos() as u64 {
            counted = now;
            client.send(Signal::Metrics, shop.counters(now)?).await;
        }
    }
}

/// Prints a line a second until the time is up, if there is one.
async fn report(shared: &Shared, policies: &[String], seconds: Option<u32>) -> anyhow::Result<()> {
    let print =
        |line: String| writeln!(std::io::stdout(), "{line}").context("cannot print the figures");
    print(Figures::head() + &sampling::head(policies))?;
    let mut ticks = tokio::time::interval(SECOND);
    ticks.tick().await;
    for second in 1..=seconds.unwrap_or(u32::MAX) {
        ticks.tick().await;
        let figures = Figures::of(&shared.books.tallies()).line(second);
        print(figures + &sampling::line(policies, &shared.metrics.collect(Level::Basic)))?;
    }
    Ok(())
}
