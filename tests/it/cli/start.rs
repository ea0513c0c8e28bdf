//! Running: what is said at the start and at the end, and what a failed start looks like.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use benches::process::{Collector, Launch};

use super::{file, path, tracegate};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Ports of the system's choice for everything that the embedded configuration opens.
pub(super) const FREE_PORTS: [&str; 10] = [
    "--set",
    "receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0",
    "--set",
    "receivers.otlp.protocols.http.endpoint=127.0.0.1:0",
    "--set",
    "extensions.health_check.endpoint=127.0.0.1:0",
    "--set",
    "extensions.admin.endpoint=127.0.0.1:0",
    "--set",
    "service.telemetry.metrics.readers=\
     [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: 0}}}}]",
];

/// One span in OTLP/JSON.
const SPAN: &str = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a",
    "traceId":"00000000000000000000000000000001","spanId":"0000000000000001"}]}]}]}"#;

/// A process whose standard error is read line by line; it is killed when its owner is gone.
pub(super) struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Running {
    pub(super) fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tracegate"));
        command
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next line with this text, and those before it. The end of the process ends the wait.
    fn until(&mut self, text: &str) -> Vec<String> {
        let mut seen = Vec::new();
        for line in self.lines.by_ref() {
            seen.push(line.unwrap());
            if seen.last().is_some_and(|line| line.contains(text)) {
                return seen;
            }
        }
        panic!("no line with {text:?} in\n{}", seen.join("\n"));
    }

    pub(super) fn stdout(&mut self) -> impl BufRead + use<> {
        BufReader::new(self.child.stdout.take().unwrap())
    }

    /// Sends a signal and gives the exit code and the rest of standard error.
    pub(super) fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(
            Command::new("bash")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
        let rest: Vec<_> = self.lines.by_ref().map(Result::unwrap).collect();
        (self.child.wait().unwrap().code(), rest.join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The figures behind a node in the account.
pub(super) fn account(err: &str, node: &str) -> Vec<u64> {
    let line = err.lines().find(|line| line.starts_with(node));
    let figures = line
        .unwrap_or_else(|| panic!("{node} is not in\n{err}"))
        .strip_prefix(node);
    figures
        .unwrap()
        .split_whitespace()
        .map(|figure| figure.parse().unwrap())
        .collect()
}

/// Posts JSON and gives the head of the answer.
fn post(address: &str, path: &str, json: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = json.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{json}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn without_a_configuration_it_says_how_to_send_a_first_span_which_is_then_printed() {
    let mut running = Running::start(&FREE_PORTS);
    let lines = running.until("curl ");
    let said = lines.join("\n");
    for what in ["OTLP/gRPC ", "OTLP/HTTP ", "metrics ", "health "] {
        assert!(said.contains(what), "{what:?} is not in\n{said}");
    }
    assert!(!said.contains("127.0.0.1:0"), "real ports in\n{said}");
    let page = lines
        .iter()
        .find_map(|line| line.trim().strip_prefix("metrics "))
        .unwrap();
    let url = page
        .trim()
        .strip_prefix("http://")
        .unwrap()
        .strip_suffix("/metrics")
        .unwrap();
    assert!(TcpStream::connect(url).is_ok(), "{url}");

    let sent = Command::new("bash")
        .args(["-c", lines.last().unwrap()])
        .output()
        .unwrap();
    assert!(sent.status.success(), "{sent:?}");
    running.until("first span");
    let (code, err) = running.end("TERM");
    assert_eq!(code, Some(0));
    assert_eq!(
        account(&err, "receiver otlp traces http"),
        [1, 1, 0, 0, 0],
        "{err}"
    );
    assert_eq!(
        account(&err, "exporter debug traces"),
        [1, 1, 0, 0, 0],
        "{err}"
    );
}

#[test]
fn the_log_says_what_starts_what_is_doubtful_and_what_ends() {
    const YAML: &str = "\
receivers:
  otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}}}
  nop:
exporters: {nop: }
service:
  telemetry:
    logs: {encoding: json, initial_fields: {zone: a}}
    metrics: {level: none}
    resource: {service.name: edge, service.instance.id: null}
  pipelines: {traces: {receivers: [otlp], exporters: [nop]}}
";
    let launch = Launch::new(env!("CARGO_BIN_EXE_tracegate"));
    let mut running = Collector::start(&launch, YAML).unwrap();
    running
        .wait_line(
            "Everything is ready. Begin running and processing data.",
            PATIENCE,
        )
        .unwrap();
    running.terminate().unwrap();
    assert_eq!(running.wait_exit(PATIENCE).unwrap().code(), Some(0));
    running.wait_line("account (items)", PATIENCE).unwrap();
    let lines = running.lines();
    let log: Vec<serde_json::Value> = lines
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let find = |text: &str| {
        let line = log
            .iter()
            .find(|line| line["msg"].as_str().unwrap().starts_with(text));
        line.unwrap_or_else(|| panic!("{text:?} is not in\n{}", lines.join("\n")))
    };
    let start = find("Starting tracegate...");
    assert_eq!(start["Version"], env!("CARGO_PKG_VERSION"));
    assert!(start["NumCPU"].as_u64().unwrap() > 0);
    assert_eq!(start["resource"]["service.name"], "edge");
    assert_eq!(start["resource"].get("service.instance.id"), None);
    assert_eq!(start["zone"], "a");
    assert!(find("Memory budget")["bytes"].as_u64().unwrap() > 0);
    let unused = find("the receiver `nop` is not in any pipeline");
    assert_eq!(unused["level"], "warn");
    assert!(
        unused["place"]
            .as_str()
            .unwrap()
            .ends_with("collector.yaml:3:3"),
        "{unused}"
    );
    let listens = find("Starting GRPC server");
    assert_eq!(listens["otelcol.component.id"], "otlp");
    assert_eq!(listens["otelcol.component.kind"], "receiver");
    assert!(!listens["endpoint"].as_str().unwrap().ends_with(":0"));
    assert_eq!(find("Received signal from OS")["signal"], "terminated");
    find("Starting shutdown...");
    find("Shutdown complete.");
}

#[test]
fn a_start_that_fails_ends_with_1_and_says_why() {
    let check = |yaml: &str, reason: &str| {
        let file = file(yaml);
        let ended = tracegate(&["--config", path(&file)]);
        assert_eq!(
            (ended.code, ended.out.as_str()),
            (Some(1), ""),
            "{}",
            ended.err
        );
        let last = ended.err.lines().last().unwrap();
        assert!(
            last.starts_with("error: ") && last.contains(reason),
            "{}",
            ended.err
        );
    };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let yaml = |endpoint: &str, logs: &str| {
        format!(
            "receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '{endpoint}'}}}}}}}}\n\
             exporters: {{nop: }}\n\
             service:\n  telemetry: {{logs: {logs}, metrics: {{level: none}}}}\n  \
             pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}\n"
        )
    };
    let reason = format!("failed to start receiver otlp: cannot listen on {address}: ");
    check(&yaml(&address.to_string(), "{}"), &reason);
    check(
        &yaml("127.0.0.1:0", "{output_paths: [/no/such/x.log]}"),
        "log output `/no/such/x.log`",
    );
}

#[test]
fn a_faulty_configuration_is_reported_and_nothing_starts() {
    let file = file("receivers: {nop: }\nexporters: {nop: }\nservice: {pipelines: {traces: }}\n");
    let ended = tracegate(&["--config", path(&file)]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    assert!(
        ended
            .err
            .starts_with("error: must have at least one receiver\n"),
        "{}",
        ended.err
    );
    assert!(!ended.err.contains("Starting"), "{}", ended.err);
}

#[test]
fn a_drain_ends_at_its_deadline_and_the_account_says_what_was_dropped() {
    // Nobody answers behind this port as long as the listener is not asked to accept.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let yaml = format!(
        "receivers: {{otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}}}\n\
         exporters: {{otlp_grpc: {{endpoint: '{}', tls: {{insecure: true}}}}}}\n\
         service:\n  telemetry: {{metrics: {{level: none}}}}\n  \
         pipelines: {{traces: {{receivers: [otlp], exporters: [otlp_grpc]}}}}\n",
        silent.local_addr().unwrap()
    );
    let file = file(&yaml);
    let arguments = ["--config", path(&file), "--shutdown-timeout", "100ms"];
    let mut running = Running::start(&arguments);
    let lines = running.until("Everything is ready");
    let line = lines
        .iter()
        .find(|line| line.contains("Starting HTTP server"))
        .unwrap();
    let address = line
        .split("\"endpoint\": \"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    assert!(post(address, "/v1/traces", SPAN).starts_with("HTTP/1.1 200"));
    let (code, err) = running.end("TERM");
    assert_eq!(code, Some(0));
    assert!(
        err.contains("The drain deadline has passed. Dropping data."),
        "{err}"
    );
    assert_eq!(
        account(&err, "exporter otlp_grpc traces"),
        [1, 0, 1, 0, 0],
        "{err}"
    );
}
