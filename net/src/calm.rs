//! Peers of HTTP/2 that make work out of nothing: pings more often than allowed, and floods of frames that ask for an
//! answer or begin what they take back at once.
//!
//! The library that serves HTTP/2 answers such frames and does not tell of them, so they are counted where their bytes
//! pass: nine of each frame are looked at. A peer that goes too far is told so (GOAWAY with ENHANCE_YOUR_CALM) and
//! left. What the library itself bounds is left to it: the length of a header block and the number of its CONTINUATION
//! frames, streams that are reset before they are accepted, empty DATA frames, and answers that the peer does not
//! read, for which it stops reading.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::lifetime::Activity;
use crate::linger::Linger;

/// How often a client of a gRPC server may ping (`keepalive::enforcement_policy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PingPolicy {
    /// Between two pings.
    pub min_time: Duration,
    /// Whether this holds without a call under way too. If not, pings may then come every [`RESTING_MIN`].
    pub without_stream: bool,
}

/// Between two pings of a connection without a call, where they are not permitted (grpc-go).
const RESTING_MIN: Duration = Duration::from_secs(2 * 3600);

/// Pings too early that are forgiven between two answers (grpc-go).
const STRIKES_MAX: u32 = 2;

/// Frames of PING, SETTINGS and RST_STREAM in one [`WINDOW`]. A hundred concurrent calls that are all given up after a
/// fifth of a second make half of that; a thousand streams begun and reset cost about a hundredth of a core.
const FLOOD_MAX: u32 = 1000;

const WINDOW: Duration = Duration::from_secs(1);

/// A frame's header (RFC 9113 §4.1).
const HEADER: usize = 9;

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;
const ENHANCE_YOUR_CALM: u32 = 11;

/// Stands between a connection and the library that serves it.
pub(crate) struct Calm<S> {
    stream: S,
    frames: Frames,
    judge: Judge,
    goodbye: Option<Goodbye>,
}

/// Finds the headers of frames in bytes as they pass.
struct Frames {
    /// Bytes that are no header.
    skip: usize,
    header: [u8; HEADER],
    held: usize,
}

struct Judge {
    pings: Option<PingPolicy>,
    activity: Activity,
    strikes: u32,
    last_ping: Option<Instant>,
    /// Since when, and how many frames.
    window: Option<(Instant, u32)>,
    last_stream: u32,
}

/// The last frame that is sent, and the end behind it.
struct Goodbye {
    frame: Vec<u8>,
    written: usize,
    linger: Linger,
}

// === impl Calm ===

impl<S> Calm<S> {
    /// `preface` bytes come before the first frame.
    pub(crate) fn new(
        stream: S,
        preface: usize,
        pings: Option<PingPolicy>,
        activity: Activity,
    ) -> Self {
        Self {
            stream,
            frames: Frames {
                skip: preface,
                header: [0; HEADER],
                held: 0,
            },
            judge: Judge {
                pings,
                activity,
                strikes: 0,
                last_ping: None,
                window: None,
                last_stream: 0,
            },
            goodbye: None,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Calm<S> {
    /// Says goodbye, and then fails for ever.
    fn poll_leave<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if let Some(goodbye) = &mut self.goodbye {
            while goodbye.written < goodbye.frame.len() {
                let rest = &goodbye.frame[goodbye.written..];
                let written = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                goodbye.written += written;
            }
            ready!(goodbye.linger.poll_close(&mut self.stream, cx))?;
        }
        Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
    }

    /// Whether the last frame has been begun, so that nothing else may be written any more.
    fn is_leaving(&self) -> bool {
        self.goodbye.as_ref().is_some_and(|bye| bye.written > 0)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Calm<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        let (frames, judge) = (&mut this.frames, &mut this.judge);
        let mut verdict = None;
        frames.feed(&buf.filled()[before..], |header| {
            verdict = verdict.or(judge.too_much(header));
        });
        if let Some(text) = verdict
            && this.goodbye.is_none()
        {
            this.goodbye = Some(Goodbye::new(judge.last_stream, text));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Calm<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.is_leaving() {
            true => self.poll_leave(cx),
            false => Pin::new(&mut self.stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.is_leaving() {
            true => self.poll_leave(cx),
            false => Pin::new(&mut self.stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// The library flushes after every turn, and when it has written all of its frames: here ours fits in.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.goodbye.is_some() {
            true => self.poll_leave(cx),
            false => Pin::new(&mut self.stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

// === impl Frames ===

impl Frames {
    /// Calls `found` with each header that ends in these bytes. The length that a header declares is what the peer must
    /// send before the next one, or the library ends the connection.
    fn feed(&mut self, mut bytes: &[u8], mut found: impl FnMut([u8; HEADER])) {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return;
            }
            let taken = (HEADER - self.held).min(bytes.len());
            self.header[self.held..self.held + taken].copy_from_slice(&bytes[..taken]);
            self.held += taken;
            bytes = &bytes[taken..];
            if self.held == HEADER {
                self.held = 0;
                let [a, b, c, ..] = self.header;
                self.skip = u32::from_be_bytes([0, a, b, c]) as usize;
                found(self.header);
            }
        }
    }
}

// === impl Judge ===

impl Judge {
    /// Why this frame is one too many.
    fn too_much(&mut self, header: [u8; HEADER]) -> Option<&'static str> {
        let [_, _, _, kind, flags, stream @ ..] = header;
        match kind {
            HEADERS => {
                self.last_stream = u32::from_be_bytes(stream) & (u32::MAX >> 1);
                None
            }
            PING | SETTINGS if flags & ACK != 0 => None,
            PING => {
                let now = now();
                self.ping(now).or_else(|| self.flood(now))
            }
            SETTINGS | RST_STREAM => self.flood(now()),
            _ => None,
        }
    }

    /// The rules of grpc-go, by which its clients are tuned.
    fn ping(&mut self, now: Instant) -> Option<&'static str> {
        let policy = self.pings?;
        let last = self.last_ping.replace(now);
        if self.activity.take_answered() {
            self.strikes = 0;
            return None;
        }
        let rests = !self.activity.is_under_way() && !policy.without_stream;
        let apart = if rests { RESTING_MIN } else { policy.min_time };
        if last.is_some_and(|last| now.duration_since(last) < apart) {
            self.strikes += 1;
        }
        (self.strikes > STRIKES_MAX).then_some("too_many_pings")
    }

    fn flood(&mut self, now: Instant) -> Option<&'static str> {
        let (since, count) = match self.window {
            Some((since, count)) if now.duration_since(since) < WINDOW => (since, count + 1),
            _ => (now, 1),
        };
        self.window = Some((since, count));
        (count > FLOOD_MAX).then_some("too_many_control_frames")
    }
}

#[allow(clippy::disallowed_methods, reason = "the rim: rates of frames")]
fn now() -> Instant {
    Instant::now()
}

// === impl Goodbye ===

impl Goodbye {
    fn new(last_stream: u32, text: &'static str) -> Self {
        let length = (8 + text.len() as u32).to_be_bytes();
        let parts: [&[u8]; 5] = [
            &length[1..],
            &[GOAWAY, 0, 0, 0, 0, 0],
            &last_stream.to_be_bytes(),
            &ENHANCE_YOUR_CALM.to_be_bytes(),
            text.as_bytes(),
        ];
        Self {
            frame: parts.concat(),
            written: 0,
            linger: Linger::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MINUTE: Duration = Duration::from_secs(60);

    fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let length = payload.len() as u8;
        [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
    }

    #[test]
    fn the_headers_of_frames_are_found_however_the_bytes_are_cut() {
        let frames = [
            vec![7; 24],
            frame(SETTINGS, 0, 0, &[0; 12]),
            frame(HEADERS, 4, 1, &[6; 100]),
            frame(PING, 0, 0, &[6; 8]),
            frame(PING, ACK, 0, &[]),
        ];
        let bytes = frames.concat();
        for size in 1..=bytes.len() {
            let mut seen = Vec::new();
            let mut frames = Frames {
                skip: 24,
                header: [0; HEADER],
                held: 0,
            };
            for piece in bytes.chunks(size) {
                frames.feed(piece, |[_, _, _, kind, flags, _, _, _, stream]| {
                    seen.push((kind, flags, stream));
                });
            }
            let expected = [
                (SETTINGS, 0, 0),
                (HEADERS, 4, 1),
                (PING, 0, 0),
                (PING, ACK, 0),
            ];
            assert_eq!(seen, expected, "pieces of {size}");
        }
    }

    fn judge(pings: Option<PingPolicy>, activity: &Activity) -> Judge {
        Calm::new((), 0, pings, activity.clone()).judge
    }

    /// Which of the pings, so far apart each, is one too many.
    fn check(policy: PingPolicy, busy: bool, apart: Duration, expected: Option<usize>) {
        let activity = Activity::new(None);
        let _call = busy.then(|| activity.begin());
        let mut judge = judge(Some(policy), &activity);
        let found = (1..=20).find(|n| judge.ping(now() + apart * *n).is_some());
        let case = format!("{policy:?}, {busy}, {apart:?}");
        assert_eq!(found.map(|n| n as usize), expected, "{case}");
    }

    #[test]
    fn the_third_ping_that_comes_too_early_is_one_too_many() {
        let policy = |without_stream| PingPolicy {
            min_time: 5 * MINUTE,
            without_stream,
        };
        // The first one is never early.
        check(policy(false), true, MINUTE, Some(4));
        check(policy(false), true, 5 * MINUTE, None);
        check(policy(false), false, 5 * MINUTE, Some(4));
        check(policy(false), false, 120 * MINUTE, None);
        check(policy(true), false, MINUTE, Some(4));
        check(policy(true), false, 5 * MINUTE, None);
    }

    #[test]
    fn an_answer_in_between_forgives() {
        let activity = Activity::new(None);
        let policy = PingPolicy {
            min_time: 5 * MINUTE,
            without_stream: false,
        };
        let mut judge = judge(Some(policy), &activity);
        for n in 1..=20 {
            assert_eq!(judge.ping(now() + SECOND * n), None, "ping {n}");
            if n % 3 == 0 {
                drop(activity.begin());
            }
        }
    }

    #[test]
    fn only_a_flood_of_control_frames_is_too_much() {
        let activity = Activity::new(None);
        let mut judge = judge(None, &activity);
        let begun = now();
        for n in 0..5 * FLOOD_MAX {
            let at = begun + WINDOW * n / FLOOD_MAX;
            assert_eq!(judge.flood(at), None, "frame {n}");
        }
        let later = begun + MINUTE;
        let verdicts = (0..=FLOOD_MAX).filter(|_| judge.flood(later).is_some());
        assert_eq!(verdicts.count(), 1);
    }
}
