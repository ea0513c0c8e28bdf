//! Applications with the real SDKs: what they sent arrives, at their own pace and beyond ours.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use benches::Protocol;
use benches::sink::{Script, Sink};

use super::built;
use crate::fault::PROTOCOLS;
use crate::rig::{PATIENCE, Service, load};

const SLOWED: &str = "\
receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: '127.0.0.1:0'}}}}
exporters:
  otlp_grpc:
    endpoint: SINK
    tls: {insecure: true}
    sending_queue: {queue_size: 20}
service: {pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc]}}}
";

/// What a client says at its end.
#[derive(Debug)]
pub(super) struct Said {
    ended: u64,
    pub(super) sent: u64,
}

/// Where a client sends to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) grpc: SocketAddr,
    pub(super) http: SocketAddr,
}

impl Target {
    fn of(service: &Service) -> Self {
        Self {
            grpc: service.grpc(),
            http: service.http(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Sdk {
    Go,
    Java,
    Node,
    Python,
}

impl Sdk {
    /// The client with its protocol and where it sends to.
    fn command(self, protocol: Protocol, target: Target) -> Command {
        let (word, address) = match protocol {
            Protocol::Grpc => ("grpc", target.grpc),
            Protocol::Http => ("http", target.http),
        };
        let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/neighbours");
        let mut command = match self {
            Self::Go => Command::new(built("go-load")),
            Self::Node => Command::new("node"),
            Self::Python => Command::new(built("venv/bin/python")),
            Self::Java => Command::new("java"),
        };
        match self {
            Self::Go => {}
            Self::Node => drop(command.arg(format!("{sources}/node/load.js"))),
            Self::Python => drop(command.arg(format!("{sources}/python/load.py"))),
            Self::Java => {
                let folder = built("java");
                let agent = folder.join("opentelemetry-javaagent.jar");
                let spoken = match protocol {
                    Protocol::Grpc => "grpc",
                    Protocol::Http => "http/protobuf",
                };
                command
                    .arg(format!("-javaagent:{}", agent.display()))
                    .arg(format!("-Dotel.exporter.otlp.protocol={spoken}"))
                    .arg(format!("-Dotel.exporter.otlp.endpoint=http://{address}"))
                    .args(["-Dotel.metrics.exporter=none", "-Dotel.logs.exporter=none"])
                    .arg("-cp")
                    .arg(format!("{0}:{0}/*", folder.display()))
                    .arg("Load");
                return command;
            }
        }
        command.arg(word).arg(address.to_string());
        command
    }

    /// Sends at a rate for so long, and waits for the end.
    pub(super) fn run(
        self,
        protocol: Protocol,
        target: Target,
        rate: u64,
        length: Duration,
    ) -> Said {
        let mut command = self.command(protocol, target);
        command.args([rate.to_string(), length.as_secs().to_string()]);
        let output = command.stderr(Stdio::inherit()).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let last = said.lines().last().unwrap_or_default();
        let figures: serde_json::Value = serde_json::from_str(last)
            .unwrap_or_else(|_| panic!("{self:?} {protocol:?} said {said:?}"));
        Said {
            ended: figures["ended"].as_u64().unwrap(),
            sent: figures["sent"].as_u64().unwrap(),
        }
    }
}

/// Different spans that have arrived, once as many have as were sent or no more come.
pub(super) fn arrived(sink: &Sink, sent: u64) -> u64 {
    loop {
        // Counted first: what comes in between must end the wait below.
        let seen = sink.counts().items();
        let different: HashSet<_> = sink.ids().into_iter().collect();
        let count = different.len() as u64;
        let more = |counts: &benches::sink::Counts| counts.items() > seen;
        if count >= sent || sink.wait(PATIENCE / 3, more).is_err() {
            return count;
        }
    }
}

#[test]
#[ignore = "needs the SDKs: tests/neighbours/run"]
fn what_an_application_sends_at_its_pace_arrives() {
    for sdk in [Sdk::Go, Sdk::Java, Sdk::Node, Sdk::Python] {
        for protocol in PROTOCOLS {
            let sink = load::sink();
            let yaml = SLOWED.replace("SINK", &sink.address().to_string());
            let service = Service::start(&yaml);
            let said = sdk.run(
                protocol,
                Target::of(&service),
                1000,
                Duration::from_secs(10),
            );
            assert!(said.sent > 5000, "{sdk:?} {protocol:?}: {said:?}");
            assert_eq!(said.sent, said.ended, "{sdk:?} {protocol:?}");
            let arrived = arrived(&sink, said.sent);
            eprintln!("{sdk:?} {protocol:?}: {said:?}, {arrived} arrived");
            let account = service.stop().account;
            assert_eq!(arrived, said.sent, "{sdk:?} {protocol:?}: {account}");
        }
    }
}

#[test]
#[ignore = "needs the SDKs: tests/neighbours/run"]
fn what_an_application_sends_beyond_the_back_end_arrives() {
    // All ten requests that the exporter has under way fit into its timeout of 5 s.
    const TAKES: u64 = 2500;
    for sdk in [Sdk::Python, Sdk::Node] {
        for protocol in PROTOCOLS {
            let sink = load::sink();
            sink.script(Script::default().slowed(TAKES));
            let yaml = SLOWED.replace("SINK", &sink.address().to_string());
            let service = Service::start(&yaml);
            let said = sdk.run(
                protocol,
                Target::of(&service),
                TAKES * 3 / 2,
                Duration::from_secs(60),
            );
            let arrived = arrived(&sink, said.sent);
            let story = format!("{sdk:?} {protocol:?}: {said:?}, {arrived} arrived");
            eprintln!("{story}");
            sink.script(Script::default());
            let account = service.stop().account;
            assert!(said.sent >= TAKES * 30, "{story}");
            assert!(arrived * 1000 >= said.sent * 999, "{story}: {account}");
        }
    }
}
