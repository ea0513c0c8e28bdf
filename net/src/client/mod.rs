//! Connections to back ends: HTTP/2 shared by all requests, or HTTP/1.1 one for each request under way, made when
//! needed and made again when lost. A client lives on one worker.

mod chunks;
mod connect;
mod peers;
mod proxy;
mod rest;
mod settings;
mod target;
mod turns;

use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, PROXY_AUTHORIZATION};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

pub use chunks::{ChunkBody, Chunks};
use connect::Stream;
use peers::{H2, Peer, Peers};
pub use proxy::{Proxy, basic_credentials};
use rest::{H1, Resting};
use settings::IDLE_MAX;
pub use settings::Settings;
pub use target::Target;
use turns::Turns;

/// A connection that is not there within this time never will be.
const CONNECT_MAX: Duration = Duration::from_secs(20);

/// Between attempts to connect of a request that waits for the back end, as gRPC clients begin with.
const CONNECT_REST: Duration = Duration::from_secs(1);

/// Windows for answers, which are small.
const H2_WINDOW: u32 = 1 << 20;

/// Why a request got no answer. All of these may pass.
#[derive(Debug)]
pub struct ConnectFault(String);

/// A client of one back end.
pub struct Client {
    settings: Settings,
    peers: Peers,
    resting: Rc<Resting>,
    connections: Option<Arc<Semaphore>>,
}

/// An answer whose connection goes back to rest when it has been read to its end.
pub struct Answered {
    pub response: Response<Incoming>,
    reuse: Option<H1>,
    /// Its part of `connections_max`.
    _permit: Option<OwnedSemaphorePermit>,
}

// === impl ConnectFault ===

impl ConnectFault {
    fn unresolved(target: &Target) -> Self {
        Self(format!("{target} has no address"))
    }

    fn send(target: &Target, error: &hyper::Error) -> Self {
        let cause = std::error::Error::source(error)
            .map(|s| format!(": {s}"))
            .unwrap_or_default();
        Self(format!(
            "the connection to {target} was lost: {error}{cause}"
        ))
    }
}

impl fmt::Display for ConnectFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConnectFault {}

// === impl Answered ===

impl Answered {
    fn shared(response: Response<Incoming>) -> Self {
        Self {
            response,
            reuse: None,
            _permit: None,
        }
    }
}

// === impl Client ===

impl Client {
    pub fn new(settings: Settings) -> Self {
        let idle_max = settings.idle_max.unwrap_or(IDLE_MAX);
        Self {
            peers: Peers::default(),
            resting: Resting::new(idle_max, settings.idle_timeout),
            connections: settings
                .connections_max
                .map(|max| Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS)))),
            settings,
        }
    }

    pub fn target(&self) -> &Target {
        &self.settings.target
    }

    /// Sends one request and waits for the head of its answer.
    pub async fn send(&self, request: Request<ChunkBody>) -> Result<Answered, ConnectFault> {
        if self.settings.h2 {
            self.send_h2(request).await
        } else {
            self.send_h1(request).await
        }
    }

    /// Gives a connection back whose answer has been read to its end.
    pub fn reuse(&self, answered: Answered) {
        if let (Some(connection), true) = (answered.reuse, self.settings.keep_alives) {
            self.resting.put(connection);
        }
    }

    fn lost(&self, error: &hyper::Error) -> ConnectFault {
        ConnectFault::send(&self.settings.target, error)
    }

    async fn send_h2(&self, mut request: Request<ChunkBody>) -> Result<Answered, ConnectFault> {
        // A connection may have been closed a moment ago; the second one is fresh.
        for last in [false, true] {
            let mut connection = self.h2_connection().await?;
            match connection.try_send_request(request).await {
                Ok(response) => return Ok(Answered::shared(response)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !last => request = unsent,
                    _ => return Err(self.lost(error.error())),
                },
            }
        }
        Err(ConnectFault(
            "the connection was closed twice before the request was sent".into(),
        ))
    }

    async fn h2_connection(&self) -> Result<H2, ConnectFault> {
        let round_robin = self.settings.round_robin;
        if let Some(connection) = self.peers.connection(round_robin) {
            return Ok(connection);
        }
        loop {
            match self.connect_h2(round_robin).await {
                Err(_) if self.settings.wait_for_ready => tokio::time::sleep(CONNECT_REST).await,
                done => return done,
            }
        }
    }

    /// A connection to the first address that has one or can be connected to.
    async fn connect_h2(&self, round_robin: bool) -> Result<H2, ConnectFault> {
        self.peers.refresh(self.settings.dialled()).await?;
        let mut fault = ConnectFault::unresolved(self.settings.dialled());
        for peer in self.peers.in_order(round_robin) {
            let mut slot = peer.h2.lock().await;
            if let Some(connection) = slot.as_ref().filter(|h2| !h2.is_closed()) {
                return Ok(connection.clone());
            }
            *slot = None;
            let connected = match self.connect(&peer).await {
                Ok(stream) => self.begin_h2(stream).await,
                Err(fault) => Err(fault),
            };
            match connected {
                Ok(connection) => {
                    *slot = Some(connection.clone());
                    return Ok(connection);
                }
                Err(error) => fault = error,
            }
        }
        Err(fault)
    }

    async fn begin_h2(&self, stream: Stream) -> Result<H2, ConnectFault> {
        let settings = &self.settings;
        let mut builder = http2::Builder::new(Turns(stream.turn));
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(H2_WINDOW)
            .initial_connection_window_size(H2_WINDOW)
            .keep_alive_interval(settings.keepalive_time)
            .keep_alive_timeout(
                settings
                    .keepalive_timeout
                    .unwrap_or(Duration::from_secs(20)),
            )
            .keep_alive_while_idle(settings.keepalive_while_idle);
        let (sender, connection) = builder
            .handshake(TokioIo::new(stream.io))
            .await
            .map_err(|error| self.lost(&error))?;
        // Its end is seen by whoever uses the sender next.
        tokio::task::spawn_local(async move { drop(connection.await) });
        Ok(sender)
    }

    async fn send_h1(&self, mut request: Request<ChunkBody>) -> Result<Answered, ConnectFault> {
        self.prepare(&mut request);
        if let Some(mut connection) = self.peers.any_connection() {
            match connection.try_send_request(request).await {
                Ok(response) => return Ok(Answered::shared(response)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(self.lost(error.error())),
                },
            }
        }
        let permit = match &self.connections {
            None => None,
            Some(all) => Arc::clone(all).acquire_owned().await.ok(),
        };
        let target = request.uri().clone();
        while let Some(mut connection) = self.resting.take() {
            match connection.try_send_request(self.in_form(request)).await {
                Ok(response) => {
                    return Ok(Answered {
                        response,
                        reuse: Some(connection),
                        _permit: permit,
                    });
                }
                Err(mut error) => match error.take_message() {
                    Some(unsent) => {
                        request = unsent;
                        *request.uri_mut() = target.clone();
                    }
                    None => return Err(self.lost(error.error())),
                },
            }
        }
        self.peers.refresh(self.settings.dialled()).await?;
        let mut fault = ConnectFault::unresolved(self.settings.dialled());
        for peer in self.peers.in_order(true) {
            match self.connect(&peer).await {
                Ok(stream) => return self.send_first(&peer, stream, request, permit).await,
                Err(error) => fault = error,
            }
        }
        Err(fault)
    }

    async fn send_first(
        &self,
        peer: &Rc<Peer>,
        stream: Stream,
        request: Request<ChunkBody>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<Answered, ConnectFault> {
        let fault = |error: hyper::Error| self.lost(&error);
        if stream.chose_h2 {
            let mut connection = self.begin_h2(stream).await?;
            if self.settings.keep_alives {
                *peer.h2.lock().await = Some(connection.clone());
                peer.used.set(now());
                if let Some(timeout) = self.settings.idle_timeout {
                    tokio::task::spawn_local(rest_h2(Rc::downgrade(peer), timeout));
                }
            }
            let response = connection.send_request(request).await.map_err(fault)?;
            return Ok(Answered::shared(response));
        }
        let handshake = http1::Builder::new()
            .handshake(TokioIo::new(stream.io))
            .await;
        let (mut sender, connection) = handshake.map_err(fault)?;
        tokio::task::spawn_local(async move { drop(connection.await) });
        let response = sender
            .send_request(self.in_form(request))
            .await
            .map_err(fault)?;
        Ok(Answered {
            response,
            reuse: Some(sender),
            _permit: permit,
        })
    }

    /// Adds what is the connection's rather than the request's.
    fn prepare(&self, request: &mut Request<ChunkBody>) {
        let proxy = self.settings.proxy.as_ref();
        let authorization = proxy
            .filter(|_| self.settings.forwarded())
            .and_then(|proxy| proxy.authorization.as_ref());
        if let Some(authorization) = authorization {
            let headers = request.headers_mut();
            headers.insert(PROXY_AUTHORIZATION, authorization.clone());
        }
    }

    /// HTTP/1.1 names the path alone, except to a proxy (RFC 9112 §3.2), where HTTP/2 needs scheme and authority too.
    fn in_form(&self, mut request: Request<ChunkBody>) -> Request<ChunkBody> {
        if !self.settings.forwarded() {
            let path = request.uri().path_and_query().cloned();
            *request.uri_mut() = Uri::from(path.unwrap_or(PathAndQuery::from_static("/")));
        }
        if !self.settings.keep_alives {
            let close = HeaderValue::from_static("close");
            request.headers_mut().insert(CONNECTION, close);
        }
        request
    }

    async fn connect(&self, peer: &Peer) -> Result<Stream, ConnectFault> {
        peer.tried();
        let connected = connect::connect(&self.settings, &peer.address);
        let why = match tokio::time::timeout(CONNECT_MAX, connected).await {
            Ok(Ok(stream)) => {
                peer.answered();
                return Ok(stream);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        let (target, address) = (&self.settings.target, &peer.address);
        let through = match &self.settings.proxy {
            Some(proxy) => format!("by proxy {proxy}, "),
            None => String::new(),
        };
        Err(ConnectFault(format!(
            "cannot connect to {target} ({through}{address}): {why}"
        )))
    }
}

/// Gives an HTTP/2 connection up that has not been used for so long. Requests under way are finished.
async fn rest_h2(peer: Weak<Peer>, timeout: Duration) {
    loop {
        let used = {
            let Some(peer) = peer.upgrade() else { return };
            let mut slot = peer.h2.lock().await;
            match slot.as_ref() {
                Some(h2) if !h2.is_closed() => {}
                _ => return,
            }
            let used = peer.used.get();
            if used.elapsed() >= timeout {
                *slot = None;
                return;
            }
            used
        };
        tokio::time::sleep_until(used + timeout).await;
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the rim: age of idle connections"
)]
fn now() -> Instant {
    Instant::now()
}
