//! Sockets that carry connections, TCP and unix alike, and the files that the latter leave behind.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net as unix;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use config::blocks::Transport;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// Connections that the kernel holds until they are accepted; the system may allow less. The standard library asks for
/// 128, and whoever finds them taken, as when a fleet comes back after a restart, tries again only after a second.
const BACKLOG: i32 = 4096;

/// A connected socket.
#[derive(Debug)]
pub enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A bound socket that has not been registered with a runtime.
#[derive(Debug)]
pub(crate) enum Bound {
    Tcp(std::net::TcpListener),
    Unix(unix::UnixListener, Option<SocketFile>),
}

/// A bound socket of a runtime.
#[derive(Debug)]
pub(crate) enum Acceptor {
    Tcp(TcpListener),
    /// The file is removed when nobody listens there any more.
    Unix(
        UnixListener,
        #[allow(dead_code, reason = "held for its end")] Option<SocketFile>,
    ),
}

/// A connected socket on its way from one runtime to another.
#[derive(Debug)]
pub(crate) enum Parked {
    Tcp(std::net::TcpStream),
    Unix(unix::UnixStream),
}

/// Where a listener is to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Tcp(SocketAddr),
    /// A path, or a name behind `@` in the abstract namespace of Linux.
    Unix(String),
}

/// The file of a bound unix socket; removed with it.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Device and inode: a successor's socket at the same path is not ours to remove.
    identity: (u64, u64),
}

// === impl Bound ===

impl Bound {
    /// See [`crate::Listener::bind`].
    pub(crate) fn bind(endpoint: &str, transport: Transport) -> Result<(Self, Address), String> {
        let (transport, place) = transport.of(endpoint);
        let bound = match transport {
            Transport::Unix => bind_unix(place),
            _ => bind_tcp(place, transport),
        };
        bound.map_err(|text| format!("cannot listen on {endpoint}: {text}"))
    }

    /// The same socket again; its file stays with the first.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(socket) => socket.try_clone().map(Self::Tcp),
            Self::Unix(socket, _) => Ok(Self::Unix(socket.try_clone()?, None)),
        }
    }

    /// Registers the socket with the runtime of this thread.
    pub(crate) fn register(self) -> io::Result<Acceptor> {
        match self {
            Self::Tcp(socket) => TcpListener::from_std(socket).map(Acceptor::Tcp),
            Self::Unix(socket, file) => {
                UnixListener::from_std(socket).map(|socket| Acceptor::Unix(socket, file))
            }
        }
    }
}

fn bind_tcp(endpoint: &str, transport: Transport) -> Result<(Bound, Address), String> {
    let bind = || -> io::Result<_> {
        let candidates = addresses(endpoint, transport)?;
        if candidates.is_empty() {
            let text = "it has no address of that transport";
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, text));
        }
        let socket = std::net::TcpListener::bind(&*candidates)?;
        SockRef::from(&socket).listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        Ok((Bound::Tcp(socket), Address::Tcp(address)))
    };
    bind().map_err(|error| error.to_string())
}

fn bind_unix(place: &str) -> Result<(Bound, Address), String> {
    let text = |error: io::Error| error.to_string();
    let (socket, file) = match place.strip_prefix('@') {
        Some(name) => {
            let address = unix::SocketAddr::from_abstract_name(name).map_err(text)?;
            (unix::UnixListener::bind_addr(&address).map_err(text)?, None)
        }
        None => {
            let path = Path::new(place);
            make_way(path)?;
            let socket = unix::UnixListener::bind(path).map_err(text)?;
            (socket, Some(SocketFile::of(path).map_err(text)?))
        }
    };
    SockRef::from(&socket).listen(BACKLOG).map_err(text)?;
    socket.set_nonblocking(true).map_err(text)?;
    Ok((Bound::Unix(socket, file), Address::Unix(place.to_owned())))
}

/// Removes the socket file that a process has left behind which did not end in peace. One that is served is its
/// owner's, and what is no socket is not ours to remove.
fn make_way(path: &Path) -> Result<(), String> {
    let Ok(found) = std::fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !found.file_type().is_socket() {
        return Err("a file that is no socket stands there".to_owned());
    }
    match unix::UnixStream::connect(path) {
        Ok(_) => Err("another process is serving there".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
                .map_err(|error| format!("a socket that nobody serves cannot be removed: {error}"))
        }
        Err(error) => Err(format!(
            "whether anybody serves there cannot be told: {error}"
        )),
    }
}

/// The addresses to try, in order.
fn addresses(endpoint: &str, transport: Transport) -> io::Result<Vec<SocketAddr>> {
    // IPv6 takes IPv4 connections too, where the system has it.
    let every = endpoint
        .strip_prefix(':')
        .map(|port| (format!("[::]:{port}"), format!("0.0.0.0:{port}")));
    let mut found: Vec<SocketAddr> = match every {
        Some((v6, v4)) => v6.to_socket_addrs()?.chain(v4.to_socket_addrs()?).collect(),
        None => endpoint.to_socket_addrs()?.collect(),
    };
    found.retain(|address| match transport {
        Transport::Tcp4 => address.is_ipv4(),
        Transport::Tcp6 => address.is_ipv6(),
        Transport::Tcp | Transport::Unix => true,
    });
    Ok(found)
}

// === impl Acceptor ===

impl Acceptor {
    pub(crate) async fn accept(&self) -> io::Result<(Socket, Option<IpAddr>)> {
        match self {
            Self::Tcp(socket) => {
                let (stream, peer) = socket.accept().await?;
                // Small answers must not wait for more; a socket that cannot say so works all the same.
                let _ = stream.set_nodelay(true);
                Ok((Socket::Tcp(stream), Some(peer.ip())))
            }
            Self::Unix(socket, _) => {
                let (stream, _) = socket.accept().await?;
                Ok((Socket::Unix(stream), None))
            }
        }
    }
}

// === impl SocketFile ===

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            identity: identity(path)?,
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // Whoever binds there next removes what is left.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

// === impl Socket ===

impl Socket {
    /// Takes the socket off the runtime of this thread.
    pub(crate) fn park(self) -> io::Result<Parked> {
        match self {
            Self::Tcp(stream) => stream.into_std().map(Parked::Tcp),
            Self::Unix(stream) => stream.into_std().map(Parked::Unix),
        }
    }
}

impl Parked {
    /// Registers the socket with the runtime of this thread.
    pub(crate) fn resume(self) -> io::Result<Socket> {
        match self {
            Self::Tcp(stream) => TcpStream::from_std(stream).map(Socket::Tcp),
            Self::Unix(stream) => UnixStream::from_std(stream).map(Socket::Unix),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

// === impl Address ===

impl Address {
    /// Where an endpoint may be bound, in order; nothing where that is the system's choice or cannot be told.
    pub(crate) fn candidates(endpoint: &str, transport: Transport) -> Vec<Self> {
        let (transport, place) = transport.of(endpoint);
        if transport == Transport::Unix {
            return vec![Self::Unix(place.to_owned())];
        }
        let found = addresses(place, transport).unwrap_or_default().into_iter();
        found.filter(|a| a.port() != 0).map(Self::Tcp).collect()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(place) => place.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(endpoint: &str, transport: Transport, expected: &[&str]) {
        let found = addresses(endpoint, transport).unwrap();
        let found: Vec<_> = found.iter().map(SocketAddr::to_string).collect();
        assert_eq!(found, expected, "{endpoint} {transport:?}");
    }

    #[test]
    fn an_empty_host_means_every_address() {
        check(":13133", Transport::Tcp, &["[::]:13133", "0.0.0.0:13133"]);
        check(":13133", Transport::Tcp4, &["0.0.0.0:13133"]);
        check(":13133", Transport::Tcp6, &["[::]:13133"]);
    }

    #[test]
    fn a_transport_keeps_the_addresses_of_its_family() {
        check("127.0.0.1:1", Transport::Tcp, &["127.0.0.1:1"]);
        check("127.0.0.1:1", Transport::Tcp6, &[]);
        check("[::1]:1", Transport::Tcp6, &["[::1]:1"]);
    }

    fn refused(endpoint: &str, transport: Transport, why: &str) {
        let fault = Bound::bind(endpoint, transport).unwrap_err();
        assert!(fault.contains(endpoint) && fault.contains(why), "{fault}");
    }

    #[test]
    fn what_cannot_be_bound_is_named() {
        refused(
            "127.0.0.1:1",
            Transport::Tcp6,
            "no address of that transport",
        );
    }

    #[test]
    fn a_socket_file_is_removed_with_its_listener_and_replaced_if_nobody_serves_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("otlp.sock");
        let endpoint = path.to_str().unwrap();
        // A listener of the standard library leaves its file behind.
        drop(unix::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        for form in ["", "unix:", "unix://"] {
            let (bound, address) = Bound::bind(
                &format!("{form}{endpoint}"),
                match form {
                    "" => Transport::Unix,
                    _ => Transport::Tcp,
                },
            )
            .unwrap();
            assert_eq!(address.to_string(), endpoint);
            refused(
                endpoint,
                Transport::Unix,
                "another process is serving there",
            );
            drop(bound);
            assert!(!path.exists());
        }
    }

    #[test]
    fn neither_a_successors_socket_nor_another_file_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("otlp.sock");
        let endpoint = path.to_str().unwrap();
        let (first, _) = Bound::bind(endpoint, Transport::Unix).unwrap();
        std::fs::remove_file(&path).unwrap();
        let second = unix::UnixListener::bind(&path).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);

        let text = folder.path().join("notes.txt");
        std::fs::write(&text, "mine").unwrap();
        refused(text.to_str().unwrap(), Transport::Unix, "no socket");
        assert!(text.exists());
    }

    #[test]
    fn an_abstract_name_leaves_no_file() {
        let name = format!("@tracegate-test-{}", std::process::id());
        let (_bound, address) = Bound::bind(&name, Transport::Unix).unwrap();
        assert_eq!(address, Address::Unix(name));
    }
}
