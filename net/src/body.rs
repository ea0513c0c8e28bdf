//! The one body reader: every byte is charged as it arrives, capped, and has to keep coming.

use std::fmt;
use std::future::poll_fn;
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

/// The hint that goes with a refusal for want of memory.
pub(crate) const RETRY_HINT: Duration = Duration::from_secs(1);

/// A body as it arrived: the pieces that the transport delivered, charged to one lease.
#[derive(Debug)]
pub struct Received {
    pieces: SmallVec<[Bytes; 4]>,
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
            Self::Broken(_) => Status::new(Code::Cancelled, text),
        }
    }
}

/// Reads a whole body of at most `cap` bytes.
pub async fn read(body: Incoming, lease: Lease, cap: usize) -> Result<Received, BodyFault> {
    let mut received = Received {
        pieces: SmallVec::new(),
        length: 0,
        lease,
    };
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
            None => return Ok(received),
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
        if !piece.is_empty() {
            self.pieces.push(piece);
        }
        Ok(())
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
