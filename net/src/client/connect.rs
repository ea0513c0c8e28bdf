//! One connection: a socket, through a proxy if there is one, with TLS if it is asked for.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::Settings;
use super::target::Address;
use super::turns::Turn;

/// TCP looks after a connection at rest as Go's does.
const PROBE_AFTER: Duration = Duration::from_secs(15);

/// Data that nobody acknowledges for this long ends the connection. TCP by itself would go on for a quarter of an
/// hour, and each request in it would have to time out.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(20);

/// What a connection is to those who speak on it.
pub(super) trait Io: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Io for T {}

pub(super) struct Stream {
    pub(super) io: Box<dyn Io>,
    /// Whether the peer chose HTTP/2 by ALPN.
    pub(super) chose_h2: bool,
    /// Of the socket underneath, where it is TCP.
    pub(super) turn: Option<Turn>,
}

pub(super) async fn connect(settings: &Settings, address: &Address) -> io::Result<Stream> {
    let (socket, turn) = socket(settings, address).await?;
    let socket = match &settings.proxy {
        None => socket,
        Some(proxy) => {
            let through = match &proxy.tls {
                None => socket,
                Some(tls) => Box::new(tls.connect(proxy.target.host(), socket).await?),
            };
            match settings.forwarded() {
                true => through,
                false => proxy.tunnel(through, &settings.target).await?,
            }
        }
    };
    let Some(tls) = &settings.tls else {
        return Ok(Stream {
            io: socket,
            chose_h2: false,
            turn,
        });
    };
    let name = settings.tls_name.as_deref();
    let stream = tls
        .connect(name.unwrap_or(settings.target.host()), socket)
        .await?;
    let chose_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok(Stream {
        io: Box::new(stream),
        chose_h2,
        turn,
    })
}

async fn socket(settings: &Settings, address: &Address) -> io::Result<(Box<dyn Io>, Option<Turn>)> {
    match address {
        Address::Unix(path) => Ok((Box::new(UnixStream::connect(path).await?), None)),
        Address::Tcp(address) => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let options = SockRef::from(&stream);
            let patience = settings.keepalive_timeout.unwrap_or(UNACKNOWLEDGED_MAX);
            let probes = TcpKeepalive::new()
                .with_time(PROBE_AFTER)
                .with_interval(PROBE_AFTER);
            // A system without these options sees the end of a connection later.
            let _ = options.set_tcp_user_timeout(Some(patience));
            let _ = options.set_tcp_keepalive(&probes);
            let (stream, turn) = Turn::of(stream);
            Ok((Box::new(stream), Some(turn)))
        }
    }
}
