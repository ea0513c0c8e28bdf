//! The end of a connection on which the peer may still be sending.
//!
//! A socket that is closed with bytes unread resets the connection, and a reset may overtake the answer: a client whose
//! request was refused before it was read would see a broken connection instead of the reason.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long a peer is listened to that says nothing: a few round trips, in which it sees the answer and closes. On a
/// busy machine the peer may not get to run for long.
const SILENCE_MAX: Duration = Duration::from_secs(1);

/// How long a peer is listened to that goes on sending. Not every client reads an answer before it has sent all.
const LINGER_MAX: Duration = Duration::from_secs(5);

/// Bytes that are thrown away at once.
const SCRATCH: usize = 16 << 10;

/// The state of a close.
#[derive(Default)]
pub(crate) struct Linger(Option<Closing>);

struct Closing {
    silence: Pin<Box<Sleep>>,
    /// When the silence ends at the latest.
    over: Instant,
}

impl Linger {
    /// Closes our half, and throws away what still comes until the peer has closed its own, or has been silent for
    /// [`SILENCE_MAX`], or [`LINGER_MAX`] is over.
    #[allow(clippy::disallowed_methods, reason = "the rim: deadlines of sockets")]
    pub(crate) fn poll_close<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let closing = match &mut self.0 {
            Some(closing) => closing,
            None => {
                ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
                self.0.insert(Closing {
                    silence: Box::pin(sleep(SILENCE_MAX)),
                    over: Instant::now() + LINGER_MAX,
                })
            }
        };
        let mut scratch = [0; SCRATCH];
        while closing.silence.as_mut().poll(cx).is_pending() {
            let mut buf = ReadBuf::new(&mut scratch);
            let read = ready!(Pin::new(&mut *stream).poll_read(cx, &mut buf));
            if read.is_err() || buf.filled().is_empty() {
                break;
            }
            let silent = Instant::now() + SILENCE_MAX;
            closing.silence.as_mut().reset(silent.min(closing.over));
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
        let (mut linger, begun) = (Linger::default(), Instant::now());
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
    fn a_peer_that_sends_for_ever_is_left_in_the_end() {
        on_paused_time(async {
            let (mut ours, mut theirs) = duplex(1 << 10);
            let peer = async {
                while theirs.write_all(&[7; 100]).await.is_ok() {
                    sleep(SILENCE_MAX / 2).await;
                }
            };
            let took = tokio::select! {
                took = close(&mut ours) => took,
                () = peer => unreachable!("it goes on"),
            };
            assert!(
                took >= LINGER_MAX && took < LINGER_MAX + SILENCE_MAX,
                "{took:?}"
            );
        });
    }

    #[test]
    fn a_peer_that_neither_sends_nor_closes_is_left_after_a_while() {
        on_paused_time(async {
            let (mut ours, _theirs) = duplex(1 << 10);
            let took = close(&mut ours).await;
            assert!(took >= SILENCE_MAX && took < 2 * SILENCE_MAX, "{took:?}");
        });
    }
}
