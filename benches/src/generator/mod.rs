//! The load generator: so many connections with so many requests in flight each, as fast as the
//! collector answers, at a fixed rate, or in an open loop that keeps sending when answers are late.
//!
//! A request is sent once. Whatever was not acknowledged is counted by its reason and never sent
//! again, so that the oracle can hold the collector to exactly what it acknowledged.

mod bodies;
mod client;
mod lanes;
mod report;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use otlp::Signal;

pub use self::report::{Refused, Report};
use crate::Protocol;
use crate::coding::Coding;
use crate::payload::Shape;
use crate::protocol::parse_signal;

/// What to send, how fast, and for how long.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Where the collector listens.
    #[arg(long, default_value_t = Self::DEFAULT.target)]
    pub target: SocketAddr,
    #[arg(long, value_enum, default_value_t = Self::DEFAULT.protocol)]
    pub protocol: Protocol,
    /// traces, metrics or logs.
    #[arg(long, value_parser = parse_signal, default_value_t = Self::DEFAULT.signal)]
    pub signal: Signal,
    /// Connections; on HTTP each request in flight has one of its own.
    #[arg(long, default_value_t = Self::DEFAULT.connections)]
    pub connections: usize,
    /// Requests in flight on each connection.
    #[arg(long, default_value_t = Self::DEFAULT.in_flight)]
    pub in_flight: usize,
    /// Items in each request.
    #[arg(long, default_value_t = Self::DEFAULT.items)]
    pub items: usize,
    /// Spans (or log records) that share a trace id.
    #[arg(long, default_value_t = Self::DEFAULT.trace_items)]
    pub trace_items: usize,
    /// Items per second over all connections; 0 is as fast as the collector answers.
    #[arg(long, default_value_t = Self::DEFAULT.rate)]
    pub rate: f64,
    /// With --rate: send on time even when earlier requests are not answered yet.
    #[arg(long, requires = "rate")]
    pub open: bool,
    /// Stop after so many seconds.
    #[arg(long = "seconds", value_parser = parse_seconds, default_value = "5")]
    pub duration: Duration,
    /// Stop after so many requests, if that comes first.
    #[arg(long)]
    pub requests: Option<u64>,
    #[arg(long, value_enum, default_value_t = Self::DEFAULT.compression)]
    pub compression: Coding,
    /// Send the same body again and again: cheapest for the generator, but ids repeat and no oracle
    /// can judge.
    #[arg(long = "static")]
    pub fixed: bool,
    /// Number of the first request, at least 1: keeps runs apart that one oracle judges together.
    #[arg(long, default_value_t = Self::DEFAULT.first)]
    pub first: u64,
    /// Append every acknowledged request to this file.
    #[arg(long)]
    pub acked: Option<PathBuf>,
    /// Keep every acknowledged request in [`Report::acked`].
    #[arg(skip)]
    pub record: bool,
    /// Connect again when a connection breaks or cannot be made, until the time is over.
    #[arg(long)]
    pub persist: bool,
    /// Speak TLS, and trust this authority.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Give a request up after so many seconds without an answer.
    #[arg(long = "patience", value_parser = parse_seconds, default_value = "30")]
    pub patience: Duration,
    /// A header for every request, as NAME=VALUE.
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = parse_header)]
    pub headers: Vec<(String, String)>,
}

impl Options {
    const DEFAULT: Self = Self {
        target: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4317),
        protocol: Protocol::Grpc,
        signal: Signal::Traces,
        connections: 4,
        in_flight: 4,
        items: 512,
        trace_items: 10,
        rate: 0.0,
        open: false,
        duration: Duration::from_secs(5),
        requests: None,
        compression: Coding::None,
        fixed: false,
        first: 1,
        acked: None,
        record: false,
        persist: false,
        ca: None,
        patience: Duration::from_secs(30),
        headers: Vec::new(),
    };

    const fn shape(&self) -> Shape {
        Shape {
            signal: self.signal,
            items: self.items,
            trace_items: self.trace_items,
        }
    }

    fn check(&self) -> io::Result<()> {
        let faults = [
            (
                self.connections == 0 || self.in_flight == 0,
                "somebody must send: at least 1",
            ),
            (
                self.first == 0,
                "requests count from 1: an all-zero span id is invalid",
            ),
            (
                !self.rate.is_finite() || self.rate < 0.0,
                "a rate is not negative",
            ),
            (self.open && self.rate == 0.0, "an open loop needs a rate"),
            (
                self.fixed && (self.record || self.acked.is_some()),
                "static bodies repeat their ids: nothing can be said about lost items",
            ),
        ];
        match faults.into_iter().find(|(wrong, _)| *wrong) {
            Some((_, text)) => Err(io::Error::new(io::ErrorKind::InvalidInput, text)),
            None => Ok(()),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Runs to the end of the load. Refusals and broken connections are part of the report; an error
/// means that the options make no sense or the file of acknowledgements cannot be written.
///
/// The future is not `Send`: await it on a current-thread runtime, or use [`run_blocking`].
pub async fn run(options: Options) -> io::Result<Report> {
    options.check()?;
    lanes::run(options).await
}

/// [`run`] on a runtime of its own, for tests and threads without one.
pub fn run_blocking(options: Options) -> io::Result<Report> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(options))
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "expected a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
