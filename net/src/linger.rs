//! The end of a connection on which the peer may still be sending.
//!
//! A socket that is closed with bytes unread resets the connection, and a reset may overtake the answer: a client whose
//! request was refused before it was read would see a broken connection instead of the reason.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long a peer that is still sending is listened to: a few round trips, in which it sees the answer.
const LINGER_MAX: Duration = Duration::from_millis(500);

/// Bytes that are thrown away at once.
const SCRATCH: usize = 16 << 10;

/// The state of a close.
#[derive(Default)]
pub(crate) struct Linger(Option<Pin<Box<Sleep>>>);

impl Linger {
    /// Closes our half, and throws away what still comes until the peer has closed its own or [`LINGER_MAX`] is over.
    pub(crate) fn poll_close<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let over = match &mut self.0 {
            Some(over) => over,
            None => {
                ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
                self.0.insert(Box::pin(sleep(LINGER_MAX)))
            }
        };
        let mut scratch = [0; SCRATCH];
        while over.as_mut().poll(cx).is_pending() {
            let mut buf = ReadBuf::new(&mut scratch);
            let read = ready!(Pin::new(&mut *stream).poll_read(cx, &mut buf));
            if read.is_err() || buf.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    fn on_paused_time(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(test);
    }

    async fn close(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Duration {
        let (mut linger, begun) = (Linger::default(), tokio::time::Instant::now());
        poll_fn(|cx| linger.poll_close(stream, cx)).await.unwrap();
        begun.elapsed()
    }

    #[test]
    fn what_the_peer_still_sends_is_thrown_away_until_it_closes() {
        on_paused_time(async {
            let (mut ours, mut theirs) = duplex(1 << 10);
            let peer = async {
                theirs.write_all(&[7; 100 << 10]).await.unwrap();
                let mut rest = Vec::new();
                theirs.read_to_end(&mut rest).await.unwrap();
                drop(theirs);
                rest
            };
            let (took, rest) = tokio::join!(close(&mut ours), peer);
            assert_eq!((took, rest.len()), (Duration::ZERO, 0));
        });
    }

    #[test]
    fn a_peer_that_neither_sends_nor_closes_is_left_after_a_while() {
        on_paused_time(async {
            let (mut ours, _theirs) = duplex(1 << 10);
            let took = close(&mut ours).await;
            assert!(took >= LINGER_MAX && took < 2 * LINGER_MAX, "{took:?}");
        });
    }
}
