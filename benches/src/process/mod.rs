//! A collector as a child process: started with a configuration of its own, watched through its log
//! and `/proc`, and gone when its owner is.

mod log;
mod usage;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use self::log::Log;
pub use self::usage::Usage;
use crate::{clock, sys};

/// How to start a collector.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    pub program: PathBuf,
    /// Arguments before `--config FILE`. An argument `{config}` stands for the file instead, and
    /// nothing is added.
    pub arguments: Vec<OsString>,
    /// Added to our own environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Bind the process to this core. The calling thread is bound to [`Launch::home`] afterwards.
    pub core: Option<usize>,
    /// The core of the calling thread, when `core` is set.
    pub home: usize,
}

impl Launch {
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            ..Self::default()
        }
    }

    /// Splits at white space: the form of the command line.
    pub fn parse(command: &str) -> Option<Self> {
        let mut words = command.split_whitespace();
        let launch = Self::new(words.next()?);
        Some(Self {
            arguments: words.map(OsString::from).collect(),
            ..launch
        })
    }

    fn command(&self, config: &Path) -> Command {
        let mut command = Command::new(&self.program);
        let mut named = false;
        for argument in &self.arguments {
            if argument == "{config}" {
                command.arg(config);
                named = true;
            } else {
                command.arg(argument);
            }
        }
        if !named {
            command.arg("--config").arg(config);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A started collector; dropping it kills the process and removes its folder.
#[derive(Debug)]
pub struct Collector {
    child: Child,
    log: Arc<Log>,
    folder: TempDir,
}

impl Collector {
    /// Writes the configuration into a folder of its own and starts the process there. It may not
    /// be ready yet.
    pub fn start(launch: &Launch, yaml: &str) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("collector-").tempdir()?;
        let config = folder.path().join("collector.yaml");
        std::fs::write(&config, yaml)?;
        let mut command = launch.command(&config);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let spawned = match launch.core {
            None => command.spawn(),
            // A child inherits the core of the thread that starts it, from its first instruction
            // on.
            Some(core) => {
                sys::pin(core)?;
                let spawned = command.spawn();
                sys::pin(launch.home)?;
                spawned
            }
        };
        let named = |error| {
            let program = launch.program.display();
            io::Error::new(
                io::Error::kind(&error),
                format!("cannot start {program}: {error}"),
            )
        };
        let mut child = spawned.map_err(named)?;
        let stderr = child.stderr.take();
        let collector = Self {
            child,
            log: Arc::default(),
            folder,
        };
        // From here on, an error drops the collector and so kills the process.
        let stderr = stderr.ok_or_else(|| io::Error::other("the child has no standard error"))?;
        let log = Arc::clone(&collector.log);
        let reader = std::thread::Builder::new().name("collector-log".to_owned());
        reader.spawn(move || log.read(stderr))?;
        Ok(collector)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The folder that lives as long as this value: for files that the configuration names.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces the configuration file in one step; the process is not told.
    pub fn write_config(&self, yaml: &str) -> io::Result<()> {
        let fresh = self.folder.path().join("collector.yaml.new");
        std::fs::write(&fresh, yaml)?;
        std::fs::rename(fresh, self.folder.path().join("collector.yaml"))
    }

    /// The first line on standard error that contains `text`, also if it came before the call; an
    /// error with the last lines when there is none in time or the process has closed its standard
    /// error.
    pub fn wait_line(&self, text: &str, within: Duration) -> io::Result<String> {
        self.log.wait(text, within)
    }

    /// The lines that are kept, oldest first.
    pub fn lines(&self) -> Vec<String> {
        self.log.lines()
    }

    /// Forgets all lines, so that the next [`wait_line`](Self::wait_line) sees only new ones.
    pub fn forget_lines(&self) {
        self.log.forget();
    }

    /// Sends one of libc's signals, such as `libc::SIGHUP`.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        sys::kill(self.child.id(), signal)
    }

    /// Asks the process to stop.
    pub fn terminate(&self) -> io::Result<()> {
        self.signal(libc::SIGTERM)
    }

    /// `kill -9`, and waits until the process is gone.
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        self.child.kill()?;
        self.child.wait()
    }

    /// How the process ended, if it has.
    pub fn try_exit(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits for the end of the process; an error with its last lines when it still runs when the
    /// time is over.
    pub fn wait_exit(&mut self, within: Duration) -> io::Result<ExitStatus> {
        match clock::poll(within, || self.child.try_wait().transpose()) {
            Some(exit) => exit,
            None => Err(self
                .log
                .fault(io::ErrorKind::TimedOut, "the process still runs")),
        }
    }

    /// What the process has used so far.
    pub fn usage(&self) -> io::Result<Usage> {
        Usage::of(self.child.id())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
