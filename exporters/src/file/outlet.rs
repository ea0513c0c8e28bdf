//! The thread that writes: a disk that hangs holds up nobody but those who wait for it.
//!
//! The instances of all signals of one exporter share a thread, and with it the files, so that
//! lines do not mix and a file is rotated once. Encoding is done there too: one encoded message
//! is in memory at a time, whatever waits.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use jiff::Timestamp;
use net::encoding::{Encoding, Level, deflate};
use otlp::{Signal, json};
use pipeline::Clock;
use pipeline::component::{Failure, Host};
use tokio::sync::{mpsc, oneshot};

use super::config::{Compression, Config, Format};
use super::files::Files;

/// Batches that wait for the thread. It encodes one at a time, so that more would only wait here
/// instead of in the queues behind, which are counted.
const WAITING_MAX: usize = 16;

/// What goes to one file: an encoded request in pieces.
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) chunks: Vec<Bytes>,
}

struct Job {
    signal: Signal,
    parts: Vec<Part>,
    answer: oneshot::Sender<Result<(), Failure>>,
}

/// The way to the thread, which ends when the last of these is dropped.
#[derive(Clone)]
pub(super) struct Outlet(Arc<mpsc::Sender<Job>>);

/// Where the instances of one exporter find the thread that they share.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Weak<mpsc::Sender<Job>>>>);

/// How a message is written.
struct Encoder {
    format: Format,
    /// `None`: not compressed.
    level: Option<Level>,
}

// === impl Shared ===

impl Shared {
    /// The outlet of this configuration, started by the first who asks.
    ///
    /// # Errors
    /// The file cannot be opened, or the thread not be started.
    pub(super) fn outlet(&self, config: &Config, host: &Host) -> Result<Outlet, String> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(jobs) = shared.upgrade() {
            return Ok(Outlet(jobs));
        }
        let mut files = Files::new(config, host.clock.started_unix_nanos());
        if !config.group_by.enabled {
            files.open(config.path.as_ref())?;
        }
        let encoder = Encoder::new(config)?;
        let (jobs, queue) = mpsc::channel(WAITING_MAX);
        let clock = host.clock;
        std::thread::Builder::new()
            .name("file".into())
            .spawn(move || work(queue, &encoder, &mut files, clock))
            .map_err(|error| format!("cannot start a thread: {error}"))?;
        let jobs = Arc::new(jobs);
        *shared = Arc::downgrade(&jobs);
        Ok(Outlet(jobs))
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

impl PartialEq for Shared {
    /// It is nothing that a person writes.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

// === impl Outlet ===

impl Outlet {
    /// Returns when the parts are in their files.
    pub(super) async fn write(&self, signal: Signal, parts: Vec<Part>) -> Result<(), Failure> {
        let (answer, result) = oneshot::channel();
        let job = Job {
            signal,
            parts,
            answer,
        };
        let gone = || Failure::retryable("the thread that writes the file has ended");
        self.0.send(job).await.map_err(|_| gone())?;
        result.await.unwrap_or_else(|_| Err(gone()))
    }
}

fn work(mut queue: mpsc::Receiver<Job>, encoder: &Encoder, files: &mut Files, clock: Clock) {
    while let Some(job) = queue.blocking_recv() {
        // Whoever has given up, such as at a shutdown, would send it again.
        if job.answer.is_closed() {
            continue;
        }
        let write = |part| write_part(encoder, files, job.signal, part, clock);
        let written = job.parts.iter().try_for_each(write);
        drop(job.answer.send(written));
    }
}

fn write_part(
    encoder: &Encoder,
    files: &mut Files,
    signal: Signal,
    part: &Part,
    clock: Clock,
) -> Result<(), Failure> {
    let message = encoder
        .encode(signal, &part.chunks)
        .map_err(Failure::permanent)?;
    let now = Timestamp::from_nanosecond(i128::from(clock.now().unix_nanos)).unwrap_or_default();
    files
        .write(&part.path, &message, now)
        .map_err(Failure::retryable)
}

// === impl Encoder ===

impl Encoder {
    fn new(config: &Config) -> Result<Self, String> {
        let level = match config.compression {
            Compression::None => None,
            // 3 is what the Collector compresses files at.
            Compression::Zstd => {
                let asked = config.compression_params.chosen().or(Some(3));
                Some(Encoding::Zstd.level(asked).map_err(|e| e.to_string())?)
            }
        };
        let format = config.format;
        Ok(Self { format, level })
    }

    /// One message as it stands in the file: a line of JSON, or its length as four bytes, the
    /// highest first, and the message.
    fn encode(&self, signal: Signal, chunks: &[Bytes]) -> Result<Vec<u8>, String> {
        let message = match self.format {
            Format::Proto => chunks.concat(),
            Format::Json => {
                json::encode(signal, &chunks.concat()).map_err(|error| error.to_string())?
            }
        };
        match (self.level, self.format) {
            (None, Format::Json) => {
                let mut line = message;
                line.push(b'\n');
                Ok(line)
            }
            (None, Format::Proto) => framed(&message),
            (Some(level), _) => {
                let message = std::iter::once(message.as_slice());
                let packed =
                    deflate(Encoding::Zstd, level, message).map_err(|error| error.to_string())?;
                framed(&packed)
            }
        }
    }
}

fn framed(message: &[u8]) -> Result<Vec<u8>, String> {
    let Ok(length) = u32::try_from(message.len()) else {
        return Err("the message is longer than its frame can say (4 GiB)".into());
    };
    Ok([&length.to_be_bytes(), message].concat())
}
