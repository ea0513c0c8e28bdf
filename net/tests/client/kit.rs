//! A server that answers each body with itself, on any stream, and how to ask it.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use config::blocks::{Tls, TlsClient, TlsServer};
use config::{Secret, Squash};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use net::client::{ChunkBody, Chunks, Client, Settings, Target};
use net::{tail, tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use telemetry::metrics::Metrics;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// The name of every server here.
pub(crate) const NAME: &str = "shop.example";

/// On time that runs by itself as soon as everybody waits.
pub(crate) fn on_paused_time(test: impl Future<Output = ()>) {
    run(true, test);
}

pub(crate) fn on_worker(test: impl Future<Output = ()>) {
    run(false, test);
}

fn run(paused: bool, test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(paused)
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap()
        .block_on(test);
}

// === the server ===

#[derive(Clone, Copy)]
pub(crate) struct Local;

impl<F: Future + 'static> Executor<F> for Local {
    fn execute(&self, task: F) {
        drop(tokio::task::spawn_local(task));
    }
}

/// What servers have seen.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    /// Connections that were begun.
    pub(crate) connections: Rc<Cell<usize>>,
    /// And are still open.
    pub(crate) open: Rc<Cell<usize>>,
    pub(crate) requests: Rc<RefCell<Vec<(Uri, HeaderMap)>>>,
}

/// Serves one connection: each body is answered with itself, after `pause`.
pub(crate) async fn echo<S>(stream: S, h2: bool, pause: Duration, seen: Seen)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    seen.connections.set(seen.connections.get() + 1);
    seen.open.set(seen.open.get() + 1);
    let (requests, open) = (Rc::clone(&seen.requests), Rc::clone(&seen.open));
    let service = service_fn(move |mut request: Request<Incoming>| {
        let head = (request.uri().clone(), request.headers().clone());
        requests.borrow_mut().push(head);
        async move {
            let read = tail::read(request.body_mut(), 1 << 20).await;
            tokio::time::sleep(pause).await;
            let body = read.map(|tail| tail.body).unwrap_or_default();
            Ok::<_, Infallible>(Response::new(Full::new(body)))
        }
    });
    let io = TokioIo::new(stream);
    // How a connection ends is its client's choice.
    if h2 {
        let builder = hyper::server::conn::http2::Builder::new(Local);
        drop(builder.serve_connection(io, service).await);
    } else {
        let builder = hyper::server::conn::http1::Builder::new();
        drop(builder.serve_connection(io, service).await);
    }
    open.set(open.get() - 1);
}

/// A plain server on a port.
pub(crate) async fn plain(h2: bool, pause: Duration, seen: &Seen) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = seen.clone();
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::task::spawn_local(echo(stream, h2, pause, seen.clone()));
        }
    });
    address
}

/// A plain server on a unix socket.
pub(crate) fn on_socket(path: &Path, h2: bool, seen: &Seen) {
    let listener = UnixListener::bind(path).unwrap();
    let seen = seen.clone();
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::task::spawn_local(echo(stream, h2, Duration::ZERO, seen.clone()));
        }
    });
}

/// A server behind TLS on a port; who does not ask by ALPN gets `otherwise_h2`.
pub(crate) async fn secured(server: tls::Server, otherwise_h2: bool, seen: &Seen) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = seen.clone();
    tokio::task::spawn_local(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let (server, seen) = (server.clone(), seen.clone());
            tokio::task::spawn_local(async move {
                if let Some(accepted) = server.accept(stream, peer).await {
                    let h2 = accepted.h2.unwrap_or(otherwise_h2);
                    echo(accepted.stream, h2, Duration::ZERO, seen).await;
                }
            });
        }
    });
    address
}

// === the client ===

/// Settings of a client of that address.
pub(crate) fn to(address: SocketAddr, h2: bool) -> Settings {
    Settings {
        h2,
        ..Settings::new(Target::from(address))
    }
}

/// Sends two chunks; nothing if they came back as one.
pub(crate) async fn asked(client: &Client) -> Result<(), String> {
    let chunks: Chunks = ["ab", "cd"]
        .into_iter()
        .map(|text| Bytes::from_static(text.as_bytes()))
        .collect();
    let mut request = Request::new(ChunkBody::new(chunks));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static("http://back.end/path");
    let host = HeaderValue::from_static("back.end");
    request.headers_mut().insert("host", host);
    let sent = client.send(request).await;
    let mut answered = sent.map_err(|fault| fault.to_string())?;
    let body = tail::read(answered.response.body_mut(), 100).await?.body;
    client.reuse(answered);
    match body == "abcd" {
        true => Ok(()),
        false => Err(format!("answered {body:?}")),
    }
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = tokio::time::Instant::now();
    while !holds() {
        assert!(began.elapsed() < 20 * SECOND, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

// === certificates ===

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// Files of a certificate and its key, and of the authority.
pub(crate) struct Files {
    folder: tempfile::TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "ours");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> Secret {
        Secret::new(self.0.pem())
    }

    /// A certificate and its key, valid until the first of January of that year.
    pub(crate) fn sign(&self, names: &[&str], until_year: i32) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_after = rcgen::date_time_ymd(until_year, 1, 1);
        let cert = params.signed_by(&key, &self.0).unwrap();
        (cert.pem(), key.serialize_pem())
    }

    /// The block of a client that trusts this authority.
    pub(crate) fn client(&self) -> TlsClient {
        let tls = Tls {
            ca_pem: self.pem(),
            ..Tls::default()
        };
        TlsClient(Squash(config::blocks::TlsClientOwn::default(), tls))
    }
}

impl Files {
    pub(crate) fn new(authority: &Authority, until_year: i32) -> Self {
        let files = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        files.rotate(authority, until_year);
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces the certificate and then, a moment later, its key, as scripts do.
    pub(crate) fn rotate(&self, authority: &Authority, until_year: i32) {
        let (cert, key) = authority.sign(&[NAME, "127.0.0.1"], until_year);
        for (name, text) in [("cert.pem", cert), ("key.pem", key)] {
            let next = self.path("next");
            std::fs::write(&next, text).unwrap();
            std::fs::rename(&next, self.path(name)).unwrap();
        }
    }

    pub(crate) fn block(&self) -> TlsServer {
        let text = |name: &str| self.path(name).to_str().unwrap().to_owned();
        let tls = Tls {
            cert_file: text("cert.pem"),
            key_file: text("key.pem"),
            ..Tls::default()
        };
        TlsServer(Squash(config::blocks::TlsServerOwn::default(), tls))
    }

    pub(crate) fn server(&self, protocol: net::Protocol, metrics: &Metrics) -> tls::Server {
        tls::Server::new(&self.block(), protocol, owner(metrics)).unwrap()
    }
}

pub(crate) fn owner(metrics: &Metrics) -> tls::Owner<'_> {
    tls::Owner {
        kind: "test",
        component: "test",
        part: "",
        metrics,
    }
}

pub(crate) fn connector(authority: &Authority, alpn: &[&str]) -> tls::Connector {
    tls::Connector::new(&authority.client(), alpn, owner(&Metrics::default())).unwrap()
}
