//! Clients that lie, stall, flood or send what only costs. Each attack is answered as its row says,
//! soon, in bounded memory, while a steady client beside it is served as if nothing were.

mod bombs;
mod crowds;
mod floods;
mod forms;
mod frames;
mod lengths;
mod nesting;
mod slow;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use benches::generator::{Options, Report};
use benches::sink::Sink;
use benches::{Acked, Protocol, clock};

use crate::rig::http1::{self, request};
use crate::rig::http2::{self, GRPC, framed};
use crate::rig::{Service, block_on, load};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// What the process may grow by in one attack.
const GROWTH_MAX: u64 = 64 << 20;

/// An attack that can be judged by what it sent is answered within this time. A build without
/// optimisation takes ten times as long to read a body.
const SOON: Duration = match cfg!(debug_assertions) {
    true => Duration::from_secs(10),
    false => Duration::from_secs(1),
};

/// What the slowest hundredth of the steady client's requests may take; on an idle machine it is
/// about two milliseconds. Those who run the tests at the same time take the rest.
const STEADY_P99: Duration = match cfg!(debug_assertions) {
    true => Duration::from_secs(3),
    false => Duration::from_millis(500),
};

/// All three signals go to one back end, with every limit as it is by default.
const DEFAULTS: &str = "\
receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: '127.0.0.1:0'}}}}
exporters: {otlp_grpc: {endpoint: SINK, compression: none, tls: {insecure: true}}}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp_grpc]}
    metrics: {receivers: [otlp], exporters: [otlp_grpc]}
    logs: {receivers: [otlp], exporters: [otlp_grpc]}
";

/// A service under attack, and the steady client that must not notice.
struct Siege {
    service: Service,
    sink: Sink,
    steady: Steady,
    /// Resident bytes before the attack under way, or before any if there were more then.
    before: Cell<u64>,
}

impl Siege {
    fn begin() -> Self {
        Self::begin_with(DEFAULTS)
    }

    fn begin_with(yaml: &str) -> Self {
        let sink = load::sink();
        let service = Service::start(&yaml.replace("SINK", &sink.address().to_string()));
        let steady = Steady::begin(&service);
        // Both ways have been used, so that what they keep is there before the attacks.
        load::arrived(&sink, 100);
        let before = service.usage().resident;
        Self {
            service,
            sink,
            steady,
            before: Cell::new(before),
        }
    }

    /// Runs one attack, which makes its own judgement of the answers, and judges the process.
    fn attack(&self, name: &str, within: Duration, attack: impl FnOnce(&Service)) {
        let resident = self.service.usage().resident;
        self.before.set(resident.max(self.before.get()));
        let begun = clock::now();
        attack(&self.service);
        let took = begun.elapsed();
        assert!(took <= within, "{name}: took {took:?}");
        self.within_bounds(name);
    }

    fn within_bounds(&self, name: &str) {
        let grown = self.service.usage().peak.saturating_sub(self.before.get());
        assert!(grown <= GROWTH_MAX, "{name}: grown by {} MiB", grown >> 20);
    }

    /// Sends one body as the row says, over each protocol that has a code in it.
    fn send(&self, row: &Row) {
        let Row {
            name, kind, body, ..
        } = row;
        if let Some(code) = row.http {
            let headers = [
                ("content-type", *kind),
                ("content-encoding", row.encoding.http),
            ];
            let post = request("POST", row.signal.http_path(), &headers, body);
            self.attack(&format!("{name} over HTTP"), SOON, |service| {
                let reply = http1::exchange(service.http(), &post);
                assert_eq!(reply.status, code, "{name}: {}", reply.text());
            });
        }
        if let Some(code) = row.grpc {
            let flag = row.encoding.grpc != "identity";
            let message = framed(flag, body);
            self.attack(&format!("{name} over gRPC"), SOON, |service| {
                let reply = block_on(async {
                    let encoding = ("grpc-encoding", row.encoding.grpc);
                    let headers = [GRPC, ("te", "trailers"), encoding];
                    let mut sender = http2::connect(service.grpc()).await;
                    http2::post(&mut sender, row.signal.grpc_path(), &headers, message).await
                });
                assert_eq!(reply.grpc_status(), code, "{name}: {reply:?}");
            });
        }
    }

    /// Ends the siege. The steady client lost nothing and waited for nothing, a stranger is served,
    /// and the books balance.
    fn end(self) {
        let post = http1::post("/v1/traces", &crate::rig::requests::numbered(1, 1));
        assert_eq!(http1::exchange(self.service.http(), &post).status, 200);
        let steady = self.steady.end();
        for (protocol, reports) in steady {
            let mut acked: Vec<Acked> = Vec::new();
            for report in reports {
                assert_eq!(report.refusals(), 0, "{protocol:?}: {:?}", report.refused);
                let p99 = report.latency.quantile(0.99);
                assert!(p99 <= STEADY_P99, "{protocol:?}: p99 {p99:?}");
                acked.extend(report.acked);
            }
            let verdict = load::all_arrived(&self.sink, &acked);
            assert_eq!(verdict.lost, 0, "{verdict}");
        }
        self.service.stop();
    }
}

/// A client on either protocol that sends 1,000 spans a second until the siege is over.
struct Steady {
    over: Arc<AtomicBool>,
    clients: Vec<(Protocol, JoinHandle<Vec<Report>>)>,
}

impl Steady {
    fn begin(service: &Service) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let clients = super::PROTOCOLS.map(|protocol| {
            let options = load::load(service, protocol, 0);
            let over = Arc::clone(&over);
            // Their numbers never meet.
            let first = match protocol {
                Protocol::Grpc => 1 << 20,
                Protocol::Http => 2 << 20,
            };
            (
                protocol,
                std::thread::spawn(move || steady(options, first, &over)),
            )
        });
        Self {
            over,
            clients: clients.into(),
        }
    }

    fn end(self) -> Vec<(Protocol, Vec<Report>)> {
        self.over.store(true, Ordering::Relaxed);
        let clients = self.clients.into_iter();
        clients
            .map(|(protocol, client)| (protocol, client.join().unwrap()))
            .collect()
    }
}

fn steady(options: Options, mut first: u64, over: &AtomicBool) -> Vec<Report> {
    let mut reports = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let report = load::run(Options {
            requests: None,
            duration: Duration::from_millis(500),
            rate: 500.0,
            first,
            ..options.clone()
        });
        first = report.next;
        reports.push(report);
    }
    reports
}

/// One body, what is said of it, and what is answered.
struct Row {
    name: &'static str,
    signal: otlp::Signal,
    kind: &'static str,
    encoding: Named,
    body: Vec<u8>,
    /// Expected statuses; `None` where the protocol cannot carry the body.
    http: Option<u16>,
    grpc: Option<u32>,
}

/// The names of an encoding in the two protocols.
#[derive(Clone, Copy)]
struct Named {
    http: &'static str,
    grpc: &'static str,
}

const PLAIN: Named = Named {
    http: "identity",
    grpc: "identity",
};

impl Row {
    /// A trace request in protobuf, as it is, over both protocols.
    fn protobuf(name: &'static str, body: Vec<u8>, http: u16, grpc: u32) -> Self {
        Self {
            name,
            signal: otlp::Signal::Traces,
            kind: "application/x-protobuf",
            encoding: PLAIN,
            body,
            http: Some(http),
            grpc: Some(grpc),
        }
    }

    /// A trace request in JSON.
    fn json(name: &'static str, body: Vec<u8>, http: u16) -> Self {
        Self {
            kind: "application/json",
            grpc: None,
            ..Self::protobuf(name, body, http, 0)
        }
    }

    fn of(self, signal: otlp::Signal) -> Self {
        Self { signal, ..self }
    }

    fn coded(self, http: &'static str, grpc: Option<&'static str>) -> Self {
        Self {
            encoding: Named {
                http,
                grpc: grpc.unwrap_or("identity"),
            },
            grpc: self.grpc.filter(|_| grpc.is_some()),
            ..self
        }
    }
}

/// Runs the rows of one family against one service.
fn besiege(rows: impl IntoIterator<Item = Row>) {
    let siege = Siege::begin();
    for row in rows {
        siege.send(&row);
    }
    siege.end();
}
