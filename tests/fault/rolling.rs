//! One of two instances stops and another takes its place, while the balancer goes on sending to it for a while.

use std::net::SocketAddr;
use std::time::Duration;

use benches::generator::Options;
use benches::{Protocol, clock, oracle};

use super::{PROTOCOLS, Way};
use crate::rig::balancer::Balancer;
use crate::rig::http1::{self, Connection};
use crate::rig::{PATIENCE, Service, load, nightly, requests};

/// How long the balancer does not know that an instance stops, and how many stop one after the other.
const EVERY_RUN: (Duration, u64) = (Duration::from_millis(1500), 3);
const AT_NIGHT: (Duration, u64) = (Duration::from_secs(3), 10);

fn address(service: &Service, protocol: Protocol) -> SocketAddr {
    match protocol {
        Protocol::Grpc => service.grpc(),
        Protocol::Http => service.http(),
    }
}

#[test]
fn of_what_is_sent_through_a_balancer_that_learns_late_nothing_is_missing() {
    let (late, restarts) = match nightly(EVERY_RUN.0, AT_NIGHT.0) == AT_NIGHT.0 {
        true => AT_NIGHT,
        false => EVERY_RUN,
    };
    let sink = load::sink();
    let yaml = Way {
        processors: "batch",
        ..Way::over(Protocol::Grpc)
    }
    .yaml(sink.address());
    // A little longer than the balancer needs.
    let delay = format!("{}ms", (late + Duration::from_millis(500)).as_millis());
    let start = || Service::start_with(&yaml, &["--shutdown-delay", &delay]);
    let mut instances = [start(), start()];
    let balancers = PROTOCOLS.map(|protocol| {
        Balancer::between(
            &instances
                .each_ref()
                .map(|instance| address(instance, protocol)),
        )
    });
    let loads = PROTOCOLS.map(|protocol| {
        let at = protocol as usize;
        load::begin(Options {
            target: balancers[at].address(),
            connections: 4,
            requests: None,
            duration: (late + Duration::from_secs(2)) * u32::try_from(restarts).unwrap(),
            // Enough that each connection is busy, and few enough that a busy machine keeps up.
            rate: 2000.0,
            first: 1 + 1_000_000 * at as u64,
            ..load::load(&instances[0], protocol, 0)
        })
    });
    for restart in 0..restarts {
        let at = usize::try_from(restart % 2).unwrap();
        instances[at].signal(libc::SIGTERM);
        clock::pause(late);
        let fresh = start();
        for (balancer, protocol) in balancers.iter().zip(PROTOCOLS) {
            balancer.remove(address(&instances[at], protocol));
            balancer.add(address(&fresh, protocol));
        }
        let stopped = std::mem::replace(&mut instances[at], fresh);
        let ended = stopped.ended(Duration::ZERO);
        assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    }
    let mut acked = Vec::new();
    for (load, protocol) in loads.into_iter().zip(PROTOCOLS) {
        let report = load.report();
        assert_eq!(report.refusals(), 0, "{protocol:?} {:?}", report.refused);
        assert!(report.requests > 100, "{}", report.requests);
        acked.extend(report.acked);
    }
    instances
        .into_iter()
        .for_each(|instance| drop(instance.stop()));
    let verdict = oracle::judge(&acked, sink.ids());
    assert!(verdict.is_exact(), "{verdict}");
}

#[test]
fn who_sends_during_the_delay_is_served_and_asked_to_leave() {
    let sink = load::sink();
    let yaml = Way::over(Protocol::Grpc).yaml(sink.address());
    let service = Service::start_with(&yaml, &["--shutdown-delay", "60s"]);
    let post = http1::post("/v1/traces", &requests::one_span());
    let mut early = Connection::open(service.http());
    early.send(&post).unwrap();
    let reply = early.reply().unwrap();
    assert_eq!((reply.status, reply.headers.get("connection")), (200, None));
    service.signal(libc::SIGTERM);
    service.logs("Serving on");
    for mut connection in [early, Connection::open(service.http())] {
        // Its worker hears of it in a moment.
        let is_asked = clock::poll(PATIENCE, || {
            connection.send(&post).unwrap();
            let reply = connection.reply().unwrap();
            assert_eq!(reply.status, 200);
            let said = reply.headers.get("connection")?;
            Some(said == "close")
        });
        assert_eq!(is_asked, Some(true));
        assert!(connection.rest().is_empty());
    }
    let report = load::run(load::load(&service, Protocol::Grpc, 5));
    assert_eq!((report.requests, report.refusals()), (5, 0));

    service.signal(libc::SIGTERM);
    let ended = service.ended(Duration::ZERO);
    assert_eq!(ended.status.code(), Some(0));
    assert!(
        ended.took < PATIENCE,
        "the delay is longer: {:?}",
        ended.took
    );
    assert!(ended.log.contains("A second signal"), "{}", ended.log);
}
