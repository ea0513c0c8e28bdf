//! One accepted connection as the script wants it: read or left alone, closed politely or reset.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::Shared;
use crate::tls::Wire;

/// Pause before another look at a connection whose first bytes came in pieces.
const PIECES: Duration = Duration::from_millis(1);

/// What a connection's first bytes announce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    Http2,
    Http1,
    /// HTTP/1.1 with a GET: somebody controls the sink, and must be heard even when exports are not
    /// read.
    Control,
}

impl Opening {
    /// Looks at the first bytes without taking them; `None` when the connection closed before it
    /// said anything.
    pub(super) async fn of(stream: &TcpStream) -> Option<Self> {
        let mut first = [0; 3];
        loop {
            let seen = stream
                .peek(&mut first)
                .await
                .ok()
                .filter(|seen| *seen > 0)?;
            match &first {
                b"PRI" => return Some(Self::Http2),
                b"GET" => return Some(Self::Control),
                _ if seen == first.len() => return Some(Self::Http1),
                _ => tokio::time::sleep(PIECES).await,
            }
        }
    }
}

/// Burns once: then its connection is dropped and reset.
#[derive(Debug, Default)]
pub(super) struct Fuse {
    blown: Cell<bool>,
    notify: Notify,
}

impl Fuse {
    pub(super) fn blow(&self) {
        self.blown.set(true);
        self.notify.notify_one();
    }

    pub(super) async fn wait(&self) {
        self.notify.notified().await;
    }
}

/// A socket that obeys [`Script::reading`](super::Script::reading) and its fuse.
pub(super) struct Gate {
    stream: Box<dyn Wire>,
    shared: Arc<Shared>,
    fuse: Rc<Fuse>,
    opening: Opening,
    /// Present while the script forbids to read.
    unread: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Gate {
    pub(super) fn new(
        stream: Box<dyn Wire>,
        shared: Arc<Shared>,
        fuse: Rc<Fuse>,
        opening: Opening,
    ) -> Self {
        Self {
            stream,
            shared,
            fuse,
            opening,
            unread: None,
        }
    }

    fn is_shut(&self) -> bool {
        self.opening != Opening::Control && !self.shared.script.borrow().reading
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if self.fuse.blown.get() {
            // Without lingering, closing sends RST instead of FIN. If it fails the peer sees a
            // plain close.
            let _ = self.stream.socket().set_zero_linger();
        }
    }
}

impl AsyncRead for Gate {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.unread.is_some() || self.is_shut() {
            let mut script = self.shared.script.subscribe();
            let unread = self.unread.get_or_insert_with(|| {
                Box::pin(async move {
                    // An error means that the sink is gone, and this connection with it.
                    let _ = script.wait_for(|script| script.reading).await;
                })
            });
            ready!(unread.as_mut().poll(cx));
            self.unread = None;
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Gate {
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
        bufs: &[io::IoSlice<'_>],
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
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
