//! A scripted OTLP back end that counts and remembers: gRPC and HTTP/1.1 on one port, on a thread
//! of its own.
//!
//! It must cost less than the collector that is measured against it: it reads every payload once,
//! skips over items by their length, and copies nothing that it was not asked to keep.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use benches::sink::{Answer, Options, Script, Sink};
//! let sink = Sink::start(Options { remember: true, ..Options::default() })?;
//! sink.script(Script::next(2, Answer::unavailable()));
//! // … run a collector that exports to `sink.address()` …
//! let counts = sink.wait(Duration::from_secs(5), |counts| counts.items() >= 512);
//! # Ok::<(), std::io::Error>(())
//! ```

mod control;
mod export;
mod gate;
mod reply;
mod script;
mod serve;
mod tally;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use self::script::Director;
pub use self::script::{Answer, Refuse, Script};
use self::tally::Tally;
pub use self::tally::{Counts, Received};
use crate::tls::Acceptor;
use crate::{ItemId, clock};

/// Commands to the sink's thread wait for each other; more than a few in flight would be a mistake
/// of the caller.
const COMMANDS: usize = 8;

/// What is fixed for the life of a sink.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Address to listen on; port 0 picks a free one.
    #[arg(long, default_value_t = Self::DEFAULT.listen)]
    pub listen: SocketAddr,
    /// Largest HTTP/2 frame that the sink takes, 16384 to 16777215 bytes.
    #[arg(long, default_value_t = Self::DEFAULT.max_frame)]
    pub max_frame: u32,
    /// Speak TLS, with this certificate.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub certificate: Option<PathBuf>,
    /// The key of the certificate.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub key: Option<PathBuf>,
    /// Remember the id of every item, for the oracle: 8 bytes an item.
    #[arg(long)]
    pub remember: bool,
    /// Keep every payload with its headers, for a test that looks inside.
    #[arg(skip)]
    pub keep: bool,
}

impl Options {
    const DEFAULT: Self = Self {
        listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
        // HTTP/2's own default.
        max_frame: 16_384,
        certificate: None,
        key: None,
        remember: false,
        keep: false,
    };
}

impl Default for Options {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A running sink; dropping it closes its port and connections and ends its thread.
#[derive(Debug)]
pub struct Sink {
    shared: Arc<Shared>,
    address: SocketAddr,
    commands: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
}

/// What the sink's thread and its owners both touch.
#[derive(Debug)]
struct Shared {
    options: Options,
    tls: Option<Acceptor>,
    script: watch::Sender<Script>,
    director: Mutex<Director>,
    tally: Mutex<Tally>,
    /// Signalled after every change of the tally.
    counted: Condvar,
}

#[derive(Debug)]
enum Command {
    Open(TcpListener, SyncSender<io::Result<()>>),
    Close(SyncSender<io::Result<()>>),
    Reopen(SyncSender<io::Result<()>>),
}

// === impl Sink ===

impl Sink {
    /// Binds and starts to serve; an error when the port is taken, the frame size is out of HTTP/2's
    /// range, or the certificate cannot be used.
    pub fn start(options: Options) -> io::Result<Self> {
        if !(16_384..1 << 24).contains(&options.max_frame) {
            let text = "an HTTP/2 frame size lies between 16384 and 16777215";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let tls = match (&options.certificate, &options.key) {
            (Some(certificate), Some(key)) => Some(Acceptor::new(certificate, key)?),
            _ => None,
        };
        let listener = TcpListener::bind(options.listen)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            options,
            tls,
            script: watch::Sender::new(Script::default()),
            director: Mutex::default(),
            tally: Mutex::default(),
            counted: Condvar::new(),
        });
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let served = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("sink".to_owned())
            .spawn(move || {
                tokio::task::LocalSet::new().block_on(&runtime, serve::run(served, inbox));
            })?;
        let sink = Self {
            shared,
            address,
            commands: Some(commands),
            thread: Some(thread),
        };
        sink.command(|done| Command::Open(listener, done))?;
        Ok(sink)
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Replaces the script from the next export on, and starts counting its `times` and `percent`
    /// anew.
    pub fn script(&self, script: Script) {
        self.shared.replace_script(script);
    }

    pub fn counts(&self) -> Counts {
        self.shared.tally().counts.clone()
    }

    /// Waits until the counts are as wanted; the counts as they are when the time is over, as the
    /// error.
    pub fn wait(
        &self,
        within: Duration,
        wanted: impl Fn(&Counts) -> bool,
    ) -> Result<Counts, Counts> {
        let deadline = clock::now() + within;
        let mut tally = self.shared.tally();
        loop {
            if wanted(&tally.counts) {
                return Ok(tally.counts.clone());
            }
            let left = deadline.saturating_duration_since(clock::now());
            if left.is_zero() {
                return Err(tally.counts.clone());
            }
            let woken = self.shared.counted.wait_timeout(tally, left);
            tally = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The ids of all taken items in the order of arrival; empty without [`Options::remember`].
    pub fn ids(&self) -> Vec<ItemId> {
        self.shared.tally().ids.clone()
    }

    /// All taken exports in the order of arrival; empty without [`Options::keep`].
    pub fn received(&self) -> Vec<Received> {
        self.shared.tally().received.clone()
    }

    /// Forgets counts, ids and payloads. The script stays.
    pub fn forget(&self) {
        *self.shared.tally() = Tally::default();
    }

    /// Stops to listen and closes every connection: the back end is gone, and its port is kept for
    /// it. Counts, ids and script stay.
    pub fn close(&self) -> io::Result<()> {
        self.command(Command::Close)
    }

    /// Listens again on the same port; an error when it could not be kept.
    pub fn reopen(&self) -> io::Result<()> {
        self.command(Command::Reopen)
    }

    /// Sends a command and waits until the sink's thread has carried it out.
    fn command(
        &self,
        command: impl FnOnce(SyncSender<io::Result<()>>) -> Command,
    ) -> io::Result<()> {
        let gone = || io::Error::other("the sink's thread has ended");
        let (done, outcome) = sync_channel(1);
        let commands = self.commands.as_ref().ok_or_else(gone)?;
        commands.try_send(command(done)).map_err(|_| gone())?;
        outcome.recv().map_err(|_| gone())?
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // The thread ends when nobody can command it any more.
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

// === impl Shared ===

impl Shared {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.tally());
        self.counted.notify_all();
    }

    fn replace_script(&self, script: Script) {
        let mut director = self.director.lock().unwrap_or_else(PoisonError::into_inner);
        *director = Director::default();
        self.script.send_replace(script);
    }

    /// The answer to this payload, and how long to wait before it.
    fn decide(&self, payload: &[u8], items: u64) -> (Answer, Duration) {
        let mut director = self.director.lock().unwrap_or_else(PoisonError::into_inner);
        let script = self.script.borrow();
        let turn = director.turn(&script, items, clock::now());
        (director.decide(&script, payload), script.delay + turn)
    }
}
