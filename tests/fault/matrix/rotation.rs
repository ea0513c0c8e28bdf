//! Certificates that are exchanged under load.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use benches::Protocol;
use benches::clock;
use benches::grpc::OK;

use super::identities::{Authorities, Flaw, text};
use super::secure;
use crate::fault::PROTOCOLS;
use crate::rig::{PATIENCE, Service, block_on, load, nightly, requests};

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
