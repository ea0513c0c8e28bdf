//! Certificates that are exchanged under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use benches::Protocol;
use benches::clock;
use benches::grpc::OK;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::identities::{Authorities, Flaw, text};
use super::secure;
use crate::fault::PROTOCOLS;
use crate::fault::tls::changing_relay;
use crate::rig::{PATIENCE, Service, block_on, http1, load, nightly, requests};

const MUTUAL: &str = "\
receivers:
  otlp:
    protocols:
      grpc: {endpoint: '127.0.0.1:0', tls: {FILES, client_ca_file: CA}}
      http: {endpoint: '127.0.0.1:0', tls: {FILES, client_ca_file: CA}}
exporters: {otlp_grpc: {endpoint: SINK, compression: none, tls: {insecure: true}}}
service:
  # Every change has its line, however many there are.
  telemetry: {logs: {sampling: {enabled: false}}}
  pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc]}}
";

/// What the service writes when it has taken a new certificate.
const RENEWED: &str = "TLS files have changed and are in use";

#[test]
fn no_request_fails_while_certificates_are_exchanged() {
    let length = nightly(Duration::from_secs(5), Duration::from_secs(60));
    let (authorities, sink) = (Authorities::new(), load::sink());
    let files = authorities.files("server", &authorities.identity(Flaw::None));
    let yaml = MUTUAL
        .replace("FILES", &files)
        .replace("CA", text(&authorities.ca_file()))
        .replace("SINK", &sink.address().to_string());
    let service = Service::start(&yaml);
    let (over, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for protocol in PROTOCOLS {
            let (service, authorities, over, sent) = (&service, &authorities, &over, &sent);
            scope.spawn(move || {
                let (address, good) = match protocol {
                    Protocol::Grpc => (service.grpc(), OK),
                    Protocol::Http => (service.http(), 200),
                };
                let identity = authorities.identity(Flaw::None);
                while !over.load(Ordering::Relaxed) {
                    // Every request has a connection, and so a handshake, of its own.
                    let tls = Some(authorities.client(Some(&identity)));
                    let span = requests::one_span();
                    let said = block_on(secure::export(address, protocol, tls, None, &span));
                    assert_eq!(said.unwrap(), good, "{protocol:?}");
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let began = clock::now();
        let mut renewals = 0;
        while began.elapsed() < length {
            authorities.files("server", &authorities.identity(Flaw::None));
            renewals += 1;
            let renewed = || {
                service
                    .lines()
                    .iter()
                    .filter(|l| l.contains(RENEWED))
                    .count()
            };
            let seen = clock::poll(PATIENCE, || {
                (renewed() >= PROTOCOLS.len() * renewals).then_some(())
            });
            if seen.is_none() {
                over.store(true, Ordering::Relaxed);
                panic!("{}", service.lines().join("\n"));
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    let sent = sent.into_inner();
    assert!(sent > 10, "only {sent} requests");
    load::arrived(&sink, sent);
    assert_eq!(sink.counts().items(), sent);
    service.stop();
}

const EXPORTERS: &str = "\
receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}
exporters:
  otlp_grpc:
    endpoint: https://localhost:GRPC
    tls: &tls {FILES, ca_file: CA, reload_interval: 1s}
    retry_on_failure: &retry {initial_interval: 20ms, max_interval: 100ms}
  otlp_http: {endpoint: 'https://localhost:HTTP', tls: *tls, retry_on_failure: *retry}
service:
  telemetry: {logs: {sampling: {enabled: false}}}
  pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc, otlp_http]}}
";

/// Requests that may be on their way while back ends are out of reach, so that no queue is full.
const UNDER_WAY_MAX: u64 = 200;

/// A back end that trusts the clients of this authority alone, which has made its own certificate.
fn acceptor(authorities: &Authorities) -> TlsAcceptor {
    let server = authorities.server(&authorities.identity(Flaw::None), true);
    TlsAcceptor::from(Arc::new(server))
}

#[test]
fn nothing_is_lost_while_back_ends_change_their_authority() {
    let length = nightly(Duration::from_secs(5), Duration::from_secs(60));
    let (folder, sinks) = (Authorities::new(), [load::sink(), load::sink()]);
    let (trusted, acceptors) = watch::channel(acceptor(&folder));
    let relay = |at: usize| changing_relay(acceptors.clone(), sinks[at].address()).port();
    let [grpc, http] = [0, 1].map(relay);
    let yaml = EXPORTERS
        .replace(
            "FILES",
            &folder.files("client", &folder.identity(Flaw::None)),
        )
        .replace("CA", text(&folder.ca_file()))
        .replace("GRPC", &grpc.to_string())
        .replace("HTTP", &http.to_string());
    let service = Service::start(&yaml);
    let (over, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let arrived = |wanted: u64| {
        let mut sinks = sinks.iter();
        sinks.all(|sink| {
            sink.wait(PATIENCE, |counts| counts.items() >= wanted)
                .is_ok()
        })
    };
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let post = http1::post("/v1/traces", &requests::one_span());
            while !over.load(Ordering::Relaxed) {
                assert_eq!(http1::exchange(service.http(), &post).status, 200);
                let sent = sent.fetch_add(1, Ordering::Relaxed) + 1;
                if !arrived(sent.saturating_sub(UNDER_WAY_MAX)) {
                    return;
                }
            }
        });
        let began = clock::now();
        let mut current = folder.known_pem();
        while began.elapsed() < length && !sending.is_finished() {
            let next = Authorities::new();
            // Both, as one does who cannot change all at one moment.
            let both = [current, next.known_pem()].concat();
            folder.file("ca.pem", &both);
            folder.files("client", &next.identity(Flaw::None));
            trusted.send(acceptor(&next)).unwrap();
            // What has not been sent yet can come by the new authority only.
            if !arrived(sent.load(Ordering::Relaxed) + 2 * UNDER_WAY_MAX) {
                over.store(true, Ordering::Relaxed);
                panic!("{}", service.lines().join("\n"));
            }
            current = next.known_pem();
        }
        over.store(true, Ordering::Relaxed);
    });
    let sent = sent.into_inner();
    assert!(arrived(sent));
    let ended = service.stop();
    for exporter in ["otlp_grpc", "otlp_http"] {
        let figures = ended.account.spans("exporter", exporter);
        assert_eq!((figures.passed, figures.dropped), (sent, 0), "{exporter}");
        let id = format!("\"{exporter}\"");
        let mut lines = ended.log.lines();
        let renewed = lines.any(|line| line.contains(RENEWED) && line.contains(&id));
        assert!(renewed, "{exporter}");
    }
}
