//! The body of an answer: at most one piece of data, then trailers.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderMap, HeaderValue, Response};
use http_body::{Body, Frame, SizeHint};

/// What servers send back.
#[derive(Debug, Default)]
pub struct Answer {
    payload: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

/// Says that an HTTP/1.1 connection ends with this answer. A request whose body is not read leaves no other way: the
/// next one would be lost behind it, and a client that is not told may send one.
pub fn close_after<B>(response: &mut Response<B>) {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
}

impl Answer {
    pub fn empty() -> Self {
        Self::default()
    }

    pub fn new(payload: impl Into<Bytes>) -> Self {
        Self {
            payload: Some(payload.into()),
            trailers: None,
        }
    }

    pub fn with_trailers(mut self, trailers: HeaderMap) -> Self {
        self.trailers = Some(trailers);
        self
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if let Some(payload) = this.payload.take() {
            return Poll::Ready(Some(Ok(Frame::data(payload))));
        }
        Poll::Ready(
            this.trailers
                .take()
                .map(|trailers| Ok(Frame::trailers(trailers))),
        )
    }

    fn is_end_stream(&self) -> bool {
        self.payload.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if self.trailers.is_some() {
            // Of an exact size hyper makes a Content-Length, for which gRPC has no use: its messages say their length.
            return SizeHint::default();
        }
        SizeHint::with_exact(self.payload.as_ref().map_or(0, |p| p.len() as u64))
    }
}
