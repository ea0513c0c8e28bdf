//! The one body reader: every byte is charged as it arrives, capped, and has to keep coming.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use ledger::{Exhausted, Lease};
use otlp::reply::{Code, Status};
use smallvec::SmallVec;
use tokio::time::Instant;

/// A body arrives at this rate at least, after a start of [`GRACE`].
const RATE_MIN: u64 = 1024;

/// Time that every body is given whatever its size: a phone on a bad line is not an attacker.
const GRACE: Duration = Duration::from_secs(10);

/// A piece shorter than this is copied together with its neighbours. Left as it is, it keeps the
/// transport's read buffer of 8 KiB or more alive and costs a handle of its own: a body in pieces
/// of one byte would hold a hundred times what it is charged.
const SMALL_PIECE: usize = 4 << 10;

/// The hint that goes with a refusal for want of memory.
pub(crate) const RETRY_HINT: Duration = Duration::from_secs(1);

/// A body as it arrived: the pieces that the transport delivered, charged to one lease.
#[derive(Debug)]
pub struct Received {
    pieces: SmallVec<[Bytes; 4]>,
    /// Small pieces behind the last one; empty once the body has been read.
    small: Vec<u8>,
    length: usize,
    lease: Lease,
}

/// Why a body could not be read.
#[derive(Debug)]
pub enum BodyFault {
    /// More bytes than the cap.
    TooLarge {
        cap: usize,
    },
    Exhausted,
    /// The client was slower than [`RATE_MIN`].
    TooSlow,
    /// The connection broke or the framing of HTTP is wrong.
    Broken(hyper::Error),
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { cap } => write!(f, "request body larger than {cap} bytes"),
            Self::Exhausted => Exhausted.fmt(f),
            Self::TooSlow => write!(f, "request body slower than {RATE_MIN} bytes a second"),
            Self::Broken(error) => write!(f, "request body ended early: {error}"),
        }
    }
}

impl BodyFault {
    /// What the sender is told.
    pub fn status(&self) -> Status {
        let text = self.to_string();
        match self {
            Self::TooLarge { .. } => Status::new(Code::ResourceExhausted, text),
            Self::Exhausted => Status::new(Code::Unavailable, text).with_retry_after(RETRY_HINT),
            Self::TooSlow => Status::new(Code::DeadlineExceeded, text),
            Self::Broken(error) if is_misframed(error) => Status::new(Code::InvalidArgument, text),
            Self::Broken(_) => Status::new(Code::Cancelled, text),
        }
    }
}

/// Whether the sender wrote chunks that are none; all else is a connection that broke.
fn is_misframed(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    cause.is_some_and(|cause: &io::Error| {
        matches!(
            cause.kind(),
            ErrorKind::InvalidInput | ErrorKind::InvalidData
        )
    })
}

/// Reads a whole body of at most `cap` bytes.
pub async fn read(body: Incoming, lease: Lease, cap: usize) -> Result<Received, BodyFault> {
    let mut received = Received::new(lease);
    let mut body = pin!(body);
    let mut began = None;
    loop {
        let frame = match next_now(body.as_mut()).await {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let began = *began.get_or_insert_with(now);
                let allowed = GRACE + Duration::from_secs(received.length as u64 / RATE_MIN);
                let next = poll_fn(|cx| body.as_mut().poll_frame(cx));
                match tokio::time::timeout_at(began + allowed, next).await {
                    Ok(frame) => frame,
                    Err(_) => return Err(BodyFault::TooSlow),
                }
            }
        };
        match frame {
            None => {
                received.join_small();
                return Ok(received);
            }
            Some(Err(error)) => return Err(BodyFault::Broken(error)),
            Some(Ok(frame)) => received.take(frame, cap)?,
        }
    }
}

type NextFrame = Option<Result<Frame<Bytes>, hyper::Error>>;

/// The next frame if it is there already: most are, and a timer for each would cost more than the frame.
async fn next_now(mut body: Pin<&mut Incoming>) -> Poll<NextFrame> {
    poll_fn(|cx| Poll::Ready(body.as_mut().poll_frame(cx))).await
}

#[allow(clippy::disallowed_methods, reason = "the rim: deadlines of sockets")]
fn now() -> Instant {
    Instant::now()
}

impl Received {
    fn new(lease: Lease) -> Self {
        Self {
            pieces: SmallVec::new(),
            small: Vec::new(),
            length: 0,
            lease,
        }
    }

    fn take(&mut self, frame: Frame<Bytes>, cap: usize) -> Result<(), BodyFault> {
        let Ok(piece) = frame.into_data() else {
            return Ok(());
        };
        self.length += piece.len();
        if self.length > cap {
            return Err(BodyFault::TooLarge { cap });
        }
        self.lease
            .try_grow(piece.len())
            .map_err(|Exhausted| BodyFault::Exhausted)?;
        // What comes in one piece is not copied.
        let is_first = self.pieces.is_empty() && !piece.is_empty();
        if is_first || piece.len() >= SMALL_PIECE {
            self.join_small();
            self.pieces.push(piece);
        } else {
            self.small.extend_from_slice(&piece);
        }
        Ok(())
    }

    fn join_small(&mut self) {
        if !self.small.is_empty() {
            self.pieces.push(std::mem::take(&mut self.small).into());
        }
    }

    /// Copies a small body out of the transport's buffer. HTTP/1.1 reads every request into a buffer of its own, which
    /// the smallest slice would keep alive for as long as the request is anywhere; HTTP/2 fills its buffer first.
    pub fn detach_small(&mut self) {
        if self.length < SMALL_PIECE {
            self.pieces
                .iter_mut()
                .for_each(|piece| *piece = Bytes::copy_from_slice(piece));
        }
    }

    pub fn len(&self) -> usize {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Copies the first bytes out without taking them; `None` if there are fewer.
    pub fn peek<const N: usize>(&self) -> Option<[u8; N]> {
        let mut head = [0; N];
        let mut at = 0;
        for byte in self.pieces.iter().flat_map(|piece| piece.iter()).take(N) {
            head[at] = *byte;
            at += 1;
        }
        (at == N).then_some(head)
    }

    /// Leaves the first `count` bytes out.
    pub fn advance(&mut self, mut count: usize) {
        self.length = self.length.saturating_sub(count);
        while count > 0
            && let Some(first) = self.pieces.first_mut()
        {
            let step = count.min(first.len());
            first.advance(step);
            count -= step;
            if first.is_empty() {
                self.pieces.remove(0);
            }
        }
    }

    /// The body in one piece, with the lease for whoever turns it into something else.
    pub fn into_parts(self) -> (Bytes, Lease) {
        let mut pieces = self.pieces.into_iter();
        let bytes = match (pieces.next(), pieces.next()) {
            (None, _) => Bytes::new(),
            (Some(only), None) => only,
            (Some(first), Some(second)) => {
                let mut whole = Vec::with_capacity(self.length);
                whole.extend_from_slice(&first);
                whole.extend_from_slice(&second);
                pieces.for_each(|piece| whole.extend_from_slice(&piece));
                Bytes::from(whole)
            }
        };
        (bytes, self.lease)
    }

    /// The body in one piece that keeps its lease.
    pub fn into_bytes(self) -> Bytes {
        let (bytes, lease) = self.into_parts();
        lease.attach(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::Budget;

    /// What is received of these pieces, within the cap.
    fn received(
        pieces: impl IntoIterator<Item = Vec<u8>>,
        cap: usize,
    ) -> Result<Received, BodyFault> {
        let mut received = Received::new(Budget::new(1 << 30).lease());
        for piece in pieces {
            received.take(Frame::data(piece.into()), cap)?;
        }
        received.join_small();
        Ok(received)
    }

    impl Received {
        /// What these pieces hold together, for tests of those who read it.
        pub(crate) fn of(pieces: impl IntoIterator<Item = Vec<u8>>) -> Self {
            received(pieces, usize::MAX).unwrap()
        }
    }

    fn check(pieces: &[usize], kept: usize) {
        let mut counter = 0..;
        let parts: Vec<Vec<u8>> = pieces
            .iter()
            .map(|len| counter.by_ref().take(*len).map(|n| n as u8).collect())
            .collect();
        let whole = parts.concat();
        let received = received(parts, usize::MAX).unwrap();
        assert_eq!(received.pieces.len(), kept, "pieces kept of {pieces:?}");
        assert_eq!(
            (received.len(), received.lease.bytes()),
            (whole.len(), whole.len() as u64)
        );
        assert_eq!(received.into_bytes(), whole, "{pieces:?}");
    }

    #[test]
    fn a_body_is_its_pieces_in_order_and_small_ones_are_kept_together() {
        check(&[], 0);
        check(&[0], 0);
        check(&[1], 1);
        check(&[1, 0, 1, 0], 2);
        check(&[1; 10_000], 2);
        check(&[SMALL_PIECE, SMALL_PIECE, SMALL_PIECE], 3);
        check(&[SMALL_PIECE, 1, 2, SMALL_PIECE, 3, 4], 4);
    }

    #[test]
    fn a_small_body_can_be_detached_from_the_buffer_that_it_was_read_into() {
        let buffer = Bytes::from(vec![7; 8192]);
        let mut received = Received::new(Budget::new(1 << 30).lease());
        received
            .take(Frame::data(buffer.slice(..100)), 100)
            .unwrap();
        received.detach_small();
        assert!(buffer.is_unique(), "nobody else holds the buffer");
        assert_eq!(received.into_bytes(), [7; 100][..]);
    }

    #[test]
    fn a_body_may_be_as_large_as_the_cap_and_no_larger() {
        assert_eq!(received([vec![0; 6], vec![0; 4]], 10).unwrap().len(), 10);
        let fault = received([vec![0; 6], vec![0; 5]], 10).unwrap_err();
        assert!(matches!(fault, BodyFault::TooLarge { cap: 10 }), "{fault}");
    }

    #[test]
    fn a_piece_that_the_budget_has_no_room_for_ends_the_body_and_gives_all_back() {
        let budget = Budget::new(10);
        let mut received = Received::new(budget.lease());
        received.take(Frame::data(vec![0; 8].into()), 100).unwrap();
        let fault = received
            .take(Frame::data(vec![0; 3].into()), 100)
            .unwrap_err();
        assert!(matches!(fault, BodyFault::Exhausted), "{fault}");
        drop(received);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_prefix_is_read_and_left_out_across_pieces() {
        for pieces in [
            vec![vec![1, 2, 3, 4, 5]],
            vec![vec![1], vec![2, 3], vec![4, 5]],
        ] {
            let mut received = received(pieces, 100).unwrap();
            assert_eq!(received.peek::<6>(), None);
            assert_eq!(received.peek::<3>(), Some([1, 2, 3]));
            received.advance(3);
            assert_eq!((received.len(), received.peek::<1>()), (2, Some([4])));
            received.advance(3);
            assert!(received.is_empty());
        }
    }
}
