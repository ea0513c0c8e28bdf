//! The sink's thread: its port, its connections, and the commands of its owner.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::export::Local;
use super::gate::{Fuse, Gate, Opening};
use super::{Command, Shared};
use crate::tls::Wire;

/// Connections beyond this are closed at once: a collector that opens so many has a leak.
const MAX_CONNECTIONS: usize = 4096;

/// HTTP/2 flow control that never makes the exporter wait: one large export a stream, several a
/// connection.
const STREAM_WINDOW: u32 = 8 << 20;
const CONNECTION_WINDOW: u32 = 32 << 20;
const MAX_STREAMS: u32 = 1024;

/// Connections that wait to be accepted, as the standard library has it.
const BACKLOG: u32 = 128;

/// Serves until every sender of commands is gone.
pub(super) async fn run(shared: Arc<Shared>, mut commands: mpsc::Receiver<Command>) {
    let sink = Rc::new(Local::new(shared));
    let mut listener: Option<TcpListener> = None;
    let mut kept = None;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                None => return,
                Some(Command::Open(socket, done)) => {
                    let opened = open(socket).map(|opened| listener = Some(opened));
                    let _ = done.send(opened);
                }
                Some(Command::Close(done)) => {
                    if let Some(open) = listener.take() {
                        let address = open.local_addr();
                        drop(open);
                        kept = Some(address.and_then(keep));
                    }
                    connections.shutdown().await;
                    let _ = done.send(Ok(()));
                }
                Some(Command::Reopen(done)) => {
                    let socket = kept.take().map(|kept| kept?.listen(BACKLOG)).transpose();
                    let reopened = socket.map(|socket| listener = socket.or(listener.take()));
                    let _ = done.send(reopened);
                }
            },
            stream = accept(listener.as_ref()) => {
                sink.shared.count(|tally| tally.counts.connections += 1);
                if connections.len() < MAX_CONNECTIONS {
                    connections.spawn_local(connection(Rc::clone(&sink), stream));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Runs the tasks of HTTP/2 streams on the sink's own thread.
#[derive(Clone, Copy, Debug)]
struct LocalExecutor;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}

/// Holds the port of a closed sink: nobody else gets it, and whoever connects is refused.
fn keep(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn open(socket: std::net::TcpListener) -> io::Result<TcpListener> {
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket)
}

/// The next connection; never when the sink is closed.
async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else {
        return pending().await;
    };
    loop {
        // An error belongs to one connection that went away before it was accepted.
        if let Ok((stream, _)) = listener.accept().await {
            return stream;
        }
        tokio::task::yield_now().await;
    }
}

/// The stream and what is spoken on it; `None` if that was not to be found out.
async fn begin(shared: &Shared, stream: TcpStream) -> Option<(Box<dyn Wire>, Opening)> {
    let Some(tls) = &shared.tls else {
        let opening = Opening::of(&stream).await?;
        return Some((Box::new(stream), opening));
    };
    let (stream, h2) = tls.accept(stream).await.ok()?;
    let opening = match h2 {
        true => Opening::Http2,
        false => Opening::Http1,
    };
    Some((stream, opening))
}

async fn connection(sink: Rc<Local>, stream: TcpStream) {
    // Answers are small; without this they wait for the peer's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let Some((stream, opening)) = begin(&sink.shared, stream).await else {
        return;
    };
    let fuse = Rc::new(Fuse::default());
    let max_frame = sink.shared.options.max_frame;
    let gate = Gate::new(stream, Arc::clone(&sink.shared), Rc::clone(&fuse), opening);
    let io = TokioIo::new(gate);
    let burns = Rc::clone(&fuse);
    let service = service_fn(move |request| {
        let (sink, fuse) = (Rc::clone(&sink), Rc::clone(&fuse));
        async move { sink.respond(&fuse, request).await }
    });
    let served = async {
        // How a connection ends is the peer's business; what it delivered is counted.
        let _ = match opening {
            Opening::Http2 => {
                http2::Builder::new(LocalExecutor)
                    .max_frame_size(max_frame)
                    .initial_stream_window_size(STREAM_WINDOW)
                    .initial_connection_window_size(CONNECTION_WINDOW)
                    .max_concurrent_streams(MAX_STREAMS)
                    .serve_connection(io, service)
                    .await
            }
            Opening::Http1 | Opening::Control => {
                http1::Builder::new().serve_connection(io, service).await
            }
        };
    };
    tokio::select! {
        biased;
        () = burns.wait() => {}
        () = served => {}
    }
}
