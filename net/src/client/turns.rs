//! What a connection says in one turn leaves together. HTTP/2 writes a frame at a time, of 16 KiB unless the peer takes
//! more, and each write by itself is a call of the system and wakes the peer. So large writes are put together, and go
//! when there are enough of them or the connection's turn ends.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use hyper::rt::Executor;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::serve::Local;

/// Whoever writes less than this at once has said all that there is.
const LARGE: usize = 8 << 10;

/// Bytes that are put together at most. The peer reads them while the next ones are copied: with four times as many
/// it has to wait, and nothing more is saved.
const HELD_MAX: usize = 64 << 10;

/// A TCP socket whose writes may wait for the end of a turn.
pub(super) struct Gathered(Rc<Socket>);

/// Gives those who write to a socket their turns.
#[derive(Clone)]
pub(super) struct Turn(Rc<Socket>);

/// Runs the tasks of an HTTP/2 connection, each in turns of its socket if that is TCP.
#[derive(Clone)]
pub(super) struct Turns(pub(super) Option<Turn>);

struct Socket {
    stream: RefCell<TcpStream>,
    held: RefCell<Held>,
    /// A task has its turn, and has read or written. Some tasks of a connection do neither, and must not be woken in
    /// the place of the one that does.
    in_turn: Cell<bool>,
    was_used: Cell<bool>,
}

#[derive(Default)]
struct Held {
    bytes: Vec<u8>,
    /// How many of them the socket has taken.
    written: usize,
}

// === impl Turn ===

impl Turn {
    pub(super) fn of(stream: TcpStream) -> (Gathered, Self) {
        let socket = Rc::new(Socket {
            stream: RefCell::new(stream),
            held: RefCell::default(),
            in_turn: Cell::new(false),
            was_used: Cell::new(false),
        });
        (Gathered(Rc::clone(&socket)), Self(socket))
    }

    async fn run<F: Future>(self, task: F) -> F::Output {
        let mut task = pin!(task);
        std::future::poll_fn(|cx| {
            self.0.in_turn.set(true);
            self.0.was_used.set(false);
            let polled = task.as_mut().poll(cx);
            self.0.in_turn.set(false);
            if self.0.was_used.get() {
                // Who reads or writes next finds the fault too.
                let _ = self.0.write_held(cx);
            }
            polled
        })
        .await
    }
}

// === impl Turns ===

impl<F: Future + 'static> Executor<F> for Turns {
    fn execute(&self, task: F) {
        match self.0.clone() {
            Some(turn) => drop(tokio::task::spawn_local(turn.run(task))),
            None => Local.execute(task),
        }
    }
}

// === impl Socket ===

impl Socket {
    /// Holds bytes back to the end of the turn, if they may wait. Those that follow others must.
    fn hold(
        &self,
        bufs: &[IoSlice<'_>],
        length: usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<bool>> {
        let held = || self.held.borrow().bytes.len();
        let waits = self.in_turn.get() && (held() > 0 || length >= LARGE);
        if !waits || held() + length > HELD_MAX {
            ready!(self.write_held(cx))?;
        }
        if waits && length <= HELD_MAX {
            let bytes = &mut self.held.borrow_mut().bytes;
            bufs.iter().for_each(|buf| bytes.extend_from_slice(buf));
            return Poll::Ready(Ok(true));
        }
        Poll::Ready(Ok(false))
    }

    fn write_held(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Held { bytes, written } = &mut *self.held.borrow_mut();
        while let Some(rest) = bytes.get(*written..).filter(|rest| !rest.is_empty()) {
            let stream = &mut *self.stream.borrow_mut();
            *written += ready!(Pin::new(stream).poll_write(cx, rest))?;
        }
        bytes.clear();
        *written = 0;
        Poll::Ready(Ok(()))
    }
}

// === impl Gathered ===

impl AsyncRead for Gathered {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.was_used.set(true);
        Pin::new(&mut *self.0.stream.borrow_mut()).poll_read(cx, buf)
    }
}

impl AsyncWrite for Gathered {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.was_used.set(true);
        let length = bufs.iter().map(|buf| buf.len()).sum();
        if ready!(self.0.hold(bufs, length, cx))? {
            return Poll::Ready(Ok(length));
        }
        Pin::new(&mut *self.0.stream.borrow_mut()).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// HTTP/2 flushes after each frame; in a turn that waits for its end too.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.0.in_turn.get() {
            ready!(self.0.write_held(cx))?;
        }
        Pin::new(&mut *self.0.stream.borrow_mut()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.0.write_held(cx))?;
        Pin::new(&mut *self.0.stream.borrow_mut()).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A large frame.
    const FRAME: usize = 16 << 10;

    async fn connected() -> (Gathered, Turn, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await;
        let (peer, _) = listener.accept().await.unwrap();
        let (gathered, turn) = Turn::of(stream.unwrap());
        (gathered, turn, peer)
    }

    /// Writes in this turn.
    fn write(stream: &mut Gathered, bytes: &[u8]) {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut stream = Pin::new(stream);
        let written = stream.as_mut().poll_write(&mut cx, bytes);
        assert!(matches!(written, Poll::Ready(Ok(length)) if length == bytes.len()));
        assert!(stream.poll_flush(&mut cx).is_ready());
    }

    /// How many bytes are there at this moment.
    fn arrived(peer: &TcpStream) -> usize {
        peer.try_read(&mut vec![0; 1 << 20]).unwrap_or(0)
    }

    #[tokio::test]
    async fn large_frames_of_a_turn_leave_at_its_end() {
        let (mut stream, turn, peer) = connected().await;
        turn.clone()
            .run(async {
                write(&mut stream, &[1; FRAME]);
                write(&mut stream, &[2; 9]);
                peer.writable().await.unwrap();
                assert_eq!(arrived(&peer), 0);
            })
            .await;
        peer.readable().await.unwrap();
        assert_eq!(arrived(&peer), FRAME + 9);
    }

    #[tokio::test]
    async fn small_writes_and_those_of_no_turn_leave_at_once() {
        let (mut stream, turn, peer) = connected().await;
        turn.clone()
            .run(async {
                write(&mut stream, b"ping");
                peer.readable().await.unwrap();
                assert_eq!(arrived(&peer), 4);
            })
            .await;
        write(&mut stream, &[1; FRAME]);
        peer.readable().await.unwrap();
        assert_eq!(arrived(&peer), FRAME);
    }

    #[tokio::test]
    async fn all_arrives_in_order_though_the_peer_reads_late() {
        let (mut stream, turn, mut peer) = connected().await;
        let sent: Vec<u8> = (0..40_000_000_u32).map(|at| (at / 1000) as u8).collect();
        let frames = turn.run(async {
            for (at, frame) in sent.chunks(FRAME).enumerate() {
                // Small ones and large ones, in every mixture.
                let (head, rest) = frame.split_at(at % frame.len());
                stream.write_all(head).await.unwrap();
                stream.write_all(rest).await.unwrap();
            }
            poll_fn(|cx| Pin::new(&mut stream).poll_shutdown(cx))
                .await
                .unwrap();
        });
        let mut received = Vec::new();
        let (_, read) = tokio::join!(frames, async { peer.read_to_end(&mut received).await });
        read.unwrap();
        assert!(received == sent);
    }
}
