//! Rolling restarts behind a balancer that goes on sending to an instance that stops.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use benches::Protocol;
use benches::clock;
use tokio::net::{TcpListener, TcpStream};

use super::free_address;
use super::sdks::{Sdk, Target, arrived};
use crate::fault::PROTOCOLS;
use crate::rig::{Service, block_on, load};

const INSTANCE: &str = "\
receivers: {otlp: {protocols: {grpc: {endpoint: 'GRPC'}, http: {endpoint: 'HTTP'}}}}
exporters: {otlp_grpc: {endpoint: SINK, tls: {insecure: true}}}
service: {pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc]}}}
";

/// How long the balancer does not know that an instance stops.
const BLIND: Duration = Duration::from_secs(3);

/// Longer than that, as one sets it.
const DELAY: &[&str] = &["--shutdown-delay", "5s"];

const RESTARTS: usize = 10;

/// What each client sends: all of them together share two cores with the rest.
const RATE: u64 = 200;

/// One instance after the other gets a connection, of those that are in.
#[derive(Default)]
struct Balancer {
    next: usize,
    members: Vec<SocketAddr>,
}

type Shared = Arc<Mutex<Balancer>>;

/// A balancer of connections, on a thread that lives as long as the test's process.
fn balance(members: [SocketAddr; 2]) -> (SocketAddr, Shared) {
    let shared = Arc::new(Mutex::new(Balancer {
        next: 0,
        members: members.into(),
    }));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let routes = Arc::clone(&shared);
    std::thread::spawn(move || {
        block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let to = {
                    let mut balancer = routes.lock().unwrap();
                    balancer.next += 1;
                    balancer.members[balancer.next % balancer.members.len()]
                };
                tokio::spawn(pass(stream, to));
            }
        });
    });
    (address, shared)
}

async fn pass(mut stream: TcpStream, to: SocketAddr) {
    // How a connection ends is seen by its ends.
    if let Ok(mut member) = TcpStream::connect(to).await {
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut member).await;
    }
}

fn instance(at: Target, sink: SocketAddr) -> Service {
    let yaml = INSTANCE
        .replace("GRPC", &at.grpc.to_string())
        .replace("HTTP", &at.http.to_string())
        .replace("SINK", &sink.to_string());
    Service::start_with(&yaml, DELAY)
}

#[test]
#[ignore = "needs the SDKs: tests/neighbours/run"]
fn rolling_restarts_lose_no_span_of_the_real_sdks() {
    let sink = load::sink();
    let places = [(); 2].map(|()| Target {
        grpc: free_address(),
        http: free_address(),
    });
    let mut services = places.map(|at| instance(at, sink.address())).map(Some);
    let (grpc, grpc_members) = balance(places.map(|at| at.grpc));
    let (http, http_members) = balance(places.map(|at| at.http));
    let target = Target { grpc, http };
    // Each restart takes the delay and a second or two.
    let length = Duration::from_secs(8 * RESTARTS as u64);
    let clients: Vec<_> = [Sdk::Go, Sdk::Node, Sdk::Python]
        .into_iter()
        .flat_map(|sdk| PROTOCOLS.map(|protocol| (sdk, protocol)))
        .map(|(sdk, protocol): (Sdk, Protocol)| {
            std::thread::spawn(move || (sdk, protocol, sdk.run(protocol, target, RATE, length)))
        })
        .collect();
    load::arrived(&sink, RATE);
    for nth in 0..RESTARTS {
        let (at, place) = (nth % 2, places[nth % 2]);
        let service = services[at].take().unwrap();
        let signalled = clock::now();
        service.signal(libc::SIGTERM);
        clock::pause(BLIND);
        for (members, gone) in [(&grpc_members, place.grpc), (&http_members, place.http)] {
            members
                .lock()
                .unwrap()
                .members
                .retain(|member| *member != gone);
        }
        let ended = service.ended(signalled.elapsed());
        assert_eq!(ended.account.spans("exporter", "otlp_grpc").dropped, 0);
        services[at] = Some(instance(place, sink.address()));
        for (members, back) in [(&grpc_members, place.grpc), (&http_members, place.http)] {
            members.lock().unwrap().members.push(back);
        }
    }
    let said: Vec<_> = clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .collect();
    let sent = said.iter().map(|(_, _, said)| said.sent).sum();
    let arrived = arrived(&sink, sent);
    eprintln!("{said:?}: {arrived} arrived of {sent}");
    assert!(sent > 10_000, "only {sent} spans");
    assert_eq!(arrived, sent, "{said:?}");
    services
        .into_iter()
        .flatten()
        .for_each(|service| drop(service.stop()));
}
