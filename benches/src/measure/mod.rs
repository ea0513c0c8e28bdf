//! A collector measured as a black box, side by side with others: CPU per million spans, memory,
//! latency, losses.
//!
//! The collector has core 1 to itself; generator and sink share core 0. Rounds of the collectors
//! alternate, because a shared machine is faster or slower for minutes: only figures of
//! neighbouring rounds can be compared, and the minima are closer to the truth than the medians.
//! Distrust a round with high `pressure`.

mod cases;
mod table;

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

pub use self::cases::{CASES, Case};
pub use self::table::{Format, row, row_header, table};
use crate::generator::{self, Report};
use crate::process::{Collector, Launch, Usage};
use crate::sink::{self, Sink};
use crate::tls::Certificates;
use crate::{clock, oracle, sys};

/// Cores of the two sides.
const OUR_CORE: usize = 0;
const COLLECTOR_CORE: usize = 1;

/// A collector that is not ready by then has failed.
const START: Duration = Duration::from_secs(20);
/// Rest before the idle memory is read.
const REST: Duration = Duration::from_secs(1);
/// The load goes on so long after the window, so that the window never sees its end.
const RUN_OUT: Duration = Duration::from_secs(1);
/// What was acknowledged must have arrived by then.
const ARRIVAL: Duration = Duration::from_secs(10);
/// A collector that has not stopped by then is killed.
const STOP: Duration = Duration::from_secs(10);

/// Names the folder of the certificates to the configurations.
const TLS_FOLDER: &str = "BENCH_TLS";

/// The figures of one round.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    pub case: &'static str,
    pub collector: String,
    /// CPU seconds of the collector's process for a million delivered spans, or sent ones where it samples.
    pub cost: f64,
    /// Share of its core that the collector used.
    pub busy: f64,
    pub items_per_second: f64,
    /// From the start of the process to the first accepted connection.
    pub ready: Duration,
    /// Bytes at rest, before any load.
    pub idle: u64,
    /// Bytes at the end of the window, and the most until then.
    pub resident: u64,
    pub peak: u64,
    pub p50: Duration,
    pub p99: Duration,
    /// Acknowledged items that never arrived.
    pub lost: u64,
    pub refused: u64,
    /// Share of the last ten seconds in which somebody waited for a CPU, in percent; all processes
    /// of the machine.
    pub pressure: Option<f64>,
}

/// Binds the calling thread, and all that it starts from now on, to the core of generator and sink.
pub fn settle_down() -> io::Result<()> {
    sys::pin(OUR_CORE)
}

/// Measures one collector in one case. The ports 14317, 14318 and 15317 must be free.
pub fn round(case: &Case, name: &str, launch: &Launch) -> io::Result<Round> {
    let mut load = case.load();
    load.duration = case.warm_up + case.window + RUN_OUT;
    let mut options = sink::Options {
        listen: cases::SINK,
        ..sink::Options::default()
    };
    options.max_frame = case.max_frame.unwrap_or(options.max_frame);
    options.remember = load.record;
    let mut launch = Launch {
        core: Some(COLLECTOR_CORE),
        home: OUR_CORE,
        ..launch.clone()
    };
    let certificates = case.tls.then(Certificates::make).transpose()?;
    if let Some(certificates) = &certificates {
        let folder = certificates.folder().into();
        launch.environment.push((TLS_FOLDER.into(), folder));
        load.ca = Some(certificates.ca());
        [options.certificate, options.key] = certificates.server().map(Some);
    }
    let sink = Sink::start(options)?;
    let started = clock::now();
    let mut collector = Collector::start(&launch, case.config)?;
    await_port(&mut collector, load.target)?;
    let ready = clock::now().saturating_duration_since(started);
    clock::pause(REST);
    let idle = collector.usage()?.resident;

    let generator = std::thread::Builder::new().name("generator".to_owned());
    let generator = generator.spawn(move || generator::run_blocking(load))?;
    clock::pause(case.warm_up);
    let before = Look::at(&collector, &sink)?;
    clock::pause(case.window);
    let after = Look::at(&collector, &sink)?;
    let report = join(generator)?;
    let lost = if case.samples {
        0
    } else {
        lost(&sink, &report)
    };

    collector.terminate()?;
    // A collector that does not stop has still been measured; dropping it kills it.
    let _ = collector.wait_exit(STOP);
    let cpu = after.usage.cpu.saturating_sub(before.usage.cpu);
    let (cpu, window) = (cpu.as_secs_f64(), (after.at - before.at).as_secs_f64());
    let items = if case.samples {
        report.items_per_second() * window
    } else {
        after.items.saturating_sub(before.items) as f64
    };
    Ok(Round {
        case: case.name,
        collector: name.to_owned(),
        cost: cpu / items.max(1.0) * 1e6,
        busy: cpu / window,
        items_per_second: items / window,
        ready,
        idle,
        resident: after.usage.resident,
        peak: after.usage.peak,
        p50: report.latency.quantile(0.5),
        p99: report.latency.quantile(0.99),
        lost,
        refused: report.refusals(),
        pressure: pressure(),
    })
}

/// One end of the window.
struct Look {
    at: std::time::Instant,
    usage: Usage,
    items: u64,
}

impl Look {
    fn at(collector: &Collector, sink: &Sink) -> io::Result<Self> {
        Ok(Self {
            at: clock::now(),
            usage: collector.usage()?,
            items: sink.counts().items(),
        })
    }
}

fn await_port(collector: &mut Collector, address: SocketAddr) -> io::Result<()> {
    let ready = clock::poll(START, || match collector.try_exit() {
        Ok(None) => TcpStream::connect(address).is_ok().then_some(true),
        _ => Some(false),
    });
    if ready == Some(true) {
        return Ok(());
    }
    let why = if ready.is_none() {
        "does not listen"
    } else {
        "has ended"
    };
    let text = format!(
        "the collector {why} on {address}:\n{}",
        collector.lines().join("\n")
    );
    Err(io::Error::other(text))
}

fn join(generator: JoinHandle<io::Result<Report>>) -> io::Result<Report> {
    generator
        .join()
        .map_err(|_| io::Error::other("the generator panicked"))?
}

/// By id where ids are fresh; otherwise as the difference of two sums.
fn lost(sink: &Sink, report: &Report) -> u64 {
    let counts = match sink.wait(ARRIVAL, |counts| counts.items() >= report.items) {
        Ok(counts) | Err(counts) => counts,
    };
    if report.acked.is_empty() {
        return report.items.saturating_sub(counts.items());
    }
    oracle::judge(&report.acked, sink.ids()).lost
}

/// From `/proc/pressure/cpu`; some kernels have none.
fn pressure() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/pressure/cpu").ok()?;
    let (_, rest) = text.split_once("avg10=")?;
    rest.split_whitespace().next()?.parse().ok()
}
