//! The answers as HTTP responses.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};

use super::script::Refuse;
use crate::{Protocol, grpc};

/// Some bytes, then the trailers if there are any.
#[derive(Debug, Default)]
pub(super) struct ReplyBody {
    content: Bytes,
    trailers: Option<HeaderMap>,
}

pub(super) type Reply = Response<ReplyBody>;

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.content.is_empty() {
            let content = std::mem::take(&mut self.content);
            return Poll::Ready(Some(Ok(Frame::data(content))));
        }
        Poll::Ready(
            self.trailers
                .take()
                .map(|trailers| Ok(Frame::trailers(trailers))),
        )
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_empty() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        // An exact length would become a content-length, which no gRPC server sends.
        if self.trailers.is_some() {
            return SizeHint::default();
        }
        SizeHint::with_exact(self.content.len() as u64)
    }
}

/// A success; `response` is the encoded `Export…ServiceResponse`, empty for a full success.
pub(super) fn success(protocol: Protocol, response: &[u8]) -> Reply {
    match protocol {
        Protocol::Http => typed(protocol, StatusCode::OK, response.to_vec()),
        Protocol::Grpc => {
            let mut content = grpc::prefix(false, response.len()).to_vec();
            content.extend_from_slice(response);
            let mut reply = typed(protocol, StatusCode::OK, content);
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from(grpc::OK));
            reply.body_mut().trailers = Some(trailers);
            reply
        }
    }
}

pub(super) fn refusal(protocol: Protocol, refuse: &Refuse) -> Reply {
    let status = grpc::status(refuse.grpc, &refuse.text, refuse.retry_after);
    match protocol {
        // "Trailers-only": the status stands in the header block and there is no body.
        Protocol::Grpc => {
            let mut reply = typed(protocol, StatusCode::OK, Vec::new());
            let headers = reply.headers_mut();
            headers.insert("grpc-status", HeaderValue::from(refuse.grpc));
            for (name, text) in [
                ("grpc-message", refuse.text.clone()),
                ("grpc-status-details-bin", grpc::details(&status)),
            ] {
                headers.extend(
                    HeaderValue::try_from(text)
                        .ok()
                        .map(|value| (http::HeaderName::from_static(name), value)),
                );
            }
            reply
        }
        Protocol::Http => {
            let code = StatusCode::from_u16(refuse.http);
            let code = code.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut reply = typed(protocol, code, status);
            if let Some(wait) = refuse.retry_after {
                let seconds = wait.as_millis().div_ceil(1000);
                let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
                reply
                    .headers_mut()
                    .insert(http::header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            reply
        }
    }
}

/// Plain text or JSON for people.
pub(super) fn text(code: StatusCode, text: impl Into<String>) -> Reply {
    let mut text: String = text.into();
    text.push('\n');
    let mut reply = Response::new(ReplyBody {
        content: text.into(),
        trailers: None,
    });
    *reply.status_mut() = code;
    reply
}

fn typed(protocol: Protocol, code: StatusCode, content: Vec<u8>) -> Reply {
    let mut reply = Response::new(ReplyBody {
        content: content.into(),
        trailers: None,
    });
    *reply.status_mut() = code;
    let value = HeaderValue::from_static(protocol.content_type());
    reply
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, value);
    reply
}
