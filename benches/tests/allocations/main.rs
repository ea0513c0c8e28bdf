//! The guard of the hot path: what one request costs the workers of the real service in
//! allocations.
//!
//! ```text
//! generator ──one connection, one request at a time──▶ service ──▶ sink
//!                                             workers counted
//! ```
//!
//! Times differ from machine to machine and from minute to minute; this count hardly does. Each
//! figure is the difference of a short and a long life of the service, divided by the requests that
//! the long one had more: what starting, connecting, growing to size and draining cost is the same
//! in both.
//!
//! A bound is the measured figure and about a tenth. Whoever makes the path cheaper lowers it.
// Clippy knows a test by its attribute; its helpers may panic all the same.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(
    clippy::print_stdout,
    reason = "the figures, for whoever asks with --nocapture"
)]

mod counting;
mod service;

use std::time::Duration;

use benches::generator::{self, Options, Refused, Report};
use benches::grpc;
use benches::measure::Case;
use benches::sink::{self, Sink};

use counting::{Allocations, Turn};
use service::Running;

/// Generous against a busy machine; nothing here waits for it to pass.
const SOON: Duration = Duration::from_secs(120);

/// A batch is sent when it is full, never because time has passed: time would make the count
/// differ.
const BY_SIZE: &str = "processors.batch.timeout=1h";

/// Of its bound a figure is more than this part. Less means that the bound guards nothing any more,
/// or that the counter does not see the workers.
const LEAST: f64 = 0.5;

/// One way through the service and what a request on it may cost.
struct Path {
    /// The case of `bench measure` whose figure this guards; its configuration is taken.
    case: &'static str,
    /// Values of the configuration that are replaced.
    sets: &'static [&'static str],
    load: fn(&mut Options),
    /// Requests of the short life and of the long one, in whole batches.
    requests: [u64; 2],
    most: Most,
}

/// Upper bounds for one request, its part of the exports included.
#[derive(Clone, Copy)]
struct Most {
    calls: f64,
    bytes: f64,
}

/// 512 spans of 251 KB. The bytes are the body once, as it came off the socket, and the state of a
/// request. The calls are header maps and values (7), what the socket is read into (3), the task,
/// the lease, and a part of the batch and its exports. Measured: 16.4 and 264,200.
const GRPC: Most = Most {
    calls: 18.1,
    bytes: 290_000.0,
};

/// One span in 803 bytes: what is left when there is no payload worth mentioning. The bound lies
/// less than one call above the figure, so that one more fails. Measured: 9.3 and 4,640.
const GRPC_ONE_SPAN: Most = Most {
    calls: 9.9,
    bytes: 5_100.0,
};

/// As `GRPC`, and the edited copy of the body with the notes of the edit and a lease. Measured:
/// 29.4 and 516,600.
const GRPC_EDITED: Most = Most {
    calls: 32.4,
    bytes: 568_000.0,
};

/// 512 spans of 251 KB over HTTP/1.1. Into how many pieces a body comes apart, and so whether they
/// are copied together, depends on the socket. Measured: 7.4 to 9.8 and 263,000 to 496,000; a third
/// copy would be 700,000 at least.
const HTTP: Most = Most {
    calls: 10.8,
    bytes: 515_000.0,
};

/// One span that a memory limiter refuses: most of it is the status in its three spellings.
/// Measured: 19.3 and 6,000 to 7,500.
const REFUSED: Most = Most {
    calls: 21.2,
    bytes: 8_300.0,
};

#[test]
fn a_request_over_grpc_allocates_nothing_per_span() {
    let path = Path {
        case: "P1",
        sets: &[BY_SIZE],
        load: |_| {},
        requests: [64, 320],
        most: GRPC,
    };
    path.check(taken);
}

#[test]
fn a_request_of_one_span_costs_little() {
    let path = Path {
        case: "P6",
        sets: &[BY_SIZE, "processors.batch.send_batch_size=512"],
        load: |_| {},
        requests: [512, 1536],
        most: GRPC_ONE_SPAN,
    };
    path.check(taken);
}

#[test]
fn limiting_and_editing_cost_one_buffer_more() {
    let path = Path {
        case: "P2",
        sets: &[BY_SIZE],
        load: |_| {},
        requests: [64, 320],
        most: GRPC_EDITED,
    };
    path.check(taken);
}

#[test]
fn a_request_over_http_allocates_nothing_per_span() {
    let path = Path {
        case: "P5r",
        sets: &[BY_SIZE],
        load: |load| load.rate = 0.0,
        requests: [64, 1024],
        most: HTTP,
    };
    path.check(taken);
}

#[test]
fn refusing_costs_little() {
    const AT_ONCE: &str = "receivers.otlp.protocols.grpc.max_concurrent_streams=1000";
    let path = Path {
        case: "P2",
        // Any process is larger than this.
        sets: &[
            BY_SIZE,
            AT_ONCE,
            "processors.memory_limiter.limit_mib=2",
            "processors.memory_limiter.spike_limit_mib=1",
        ],
        // Every request is held for two seconds before it is refused, so all are in flight at once.
        load: |load| {
            load.items = 1;
            load.in_flight = 1000;
        },
        requests: [200, 800],
        most: REFUSED,
    };
    path.check(|requests, report, sink| {
        let unavailable = [(Refused::Grpc(grpc::UNAVAILABLE), requests)];
        assert_eq!(report.refused, unavailable.into());
        assert_eq!(sink.counts().items(), 0);
    });
}

/// Every request was acknowledged, and all of it has arrived.
fn taken(requests: u64, report: &Report, sink: &Sink) {
    assert_eq!((report.requests, report.refusals()), (requests, 0));
    assert_eq!(sink.counts().items(), report.items);
}

// === impl Path ===

impl Path {
    fn check(&self, outcome: impl Fn(u64, &Report, &Sink)) {
        let turn = Turn::wait();
        let live = |requests| self.live(requests, &turn, &outcome);
        let [short, long] = self.requests.map(live);
        let requests = (self.requests[1] - self.requests[0]) as f64;
        let more = long - short;
        let figures = [
            ("allocations", more.calls as f64 / requests, self.most.calls),
            ("bytes", more.bytes as f64 / requests, self.most.bytes),
        ];
        for (unit, figure, most) in figures {
            println!(
                "{}: {figure:.2} {unit} a request, of at most {most}",
                self.case
            );
            assert!(
                figure <= most,
                "{figure:.1} {unit} a request are more than {most}; \
                 benches/README.md tells how to find out where they come from"
            );
            assert!(
                figure >= most * LEAST,
                "{figure:.1} {unit} a request are far fewer than {most}: lower the bound"
            );
        }
    }

    /// The life of one service: started, loaded with this many requests, drained.
    fn live(
        &self,
        requests: u64,
        turn: &Turn,
        outcome: impl Fn(u64, &Report, &Sink),
    ) -> Allocations {
        let sink = Sink::start(sink::Options::default()).unwrap();
        let case = Case::named(self.case).unwrap();
        let service = Running::start(&case.config_for(sink.address()), self.sets);
        let mut load = Options {
            connections: 1,
            in_flight: 1,
            requests: Some(requests),
            duration: SOON,
            ..case.load()
        };
        (self.load)(&mut load);
        load.in_flight = load.in_flight.min(requests as usize);
        load.target = service.address(load.protocol);
        turn.start();
        let report = generator::run_blocking(load).unwrap();
        service.stop();
        let allocations = turn.stop();
        outcome(requests, &report, &sink);
        allocations
    }
}
