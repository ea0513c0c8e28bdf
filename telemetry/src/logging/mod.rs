//! Log lines of the shape that people's parsers know from the Collector.
//!
//! Every crate writes with `tracing`; this is the one subscriber behind it. Fields whose names
//! start with `otelcol.` say which component speaks and come first. Events of foreign crates are
//! shown from `warn` on. There are no spans and no stack traces, so `disable_stacktrace` and
//! `development`, which in the Collector decide about stack traces, have nothing to decide. Times
//! are UTC.
//!
//! A line is written by the thread that has something to say, with one write per output.

mod line;
mod sampler;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use serde_json::Value;
use tracing::metadata::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::{Clock, Resource};
use line::{Encoder, Fields, Line, Text};
use sampler::Sampler;

/// The target of events whose text is a document of its own, such as the debug exporter's: their
/// line feeds are kept in the console encoding, and the place in our source is left out.
pub const VERBATIM: &str = "verbatim";

/// Crates that speak of their own workings below `warn`.
const FOREIGN: [&str; 9] = [
    "h2",
    "hyper",
    "hyper_util",
    "mio",
    "rustls",
    "tokio",
    "tokio_rustls",
    "tonic",
    "tower",
];

/// Takes one whole line per write.
pub type Output = Box<dyn Write + Send>;

/// `service::telemetry::logs`. The default is the Collector's.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The most verbose level that is written.
    pub level: Level,
    pub encoding: Encoding,
    /// Leave out the file and line that a line comes from.
    pub disable_caller: bool,
    pub sampling: Option<Sampling>,
    /// `stderr`, `stdout`, or files, which are appended to.
    pub output_paths: Vec<String>,
    /// Where it is said that an output does not take a line.
    pub error_output_paths: Vec<String>,
    /// Put first on each line.
    pub initial_fields: BTreeMap<String, Value>,
    /// Put second on each line, or left out (`disable_zap_resource`).
    pub resource: Option<Resource>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Columns with tabs between them, the last one JSON.
    #[default]
    Console,
    Json,
}

/// Of the lines of one level and text, in each `tick`, the first `initial` are written and then
/// each `thereafter`th; none if that is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    pub tick: Duration,
    pub initial: u64,
    pub thereafter: u64,
}

/// Changes the settings of the installed log, as a reload does.
#[derive(Clone)]
pub struct Control(Arc<RwLock<Arc<Log>>>);

/// Why logging could not be set up.
#[derive(Debug)]
pub enum Fault {
    Open {
        path: String,
        error: io::Error,
    },
    /// [`install`] was called before.
    Installed,
}

/// The log as `tracing` sees it. Tests hand it to `tracing::subscriber::with_default`.
pub struct Logger {
    log: Arc<RwLock<Arc<Log>>>,
    clock: Clock,
}

struct Log {
    level: Level,
    caller: bool,
    encoder: Encoder,
    sampler: Option<Sampler>,
    outputs: Mutex<Vec<Output>>,
    error_outputs: Mutex<Vec<Output>>,
}

/// Opens the outputs and makes this the log of the whole process.
pub fn install(settings: &Settings, clock: Clock) -> Result<Control, Fault> {
    let logger = Logger::of(Log::open(settings)?, clock);
    let control = Control(logger.log.clone());
    tracing::subscriber::set_global_default(logger).map_err(|_| Fault::Installed)?;
    Ok(control)
}

// === impl Control ===

impl Control {
    /// The old outputs stay in use if a new one cannot be opened.
    pub fn replace(&self, settings: &Settings) -> Result<(), Fault> {
        let log = Arc::new(Log::open(settings)?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = log;
        tracing::callsite::rebuild_interest_cache();
        Ok(())
    }
}

// === impl Logger ===

impl Logger {
    /// Writes to these outputs, whatever paths the settings name.
    pub fn new(
        settings: &Settings,
        clock: Clock,
        outputs: Vec<Output>,
        error_outputs: Vec<Output>,
    ) -> Self {
        Self::of(Log::new(settings, outputs, error_outputs), clock)
    }

    fn of(log: Log, clock: Clock) -> Self {
        Self {
            log: Arc::new(RwLock::new(Arc::new(log))),
            clock,
        }
    }

    /// Holding the lock while formatting would block [`Control::replace`] on a field that logs.
    fn log(&self) -> Arc<Log> {
        self.log
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Subscriber for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let module = metadata.target().split("::").next().unwrap_or_default();
        let most = if FOREIGN.contains(&module) {
            Level::WARN
        } else {
            Level::TRACE
        };
        metadata.is_event() && *metadata.level() <= self.log().level.min(most)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::from_level(self.log().level))
    }

    fn event(&self, event: &Event<'_>) {
        let log = self.log();
        let metadata = event.metadata();
        let unix_nanos = (self.clock)();
        let mut text = Text::default();
        event.record(&mut text);
        let sampler = log.sampler.as_ref();
        if sampler.is_some_and(|s| !s.admits(unix_nanos, *metadata.level(), &text.0)) {
            return;
        }
        let verbatim = metadata.target() == VERBATIM;
        let line = Line {
            unix_nanos,
            level: *metadata.level(),
            caller: metadata
                .file()
                .zip(metadata.line())
                .filter(|_| log.caller && !verbatim),
            text: &text.0,
            verbatim,
            fields: Fields::of(event),
        };
        log.write(unix_nanos, &log.encoder.encode(&line));
    }

    /// Spans are never enabled, so none has an identity to keep.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

// === impl Log ===

impl Log {
    fn open(settings: &Settings) -> Result<Self, Fault> {
        let outputs = open_all(&settings.output_paths)?;
        Ok(Self::new(
            settings,
            outputs,
            open_all(&settings.error_output_paths)?,
        ))
    }

    fn new(settings: &Settings, outputs: Vec<Output>, error_outputs: Vec<Output>) -> Self {
        Self {
            level: settings.level,
            caller: !settings.disable_caller,
            encoder: Encoder::new(settings),
            sampler: settings.sampling.map(Sampler::new),
            outputs: Mutex::new(outputs),
            error_outputs: Mutex::new(error_outputs),
        }
    }

    fn write(&self, unix_nanos: u64, line: &str) {
        let mut outputs = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        for output in outputs.iter_mut() {
            if let Err(error) = output.write_all(line.as_bytes()) {
                let report = format!("{} write error: {error}\n", line::time(unix_nanos));
                let mut outputs = self
                    .error_outputs
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                for output in outputs.iter_mut() {
                    // There is nobody left to tell.
                    let _ = output.write_all(report.as_bytes());
                }
            }
        }
    }
}

fn open_all(paths: &[String]) -> Result<Vec<Output>, Fault> {
    paths.iter().map(|path| open(path)).collect()
}

fn open(path: &str) -> Result<Output, Fault> {
    match path {
        "stderr" => Ok(Box::new(io::stderr())),
        "stdout" => Ok(Box::new(io::stdout())),
        _ => {
            let file = path.strip_prefix("file://").unwrap_or(path);
            match OpenOptions::new().append(true).create(true).open(file) {
                Ok(file) => Ok(Box::new(file)),
                Err(error) => Err(Fault::Open {
                    path: path.to_owned(),
                    error,
                }),
            }
        }
    }
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self {
            level: Level::INFO,
            encoding: Encoding::Console,
            disable_caller: false,
            sampling: Some(Sampling::default()),
            output_paths: vec!["stderr".to_owned()],
            error_output_paths: vec!["stderr".to_owned()],
            initial_fields: BTreeMap::new(),
            resource: None,
        }
    }
}

// === impl Sampling ===

impl Default for Sampling {
    fn default() -> Self {
        Self {
            tick: Duration::from_secs(10),
            initial: 10,
            thereafter: 100,
        }
    }
}

// === impl Fault ===

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { path, error } => write!(
                f,
                "cannot open the log output `{path}`: {error}; write `stderr`, `stdout` or the \
                 path of a file in a folder that exists"
            ),
            Self::Installed => f.write_str("the log of this process is already installed"),
        }
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests;
