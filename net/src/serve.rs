//! One connection: HTTP/2 or HTTP/1.1, with deadlines on everything that a silent or slow client could hold open.

use std::cell::Cell;
use std::fmt;
use std::future::{Future, Pending, pending};
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::answer::{Answer, close_after};
use crate::answering::Answering;
use crate::calm::Calm;
use crate::lifetime::Activity;
use crate::linger::Linger;
use crate::listen::Accepted;
use crate::settings::{Protocol, Settings};
use crate::socket::Socket;
use crate::stream::{PREFACE, Stream};

/// HTTP/2 frame size and windows. Larger frames halve the cost of a span when the peer uses them; larger windows than
/// these change nothing.
const H2_FRAME: u32 = 1 << 20;
const H2_WINDOW: u32 = 1 << 20;

/// Concurrent requests on one connection, unless configured.
const H2_STREAMS: u32 = 100;

/// A header block larger than this is no telemetry client's.
const H2_HEADERS_MAX: u32 = 64 << 10;

/// A client that connects says something within this time.
const FIRST_BYTE_MAX: Duration = Duration::from_secs(10);

/// A request's header block is complete within this time of its first byte, unless configured.
const HEADER_MAX: Duration = Duration::from_secs(10);

/// A connection that has been told to end is closed after this long without a request under way. A request that
/// crossed the word of the end on its way has arrived by then.
const REST_MAX: Duration = Duration::from_secs(1);

/// How often connections are looked at for a header that is late.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Connections that are asked to leave together are asked within this time of one another, so that whoever takes them
/// sees them come one by one.
const LEAVE_SPREAD: Duration = Duration::from_secs(1);

/// When a server sends its connections away.
#[derive(Clone, Debug)]
pub struct Farewell<L, D> {
    /// When it resolves, the client is told with the next answer, or by HTTP/2 at once, to go elsewhere.
    pub leaving: L,
    /// When it resolves, requests under way are finished, and that is the end. It never comes before `leaving`.
    pub draining: D,
}

impl Farewell<Pending<()>, Pending<()>> {
    /// For connections that end with their task, or with the process.
    pub fn never() -> Self {
        Self {
            leaving: pending(),
            draining: pending(),
        }
    }
}

/// Serves one connection until the peer closes it or its server sends it away.
pub async fn serve<H, F>(
    accepted: Accepted,
    settings: Rc<Settings>,
    handle: H,
    farewell: Farewell<impl Future<Output = ()>, impl Future<Output = ()>>,
) where
    H: Fn(Request<Incoming>) -> F + 'static,
    F: Future<Output = Response<Answer>> + 'static,
{
    let Farewell { leaving, draining } = farewell;
    let Accepted {
        socket,
        peer,
        connected,
    } = accepted;
    let mut draining = pin!(draining);
    let activity = Activity::new(Some(Arc::clone(connected.entered.slot())));
    let begun = tokio::select! {
        // A client that has begun already is served.
        biased;
        begun = begin(socket, peer, &settings) => begun,
        () = draining.as_mut() => None,
        () = activity.asked_to_leave() => None,
    };
    let Some((stream, h2)) = begun else {
        return;
    };
    // The end, and how long requests under way are waited for. The words of the server come one after the other, so
    // that a connection that wakes looks for one of them.
    if h2 {
        let sent_away = async {
            leaving.await;
            tokio::select! {
                () = tokio::time::sleep(LEAVE_SPREAD.mul_f64(activity.draw())) => {}
                () = draining => {}
            }
        };
        let ending = settings.lifetime.ending(&activity, sent_away);
        serve_h2(stream, &settings, handle, activity.clone(), ending).await;
    } else {
        let sent_away = async {
            leaving.await;
            activity.leave();
            draining.await;
        };
        let ending = settings.lifetime.ending(&activity, sent_away);
        serve_h1(stream, &settings, handle, activity.clone(), ending).await;
    }
    drop(connected);
}

/// Waits for a connection that has been told to end, no longer than its grace, and than [`REST_MAX`] without a request:
/// a peer that is gone, or stuck in the midst of a header, never agrees to the end.
async fn finish(connection: impl Future, grace: Option<Duration>, activity: &Activity) {
    let out_of_grace = async {
        match grace {
            Some(grace) => tokio::time::sleep(grace).await,
            None => pending().await,
        }
    };
    tokio::select! {
        _ = connection => {}
        () = out_of_grace => {}
        () = activity.rests(REST_MAX) => {}
    }
}

/// Makes the handshake of TLS and waits until it is clear what is spoken, and whether that is HTTP/2; `None` if the
/// client says nothing in time that is spoken here. What it says tells more than what it chose by ALPN, and is there
/// without TLS too.
async fn begin(
    socket: Socket,
    peer: Option<IpAddr>,
    settings: &Settings,
) -> Option<(Stream, bool)> {
    let mut stream = match &settings.tls {
        None => Stream::plain(socket),
        Some(tls) => Stream::tls(tls.accept(socket, Peer(peer)).await?.stream),
    };
    let first = async {
        let h2 = stream.begins_with_h2().await.ok()?;
        (h2 || settings.protocol == Protocol::Auto).then_some(h2)
    };
    let h2 = tokio::time::timeout(FIRST_BYTE_MAX, first).await.ok()??;
    Some((stream, h2))
}

/// A peer in the log.
struct Peer(Option<IpAddr>);

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("a unix socket"),
        }
    }
}

async fn serve_h2<H, F>(
    stream: Stream,
    settings: &Settings,
    handle: H,
    activity: Activity,
    ending: impl Future<Output = Option<Duration>>,
) where
    H: Fn(Request<Incoming>) -> F + 'static,
    F: Future<Output = Response<Answer>> + 'static,
{
    let mut builder = hyper::server::conn::http2::Builder::new(Local);
    builder
        .max_frame_size(H2_FRAME)
        .initial_stream_window_size(H2_WINDOW)
        .initial_connection_window_size(H2_WINDOW)
        .max_concurrent_streams(settings.max_concurrent_streams.unwrap_or(H2_STREAMS))
        .max_header_list_size(H2_HEADERS_MAX)
        .timer(TokioTimer::new())
        .keep_alive_interval(
            settings
                .keepalive_time
                .unwrap_or(Duration::from_secs(2 * 3600)),
        )
        .keep_alive_timeout(
            settings
                .keepalive_timeout
                .unwrap_or(Duration::from_secs(20)),
        )
        .auto_date_header(false);
    let begun = activity.clone();
    let service = service_fn(move |request| {
        let under_way = begun.begin();
        Answering::new(handle(request), move |_: &mut Response<Answer>| {
            drop(under_way)
        })
    });
    let calm = Calm::new(stream, PREFACE, settings.pings, activity.clone());
    let mut connection = pin!(builder.serve_connection(TokioIo::new(calm), service));
    let grace = tokio::select! {
        // How a connection ends is the peer's choice; requests that were lost with it were not acknowledged.
        _ = connection.as_mut() => return,
        grace = ending => grace,
    };
    connection.as_mut().graceful_shutdown();
    finish(connection, grace, &activity).await;
}

async fn serve_h1<H, F>(
    stream: Stream,
    settings: &Settings,
    handle: H,
    activity: Activity,
    ending: impl Future<Output = Option<Duration>>,
) where
    H: Fn(Request<Incoming>) -> F + 'static,
    F: Future<Output = Response<Answer>> + 'static,
{
    let head = Rc::new(Cell::new(Head::Idle));
    let (seen, begun) = (Rc::clone(&head), activity.clone());
    let service = service_fn(move |request| {
        seen.set(Head::Complete);
        let (under_way, seen) = (begun.begin(), Rc::clone(&seen));
        let leaving = begun.clone();
        Answering::new(handle(request), move |answer: &mut Response<Answer>| {
            if leaving.is_leaving() {
                close_after(answer);
            }
            seen.set(Head::Idle);
            drop(under_way);
        })
    });
    let io = TokioIo::new(Watched {
        stream,
        head: Rc::clone(&head),
        linger: Linger::default(),
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    // The timeout of hyper runs between requests too, where a live connection may rest as long as it likes.
    builder
        .keep_alive(settings.keep_alives)
        .header_read_timeout(None);
    let mut connection = pin!(builder.serve_connection(io, service));
    let mut ending = pin!(ending);
    let limit = settings.header_timeout.unwrap_or(HEADER_MAX);
    let grace = loop {
        tokio::select! {
            // What the server says is heard before a request that comes at the same time is answered.
            biased;
            grace = ending.as_mut() => break grace,
            _ = connection.as_mut() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {
                if matches!(head.get(), Head::Reading { since } if since.elapsed() >= limit) {
                    return;
                }
            }
        }
    };
    connection.as_mut().graceful_shutdown();
    finish(connection, grace, &activity).await;
}

/// Where an HTTP/1.1 connection stands with the next request's header.
#[derive(Clone, Copy)]
enum Head {
    Idle,
    Reading { since: Instant },
    Complete,
}

/// Notes when the first byte of a request arrives, and closes without a reset.
struct Watched {
    stream: Stream,
    head: Rc<Cell<Head>>,
    linger: Linger,
}

impl AsyncRead for Watched {
    #[allow(clippy::disallowed_methods, reason = "the rim: deadlines of sockets")]
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if buf.filled().len() > before && matches!(self.head.get(), Head::Idle) {
            self.head.set(Head::Reading {
                since: Instant::now(),
            });
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, linger, .. } = &mut *self;
        linger.poll_close(stream, cx)
    }
}

/// Runs hyper's tasks on this worker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Local;

impl<F: Future + 'static> Executor<F> for Local {
    fn execute(&self, task: F) {
        // Nobody waits for its end; wrapping it to say so would double its size.
        drop(tokio::task::spawn_local(task));
    }
}
