//! Accepting: one acceptor hands each socket to the worker with the fewest connections, so that a few long-lived gRPC
//! connections do not pile up on one core.

use std::future::ready;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use config::blocks::Transport;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::connections::{Entered, connections};
use crate::handover::Held;
use crate::socket::{Address, Parked, Socket};

/// Connections that are taken from the kernel after the port has closed: as many as its backlog holds here.
const BACKLOG_MAX: usize = 128;

/// Accepted sockets on their way to another worker.
const HANDOVER_MAX: usize = 1024;

/// How long to rest when the process is out of files, or bears no more connections.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// A bound socket. Nothing is accepted before its seats serve.
#[derive(Debug)]
pub struct Listener(Arc<Held>);

/// A worker's part of a listener.
#[derive(Debug)]
pub struct Seat {
    index: usize,
    /// The first seat accepts for all.
    socket: Option<Arc<Held>>,
    /// Connections of each worker.
    connections: Arc<[AtomicUsize]>,
    handovers: Vec<mpsc::Sender<Handover>>,
    incoming: mpsc::Receiver<Handover>,
}

/// A connection that has been accepted, and counts for as long as it is open.
#[derive(Debug)]
pub struct Accepted {
    pub(crate) socket: Socket,
    pub(crate) peer: Option<IpAddr>,
    pub(crate) connected: Connected,
}

/// An accepted socket on its way to another worker, counted there already: of several that come at
/// once the next must not see the same worker as idle.
type Handover = (Parked, Option<IpAddr>, Connected);

/// Counts a connection of a worker, and of the process.
#[derive(Debug)]
pub(crate) struct Connected {
    connections: Arc<[AtomicUsize]>,
    index: usize,
    pub(crate) entered: Entered,
}

impl Listener {
    /// Binds `host:port`, where port 0 lets the system choose and an empty host means every address; or the path of a
    /// unix socket, whose file is removed when nobody listens there any more. The error says what could not be bound.
    pub fn bind(endpoint: &str, transport: Transport) -> Result<Self, String> {
        Held::bind(endpoint, transport).map(Self)
    }

    pub fn address(&self) -> &Address {
        &self.0.address
    }

    pub fn seats(self, workers: usize) -> Vec<Seat> {
        let connections: Arc<[AtomicUsize]> = (0..workers).map(|_| AtomicUsize::new(0)).collect();
        let (handovers, incoming): (Vec<_>, Vec<_>) =
            (0..workers).map(|_| mpsc::channel(HANDOVER_MAX)).unzip();
        let mut socket = Some(self.0);
        incoming
            .into_iter()
            .enumerate()
            .map(|(index, incoming)| Seat {
                index,
                socket: socket.take(),
                connections: Arc::clone(&connections),
                handovers: if index == 0 {
                    handovers.clone()
                } else {
                    Vec::new()
                },
                incoming,
            })
            .collect()
    }
}

impl Seat {
    /// Calls `serve` for each connection of this worker, until the listener is closed; connections that are on their
    /// way then still come. `serve` must not block: it spawns.
    pub async fn serve(mut self, serve: impl Fn(Accepted) + 'static, closed: impl Future) {
        let serve = Rc::new(serve);
        let Some(socket) = self.socket.take() else {
            return self.take_handovers(serve.as_ref()).await;
        };
        let held = socket;
        let socket = match held.register() {
            Ok(socket) => socket,
            Err(error) => {
                tracing::error!(%error, "cannot register a listening socket");
                return;
            }
        };
        let mut closed = pin!(closed);
        loop {
            tokio::select! {
                accepted = socket.accept() => self.take(accepted, serve.as_ref()).await,
                _ = closed.as_mut() => break,
            }
        }
        // Who has connected before the port closes is served. The other seats end when they have taken what this one
        // has handed over.
        for _ in 0..BACKLOG_MAX {
            tokio::select! {
                biased;
                accepted = socket.accept() => self.take(accepted, serve.as_ref()).await,
                () = ready(()) => break,
            }
        }
    }

    async fn take(
        &self,
        accepted: io::Result<(Socket, Option<IpAddr>)>,
        serve: &impl Fn(Accepted),
    ) {
        match accepted {
            Ok((socket, peer)) => {
                // Who has come waits here, and whoever comes behind in the kernel's backlog.
                while !connections().has_room() {
                    connections().make_room();
                    tokio::time::sleep(ACCEPT_REST).await;
                }
                self.place(socket, peer, serve);
            }
            Err(error) => {
                // Most likely the process is out of files.
                tracing::warn!(%error, "cannot accept a connection");
                connections().make_room();
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }

    async fn take_handovers(&mut self, serve: &impl Fn(Accepted)) {
        while let Some((socket, peer, connected)) = self.incoming.recv().await {
            match socket.resume() {
                Ok(socket) => serve(Accepted {
                    socket,
                    peer,
                    connected,
                }),
                Err(error) => tracing::warn!(%error, "cannot take a connection over"),
            }
        }
    }

    fn place(&self, socket: Socket, peer: Option<IpAddr>, serve: &impl Fn(Accepted)) {
        let fewest = (0..self.connections.len())
            .min_by_key(|&i| self.connections[i].load(Ordering::Relaxed))
            .unwrap_or(self.index);
        let elsewhere = self.handovers.get(fewest).filter(|_| fewest != self.index);
        match elsewhere.and_then(|worker| worker.try_reserve().ok()) {
            Some(permit) => match socket.park() {
                Ok(socket) => permit.send((socket, peer, self.count(fewest))),
                Err(error) => tracing::warn!(%error, "cannot hand a connection to its worker"),
            },
            None => serve(Accepted {
                socket,
                peer,
                connected: self.count(self.index),
            }),
        }
    }

    #[allow(clippy::disallowed_methods, reason = "the rim: age of connections")]
    fn count(&self, index: usize) -> Connected {
        self.connections[index].fetch_add(1, Ordering::Relaxed);
        Connected {
            connections: Arc::clone(&self.connections),
            index,
            entered: connections().enter(Instant::now()),
        }
    }
}

impl Accepted {
    /// The peer's IP address; a peer on a unix socket has none.
    pub fn peer(&self) -> Option<IpAddr> {
        self.peer
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.connections[self.index].fetch_sub(1, Ordering::Relaxed);
    }
}
