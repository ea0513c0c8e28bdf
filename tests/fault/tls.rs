//! Back ends behind TLS: whom the exporters trust, and what becomes of the data when they do not.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use benches::Protocol;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::PROTOCOLS;
use crate::rig::{Service, failed_start, load};

const SECURE: &str = "\
receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: '127.0.0.1:0'}}}}
exporters:
  EXPORTER:
    endpoint: https://localhost:PORT
    tls: {ca_file: CA}
    retry_on_failure: {initial_interval: 20ms, max_interval: 100ms}
service: {pipelines: {traces: {receivers: [otlp], exporters: [EXPORTER]}}}
";

fn yaml(protocol: Protocol, proxy: SocketAddr, ca: &std::path::Path) -> String {
    let exporter = match protocol {
        Protocol::Grpc => "otlp_grpc",
        Protocol::Http => "otlp_http",
    };
    SECURE
        .replace("EXPORTER", exporter)
        .replace("PORT", &proxy.port().to_string())
        .replace("CA", ca.to_str().unwrap())
}

/// An authority of our own: its certificate as a file, and a server that it vouches for.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let authority = Self {
            issuer,
            folder: tempfile::tempdir().unwrap(),
        };
        std::fs::write(authority.file(), authority.issuer.pem()).unwrap();
        authority
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn acceptor(&self) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Takes TLS off and passes the rest on, on a thread that lives as long as the test's process.
fn tls_before(sink: SocketAddr, authority: &Authority) -> SocketAddr {
    relay(authority.acceptor(), sink)
}

/// The same for any acceptor.
pub(super) fn relay(acceptor: TlsAcceptor, sink: SocketAddr) -> SocketAddr {
    changing_relay(watch::channel(acceptor).1, sink)
}

/// The same for one that may change, which ends the connections that the one before has made.
pub(super) fn changing_relay(
    acceptor: watch::Receiver<TlsAcceptor>,
    sink: SocketAddr,
) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        crate::rig::block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass(stream, acceptor.clone(), sink));
            }
        });
    });
    address
}

async fn pass(stream: TcpStream, mut acceptor: watch::Receiver<TlsAcceptor>, sink: SocketAddr) {
    let current = acceptor.borrow_and_update().clone();
    // A client that does not trust us ends here.
    if let Ok(mut secure) = current.accept(stream).await
        && let Ok(mut plain) = TcpStream::connect(sink).await
    {
        // How a connection ends is seen by its ends.
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut secure, &mut plain) => {}
            Ok(()) = acceptor.changed() => {}
        }
    }
}

#[test]
fn a_back_end_whose_authority_is_known_gets_everything() {
    for protocol in PROTOCOLS {
        let (sink, authority) = (load::sink(), Authority::new());
        let proxy = tls_before(sink.address(), &authority);
        let service = Service::start(&yaml(protocol, proxy, &authority.file()));
        let report = load::run(load::load(&service, protocol, 20));
        let verdict = load::all_arrived(&sink, &report.acked);
        assert!(verdict.is_exact(), "{verdict}");
        service.stop();
    }
}

#[test]
fn a_back_end_whose_authority_is_not_known_gets_nothing_and_the_log_says_why() {
    for protocol in PROTOCOLS {
        let (sink, authority, other) = (load::sink(), Authority::new(), Authority::new());
        let proxy = tls_before(sink.address(), &authority);
        let yaml = yaml(protocol, proxy, &other.file());
        let service = Service::start_with(&yaml, &["--shutdown-timeout", "0s"]);
        let report = load::run(load::load(&service, protocol, 3));
        assert_eq!(report.requests, 3);
        let line = service.logs("Will retry the request after interval");
        assert!(line.contains("certificate"), "{line}");
        let ended = service.stop();
        assert_eq!(sink.counts().items(), 0);
        let id = if protocol == Protocol::Grpc {
            "otlp_grpc"
        } else {
            "otlp_http"
        };
        assert_eq!(ended.account.spans("exporter", id).dropped, 30);
    }
}

#[test]
fn a_file_of_authorities_that_cannot_be_read_is_named_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = folder.path().join("missing.pem");
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "no certificate\n").unwrap();
    let somewhere = "127.0.0.1:4317".parse().unwrap();
    // No metrics page, whose usual port may be taken.
    let quiet = "service: {telemetry: {metrics: {level: none}}, ";
    for file in [nothing, empty] {
        for (protocol, id) in [(Protocol::Grpc, "otlp_grpc"), (Protocol::Http, "otlp_http")] {
            let yaml = yaml(protocol, somewhere, &file).replace("service: {", quiet);
            let (code, log) = failed_start(&yaml);
            assert_eq!(code, Some(1), "{log}");
            let last = log.lines().last().unwrap();
            assert!(last.contains(id) && last.contains("ca_file"), "{log}");
        }
    }
}
