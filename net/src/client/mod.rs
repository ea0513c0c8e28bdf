//! Connections to back ends: HTTP/2 shared by all requests, or HTTP/1.1 one for each request under way, made when
//! needed and made again when lost. A client lives on one worker.

mod chunks;
mod stream;
mod target;

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::Instant;

pub use chunks::{ChunkBody, Chunks};
use stream::Stream;
use target::Addresses;
pub use target::Target;

use crate::serve::Local;
use crate::tls;

/// A connection that is not there within this time never will be.
const CONNECT_MAX: Duration = Duration::from_secs(20);

/// Windows for answers, which are small.
const H2_WINDOW: u32 = 1 << 20;

/// How a client connects.
#[derive(Clone)]
pub struct Settings {
    pub target: Target,
    /// `None`: plain text.
    pub tls: Option<tls::Connector>,
    /// HTTP/2 by prior knowledge (gRPC). Otherwise HTTP/1.1, or what ALPN chooses.
    pub h2: bool,
    /// HTTP/2 pings after this much silence.
    pub keepalive_time: Option<Duration>,
    pub keepalive_timeout: Option<Duration>,
    /// Ping without requests under way too.
    pub keepalive_while_idle: bool,
    /// How long an HTTP/1.1 connection is kept without use; `None`: for ever.
    pub idle_timeout: Option<Duration>,
    /// Whether HTTP/1.1 connections are used again.
    pub keep_alives: bool,
    /// Use all addresses in turn, rather than the first that answers.
    pub round_robin: bool,
}

/// Why a request got no answer. All of these may pass.
#[derive(Debug)]
pub struct ConnectFault(String);

/// A client of one back end.
pub struct Client {
    settings: Settings,
    addresses: Addresses,
    /// HTTP/2 connections by their addresses.
    h2: RefCell<Vec<(SocketAddr, Slot)>>,
    /// HTTP/1.1 connections at rest, the one used last at the end.
    idle: RefCell<Vec<(http1::SendRequest<ChunkBody>, Instant)>>,
}

type H2 = http2::SendRequest<ChunkBody>;

/// The HTTP/2 connection to one address; the lock is held while it is made, so that it is made once.
type Slot = Rc<Mutex<Option<H2>>>;

/// An answer whose connection goes back to rest when it has been read to its end.
pub struct Answered {
    pub response: Response<Incoming>,
    reuse: Option<http1::SendRequest<ChunkBody>>,
}

// === impl ConnectFault ===

impl ConnectFault {
    fn resolve(target: &Target, error: &io::Error) -> Self {
        Self(format!("cannot resolve {}: {error}", target.host))
    }

    fn unresolved(target: &Target) -> Self {
        Self(format!("{} has no address", target.host))
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

// === impl Client ===

impl Client {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            addresses: Addresses::default(),
            h2: RefCell::default(),
            idle: RefCell::default(),
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
        if let (Some(sender), true) = (answered.reuse, self.settings.keep_alives) {
            self.idle.borrow_mut().push((sender, now()));
        }
    }

    async fn send_h2(&self, mut request: Request<ChunkBody>) -> Result<Answered, ConnectFault> {
        // A connection may have been closed a moment ago; the second one is fresh.
        for last in [false, true] {
            let mut sender = self.h2_connection().await?;
            match sender.try_send_request(request).await {
                Ok(response) => {
                    return Ok(Answered {
                        response,
                        reuse: None,
                    });
                }
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !last => request = unsent,
                    _ => return Err(ConnectFault::send(&self.settings.target, error.error())),
                },
            }
        }
        Err(ConnectFault(
            "the connection was closed twice before the request was sent".into(),
        ))
    }

    async fn h2_connection(&self) -> Result<H2, ConnectFault> {
        if self.addresses.is_empty() {
            self.addresses.resolve(&self.settings.target).await?;
        }
        let mut fault = ConnectFault::unresolved(&self.settings.target);
        for address in self.addresses.in_order(self.settings.round_robin) {
            let slot = self.h2_slot(address);
            let mut slot = slot.lock().await;
            if let Some(sender) = slot.as_ref().filter(|sender| !sender.is_closed()) {
                return Ok(sender.clone());
            }
            *slot = None;
            match self.connect_h2(address).await {
                Ok(sender) => {
                    *slot = Some(sender.clone());
                    return Ok(sender);
                }
                Err(error) => fault = error,
            }
        }
        // None of the addresses answers: the name may stand for others by now.
        self.addresses.resolve(&self.settings.target).await?;
        self.h2
            .borrow_mut()
            .retain(|(address, _)| self.addresses.contains(address));
        Err(fault)
    }

    fn h2_slot(&self, address: SocketAddr) -> Slot {
        let mut slots = self.h2.borrow_mut();
        if let Some((_, slot)) = slots.iter().find(|(a, _)| *a == address) {
            return Rc::clone(slot);
        }
        let slot = Slot::default();
        slots.push((address, Rc::clone(&slot)));
        slot
    }

    async fn connect_h2(&self, address: SocketAddr) -> Result<H2, ConnectFault> {
        let stream = self.connect(address).await?;
        let mut builder = http2::Builder::new(Local);
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(H2_WINDOW)
            .initial_connection_window_size(H2_WINDOW)
            .keep_alive_interval(self.settings.keepalive_time)
            .keep_alive_timeout(
                self.settings
                    .keepalive_timeout
                    .unwrap_or(Duration::from_secs(20)),
            )
            .keep_alive_while_idle(self.settings.keepalive_while_idle);
        let (sender, connection) = builder
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|e| ConnectFault::send(&self.settings.target, &e))?;
        // Its end is seen by whoever uses the sender next.
        tokio::task::spawn_local(async move { drop(connection.await) });
        Ok(sender)
    }

    async fn send_h1(&self, mut request: Request<ChunkBody>) -> Result<Answered, ConnectFault> {
        if let Some(mut sender) = self.chosen_h2() {
            match sender.try_send_request(request).await {
                Ok(response) => {
                    return Ok(Answered {
                        response,
                        reuse: None,
                    });
                }
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(ConnectFault::send(&self.settings.target, error.error())),
                },
            }
        }
        let target = request.uri().clone();
        while let Some(mut sender) = self.rested() {
            match sender.try_send_request(in_origin_form(request)).await {
                Ok(response) => {
                    return Ok(Answered {
                        response,
                        reuse: Some(sender),
                    });
                }
                Err(mut error) => match error.take_message() {
                    Some(unsent) => {
                        request = unsent;
                        *request.uri_mut() = target.clone();
                    }
                    None => return Err(ConnectFault::send(&self.settings.target, error.error())),
                },
            }
        }
        self.addresses.resolve(&self.settings.target).await?;
        let mut fault = ConnectFault::unresolved(&self.settings.target);
        for address in self.addresses.in_order(true) {
            match self.connect(address).await {
                Ok(stream) => return self.send_first(address, stream, request).await,
                Err(error) => fault = error,
            }
        }
        Err(fault)
    }

    async fn send_first(
        &self,
        address: SocketAddr,
        stream: Stream,
        request: Request<ChunkBody>,
    ) -> Result<Answered, ConnectFault> {
        let fault = |e: hyper::Error| ConnectFault::send(&self.settings.target, &e);
        if stream.chose_h2() {
            let handshake = http2::Builder::new(Local)
                .handshake(TokioIo::new(stream))
                .await;
            let (mut sender, connection) = handshake.map_err(fault)?;
            tokio::task::spawn_local(async move { drop(connection.await) });
            *self.h2_slot(address).lock().await = Some(sender.clone());
            let response = sender.send_request(request).await.map_err(fault)?;
            return Ok(Answered {
                response,
                reuse: None,
            });
        }
        let handshake = http1::Builder::new().handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(fault)?;
        tokio::task::spawn_local(async move { drop(connection.await) });
        let response = sender
            .send_request(in_origin_form(request))
            .await
            .map_err(fault)?;
        Ok(Answered {
            response,
            reuse: Some(sender),
        })
    }

    /// A connection on which the peer chose HTTP/2 by ALPN.
    fn chosen_h2(&self) -> Option<H2> {
        let slots = self.h2.borrow();
        let usable = slots
            .iter()
            .filter_map(|(_, slot)| slot.try_lock().ok()?.clone());
        usable.into_iter().find(|sender| !sender.is_closed())
    }

    /// A connection at rest that is still good.
    fn rested(&self) -> Option<http1::SendRequest<ChunkBody>> {
        let mut idle = self.idle.borrow_mut();
        while let Some((sender, since)) = idle.pop() {
            let fresh = self
                .settings
                .idle_timeout
                .is_none_or(|max| since.elapsed() < max);
            if fresh && sender.is_ready() {
                return Some(sender);
            }
        }
        None
    }

    async fn connect(&self, address: SocketAddr) -> Result<Stream, ConnectFault> {
        let target = &self.settings.target;
        let connected = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            match &self.settings.tls {
                None => Ok(Stream::Plain(stream)),
                Some(tls) => {
                    let stream = tls.connect(&target.host, stream).await?;
                    Ok::<_, io::Error>(Stream::Tls(Box::new(stream)))
                }
            }
        };
        self.addresses.tried(address, now());
        match tokio::time::timeout(CONNECT_MAX, connected).await {
            Ok(Ok(stream)) => {
                self.addresses.answered(address);
                Ok(stream)
            }
            Ok(Err(error)) => Err(ConnectFault(format!(
                "cannot connect to {target} ({address}): {error}"
            ))),
            Err(_) => Err(ConnectFault(format!(
                "cannot connect to {target} ({address}): no answer"
            ))),
        }
    }
}

/// HTTP/1.1 names the path alone (RFC 9112 §3.2.1), where HTTP/2 needs scheme and authority too.
fn in_origin_form(mut request: Request<ChunkBody>) -> Request<ChunkBody> {
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::from(path.unwrap_or(PathAndQuery::from_static("/")));
    request
}

#[allow(
    clippy::disallowed_methods,
    reason = "the rim: age of idle connections"
)]
fn now() -> Instant {
    Instant::now()
}
