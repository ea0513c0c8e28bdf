//! The bytes of one connection, whatever carries them, with the first few to be read twice: they tell the protocol.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use crate::socket::Socket;

/// How every HTTP/2 connection begins (RFC 9113 §3.4).
const H2_PREFACE: &[u8; PREFACE] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes that HTTP/2 begins with, before its first frame.
pub(crate) const PREFACE: usize = 24;

/// A connection.
#[derive(Debug)]
pub(crate) struct Stream {
    carrier: Carrier,
    /// What has been read already, and how much of it has been given on.
    head: [u8; PREFACE],
    given: usize,
    held: usize,
}

#[derive(Debug)]
enum Carrier {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
}

// === impl Stream ===

impl Stream {
    pub(crate) fn plain(socket: Socket) -> Self {
        Self::over(Carrier::Plain(socket))
    }

    pub(crate) fn tls(stream: TlsStream<Socket>) -> Self {
        Self::over(Carrier::Tls(Box::new(stream)))
    }

    fn over(carrier: Carrier) -> Self {
        Self {
            carrier,
            head: [0; PREFACE],
            given: 0,
            held: 0,
        }
    }

    /// Whether the peer begins as HTTP/2 does. Waits until that is clear; the error is the connection's end.
    pub(crate) async fn begins_with_h2(&mut self) -> io::Result<bool> {
        loop {
            let mut buf = ReadBuf::new(&mut self.head);
            buf.set_filled(self.held);
            let carrier = &mut self.carrier;
            std::future::poll_fn(|cx| carrier.poll_read(cx, &mut buf)).await?;
            let filled = buf.filled().len();
            if filled == self.held {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.held = filled;
            let head = &self.head[..filled];
            if !H2_PREFACE.starts_with(head) || filled == PREFACE {
                return Ok(head == H2_PREFACE);
            }
        }
    }
}

impl Carrier {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.given < this.held {
            let head = &this.head[this.given..this.held];
            let head = &head[..head.len().min(buf.remaining())];
            buf.put_slice(head);
            this.given += head.len();
            return Poll::Ready(Ok(()));
        }
        ready!(this.carrier.poll_read(cx, buf))?;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().carrier {
            Carrier::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Carrier::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().carrier {
            Carrier::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, bufs),
            Carrier::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.carrier {
            Carrier::Plain(socket) => socket.is_write_vectored(),
            Carrier::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().carrier {
            Carrier::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Carrier::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().carrier {
            Carrier::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Carrier::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
