//! Accepting: one acceptor hands each socket to the worker with the fewest connections, so that a few long-lived gRPC
//! connections do not pile up on one core.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use config::blocks::Transport;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Connections of one listener. Beyond it the kernel's backlog holds who comes: a server that accepts more than its
/// open-file limit bears fails for everybody.
const CONNECTIONS_MAX: usize = 10_000;

/// Accepted sockets on their way to another worker.
const HANDOVER_MAX: usize = 1024;

/// How long to rest after accept has failed, most likely because the process is out of files.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// A bound socket. Nothing is accepted before its seats serve.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

/// Which addresses a listener may use: `tcp`, `tcp4`, `tcp6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Any,
    V4,
    V6,
}

/// A worker's part of a listener.
#[derive(Debug)]
pub struct Seat {
    index: usize,
    /// The first seat accepts for all.
    socket: Option<TcpListener>,
    /// Connections of each worker.
    connections: Arc<[AtomicUsize]>,
    handovers: Vec<mpsc::Sender<Handover>>,
    incoming: mpsc::Receiver<Handover>,
}

/// An accepted socket on its way to another worker, counted there already: of several that come at
/// once the next must not see the same worker as idle.
type Handover = (std::net::TcpStream, Connected);

/// Counts a connection for as long as it lives.
#[derive(Debug)]
pub struct Connected {
    connections: Arc<[AtomicUsize]>,
    index: usize,
}

impl Listener {
    /// Binds `host:port`; port 0 lets the system choose, an empty host means every address. The error says what could
    /// not be bound.
    pub fn bind(endpoint: &str, family: Family) -> Result<Self, String> {
        let fault = |e: io::Error| format!("cannot listen on {endpoint}: {e}");
        let candidates = family.addresses(endpoint).map_err(fault)?;
        if candidates.is_empty() {
            return Err(format!(
                "cannot listen on {endpoint}: it has no address of that transport"
            ));
        }
        let socket = TcpListener::bind(&*candidates).map_err(fault)?;
        socket.set_nonblocking(true).map_err(fault)?;
        let address = socket.local_addr().map_err(fault)?;
        Ok(Self { socket, address })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn seats(self, workers: usize) -> Vec<Seat> {
        let connections: Arc<[AtomicUsize]> = (0..workers).map(|_| AtomicUsize::new(0)).collect();
        let (handovers, incoming): (Vec<_>, Vec<_>) =
            (0..workers).map(|_| mpsc::channel(HANDOVER_MAX)).unzip();
        let mut socket = Some(self.socket);
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

impl Family {
    /// The addresses to try, in order.
    fn addresses(self, endpoint: &str) -> io::Result<Vec<SocketAddr>> {
        // IPv6 takes IPv4 connections too, where the system has it.
        let every = endpoint
            .strip_prefix(':')
            .map(|port| (format!("[::]:{port}"), format!("0.0.0.0:{port}")));
        let mut found: Vec<SocketAddr> = match every {
            Some((v6, v4)) => v6.to_socket_addrs()?.chain(v4.to_socket_addrs()?).collect(),
            None => endpoint.to_socket_addrs()?.collect(),
        };
        found.retain(|address| match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        });
        Ok(found)
    }
}

impl From<Transport> for Family {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Tcp => Self::Any,
            Transport::Tcp4 => Self::V4,
            Transport::Tcp6 => Self::V6,
        }
    }
}

impl Seat {
    /// Calls `serve` for each connection of this worker, until dropped. `serve` must not block: it spawns.
    pub async fn serve(mut self, serve: impl Fn(TcpStream, SocketAddr, Connected) + 'static) {
        let serve = Rc::new(serve);
        let Some(socket) = self.socket.take() else {
            return self.take_handovers(serve.as_ref()).await;
        };
        let socket = match tokio::net::TcpListener::from_std(socket) {
            Ok(socket) => socket,
            Err(error) => {
                tracing::error!(%error, "cannot register a listening socket");
                return;
            }
        };
        loop {
            if self
                .connections
                .iter()
                .map(|c| c.load(Ordering::Relaxed))
                .sum::<usize>()
                >= CONNECTIONS_MAX
            {
                tokio::time::sleep(ACCEPT_REST).await;
                continue;
            }
            match socket.accept().await {
                Ok((stream, peer)) => self.place(stream, peer, serve.as_ref()),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_REST).await;
                }
            }
        }
    }

    async fn take_handovers(&mut self, serve: &impl Fn(TcpStream, SocketAddr, Connected)) {
        while let Some((stream, connected)) = self.incoming.recv().await {
            // A peer that has gone meanwhile has no address any more.
            if let Ok(peer) = stream.peer_addr()
                && let Ok(stream) = TcpStream::from_std(stream)
            {
                serve(stream, peer, connected);
            }
        }
    }

    fn place(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        serve: &impl Fn(TcpStream, SocketAddr, Connected),
    ) {
        // Small answers must not wait for more; a socket that cannot say so works all the same.
        let _ = stream.set_nodelay(true);
        let fewest = (0..self.connections.len())
            .min_by_key(|&i| self.connections[i].load(Ordering::Relaxed))
            .unwrap_or(self.index);
        let elsewhere = self.handovers.get(fewest).filter(|_| fewest != self.index);
        match elsewhere.and_then(|worker| worker.try_reserve().ok()) {
            Some(permit) => match stream.into_std() {
                Ok(stream) => permit.send((stream, Connected::count(&self.connections, fewest))),
                Err(error) => tracing::warn!(%error, "cannot hand a connection to its worker"),
            },
            None => serve(
                stream,
                peer,
                Connected::count(&self.connections, self.index),
            ),
        }
    }
}

impl Connected {
    fn count(connections: &Arc<[AtomicUsize]>, index: usize) -> Self {
        connections[index].fetch_add(1, Ordering::Relaxed);
        Self {
            connections: Arc::clone(connections),
            index,
        }
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.connections[self.index].fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(endpoint: &str, family: Family, expected: &[&str]) {
        let found = family.addresses(endpoint).unwrap();
        let found: Vec<_> = found.iter().map(SocketAddr::to_string).collect();
        assert_eq!(found, expected, "{endpoint} {family:?}");
    }

    #[test]
    fn an_empty_host_means_every_address() {
        check(":13133", Family::Any, &["[::]:13133", "0.0.0.0:13133"]);
        check(":13133", Family::V4, &["0.0.0.0:13133"]);
        check(":13133", Family::V6, &["[::]:13133"]);
    }

    #[test]
    fn a_transport_keeps_the_addresses_of_its_family() {
        check("127.0.0.1:1", Family::Any, &["127.0.0.1:1"]);
        check("127.0.0.1:1", Family::V6, &[]);
        check("[::1]:1", Family::V6, &["[::1]:1"]);
    }

    #[test]
    fn what_cannot_be_bound_is_named() {
        let fault = Listener::bind("127.0.0.1:1", Family::V6).unwrap_err();
        assert!(fault.contains("127.0.0.1:1"), "{fault}");
    }
}
