//! One run of the real binary: its ports, its pages, its end.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::ExitStatus;
use std::time::Duration;

use benches::clock;
use benches::process::{Collector, Launch, Usage};

use super::page::Page;
use super::{Account, PATIENCE};

const RELOADED: &str = "Configuration reloaded.";
const NOT_RELOADED: &str = "Cannot reload the configuration.";
const READY: &str = "Everything is ready. Begin running and processing data.";

/// Ports of the system's choice where the tests look for metrics and ask how things are.
const METRICS: &str = "service.telemetry.metrics.readers=\
    [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: 0}}}}]";
const ADMIN: &str = "extensions.admin.endpoint=127.0.0.1:0";

/// A running service; dropping it kills the process.
pub(crate) struct Service {
    process: Collector,
    yaml: String,
    /// From the start of the process to its ready line.
    pub(crate) ready_after: Duration,
}

/// How a service ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// From the signal to the end of the process.
    pub(crate) took: Duration,
    pub(crate) account: Account,
    pub(crate) log: String,
}

impl Service {
    /// Starts a configuration and waits until it serves.
    pub(crate) fn start(yaml: &str) -> Self {
        Self::start_with(yaml, &[])
    }

    pub(crate) fn start_with(yaml: &str, arguments: &[&str]) -> Self {
        Self::start_as(&[], yaml, arguments)
    }

    /// The same by a subcommand that runs a configuration.
    pub(crate) fn start_as(command: &[&str], yaml: &str, arguments: &[&str]) -> Self {
        let started = clock::now();
        let ports = ["--set", METRICS, "--set", ADMIN];
        let process = spawn(yaml, &[command, &ports, arguments].concat());
        process.wait_line(READY, PATIENCE).unwrap();
        Self {
            process,
            yaml: yaml.to_owned(),
            ready_after: started.elapsed(),
        }
    }

    /// Where the receiver `otlp` listens for gRPC.
    pub(crate) fn grpc(&self) -> SocketAddr {
        self.listens("GRPC", "\"receiver\"")
    }

    /// Where the receiver `otlp` listens for HTTP.
    pub(crate) fn http(&self) -> SocketAddr {
        self.listens("HTTP", "\"receiver\"")
    }

    /// The metrics page at this moment.
    pub(crate) fn page(&self) -> Page {
        Page::fetch(self.listens("HTTP", "\"telemetry\""))
    }

    /// Where the extension with this id listens for HTTP.
    pub(crate) fn extension(&self, id: &str) -> SocketAddr {
        self.listens("HTTP", &format!("\"otelcol.component.id\": \"{id}\""))
    }

    /// Where it listens for gRPC.
    pub(crate) fn extension_grpc(&self, id: &str) -> SocketAddr {
        self.listens("GRPC", &format!("\"otelcol.component.id\": \"{id}\""))
    }

    pub(crate) fn usage(&self) -> Usage {
        self.process.usage().unwrap()
    }

    /// Threads of the process.
    pub(crate) fn threads(&self) -> usize {
        let tasks = format!("/proc/{}/task", self.process.id());
        std::fs::read_dir(tasks).unwrap().count()
    }

    /// Waits for a log line with this text.
    pub(crate) fn logs(&self, text: &str) -> String {
        self.process.wait_line(text, PATIENCE).unwrap()
    }

    /// Every line so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.process.lines()
    }

    /// Sends one of libc's signals and returns at once.
    pub(crate) fn signal(&self, signal: i32) {
        self.process.signal(signal).unwrap();
    }

    /// Puts another configuration where the service reads it, and judges the account by it.
    pub(crate) fn rewrite(&mut self, yaml: &str) {
        self.process.write_config(yaml).unwrap();
        self.yaml = yaml.to_owned();
    }

    /// Asks for a reload by signal and waits for the line that tells its end: an error if the reload was refused.
    pub(crate) fn reload(&self) -> Result<String, String> {
        let seen = self.reloads().len();
        self.signal(libc::SIGHUP);
        self.reloaded(seen)
    }

    /// The lines that tell how reloads ended.
    pub(crate) fn reloads(&self) -> Vec<String> {
        let mut lines = self.process.lines();
        lines.retain(|line| line.contains(RELOADED) || line.contains(NOT_RELOADED));
        lines
    }

    /// Waits for the end of the reload after so many.
    pub(crate) fn reloaded(&self, seen: usize) -> Result<String, String> {
        let line = clock::poll(PATIENCE, || self.reloads().into_iter().nth(seen));
        let line = line.unwrap_or_else(|| panic!("{}", self.process.lines().join("\n")));
        match line.contains(RELOADED) {
            true => Ok(line),
            false => Err(line),
        }
    }

    /// Asks for the end and waits for it. The exit is clean and the books balance.
    pub(crate) fn stop(self) -> Ended {
        let ended = self.end();
        assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
        ended
    }

    /// [`stop`](Self::stop) for an end that something else has begun or that is not clean.
    pub(crate) fn end(self) -> Ended {
        let asked = clock::now();
        self.process.terminate().unwrap();
        self.ended(asked.elapsed())
    }

    /// Waits for the end without asking for it. `before` has passed already.
    pub(crate) fn ended(mut self, before: Duration) -> Ended {
        let waited = clock::now();
        let status = self.process.wait_exit(PATIENCE).unwrap();
        let took = before + waited.elapsed();
        let log = whole_log(&self.process);
        let account = Account::read(&log);
        account.check(&self.yaml);
        Ended {
            status,
            took,
            account,
            log,
        }
    }

    fn listens(&self, protocol: &str, component: &str) -> SocketAddr {
        let text = format!("Starting {protocol} server");
        let lines = self.process.lines();
        let line = lines
            .iter()
            .find(|line| line.contains(&text) && line.contains(component));
        let line = line.unwrap_or_else(|| panic!("no {text} in\n{}", lines.join("\n")));
        let (_, endpoint) = line.split_once("\"endpoint\": \"").unwrap();
        endpoint.split('"').next().unwrap().parse().unwrap()
    }
}

/// Runs a configuration that cannot start to its end: the exit code and everything it said.
pub(crate) fn failed_start(yaml: &str) -> (Option<i32>, String) {
    let mut process = spawn(yaml, &[]);
    let status = process.wait_exit(PATIENCE).unwrap();
    (status.code(), whole_log(&process))
}

fn spawn(yaml: &str, arguments: &[&str]) -> Collector {
    let launch = Launch {
        arguments: arguments.iter().map(Into::into).collect(),
        ..Launch::new(env!("CARGO_BIN_EXE_tracegate"))
    };
    Collector::start(&launch, yaml).unwrap()
}

/// Everything that an ended process said.
fn whole_log(process: &Collector) -> String {
    // No line has this text, so that the wait ends with the log.
    let end = process.wait_line("\0", PATIENCE).unwrap_err();
    assert_eq!(end.kind(), ErrorKind::UnexpectedEof, "{end}");
    process.lines().join("\n")
}
