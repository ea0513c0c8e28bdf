//! OTLP over HTTP: one handler for the three paths, in protobuf and JSON.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;
use net::auth::Identity;
use net::encoding::Encoding;
use net::{Answer, Front};
use otlp::Signal;
use otlp::reply::{Code, Format, Status};
use pipeline::{Context, Sender};

use super::ingest::{Ingest, Reading, Rejection};
use super::seat;

pub(super) struct Http {
    pub(super) ingest: Ingest,
    pub(super) include_metadata: bool,
    /// By [`Signal::index`].
    pub(super) paths: [String; 3],
    /// `None`: bodies are taken as they are, whatever their encoding is said to be.
    pub(super) encodings: Option<Vec<Encoding>>,
    pub(super) front: Arc<Front>,
    /// Bounds the reading of a body.
    pub(super) read_timeout: Option<Duration>,
    /// Bounds what comes after that, up to the answer.
    pub(super) write_timeout: Option<Duration>,
}

impl Http {
    /// Answers one request. `context` is the connection's.
    pub(super) fn handle(
        self: &Rc<Self>,
        request: Request<Incoming>,
        context: &Arc<Context>,
    ) -> impl Future<Output = Response<Answer>> + use<> {
        let service = Rc::clone(self);
        let context = Arc::clone(context);
        async move {
            let h1 = request.version() < Version::HTTP_2;
            let mut unread = !request.body().is_end_stream();
            let answer = async |request, identity| {
                service
                    .answer(request, &context, identity, &mut unread)
                    .await
            };
            let refused = |request: &Request<_>, status: Status| {
                let sender = service.ingest.sender(&context, request.headers());
                let rejection = service.ingest.refused(sender, status.into());
                unauthenticated(request, rejection.status)
            };
            let mut response = service.front.around(request, refused, answer).await;
            if h1 && unread {
                net::close_after(&mut response);
            }
            response
        }
    }

    /// Clears `unread` when it has read the whole body.
    async fn answer(
        &self,
        request: Request<Incoming>,
        connection: &Arc<Context>,
        identity: Option<Identity>,
        unread: &mut bool,
    ) -> Response<Answer> {
        let path = request.uri().path();
        let signal = Signal::ALL
            .into_iter()
            .find(|signal| self.paths[signal.index()] == path);
        let inlet = signal.and_then(|signal| self.ingest.inlet(signal));
        let Some(inlet) = inlet else {
            return text(StatusCode::NOT_FOUND, "404 page not found\n");
        };
        if request.method() != Method::POST {
            let words = "405 method not allowed, supported: [POST]";
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, words);
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let sender = self.ingest.sender(connection, request.headers());
        let format = format(request.headers());
        let encoding = match self.encoding(request.headers()) {
            Ok(encoding) => encoding,
            // An answer to a content type that we do not speak is the Collector's, word for word.
            Err(_) if format.is_none() => return unspeakable(),
            Err(status) => {
                return self.refuse(sender, status.into(), format.unwrap_or(Format::Protobuf));
            }
        };
        let Some(format) = format else {
            let words =
                "415 unsupported media type, supported: [application/json, application/x-protobuf]";
            return text(StatusCode::UNSUPPORTED_MEDIA_TYPE, words);
        };
        let context = seat::context(connection, &request, self.include_metadata, identity);
        let version = request.version();
        let taken = async {
            let reading = self.ingest.read(request.into_body(), 0);
            let mut body = within(self.read_timeout, reading).await?;
            *unread = false;
            if version < Version::HTTP_2 {
                body.detach_small();
            }
            let reading = Reading { encoding, format };
            let offering = self.ingest.offer(inlet, body, reading, context, &sender);
            within(self.write_timeout, offering).await
        };
        match taken.await {
            Ok(None) => encoded(StatusCode::OK, format, format.success()),
            Ok(Some(partial)) => {
                let body = partial.encode(inlet.signal(), format);
                encoded(StatusCode::OK, format, body)
            }
            Err(rejection) => self.refuse(sender, rejection, format),
        }
    }

    fn refuse(&self, sender: Sender, rejection: Rejection, format: Format) -> Response<Answer> {
        failure(&self.ingest.refused(sender, rejection), format)
    }

    fn encoding(&self, headers: &HeaderMap) -> Result<Encoding, Status> {
        let Some(allowed) = &self.encodings else {
            return Ok(Encoding::Identity);
        };
        let Some(value) = headers.get(CONTENT_ENCODING) else {
            return Ok(Encoding::Identity);
        };
        let named = String::from_utf8_lossy(value.as_bytes());
        let found = Encoding::from_http(&named).filter(|encoding| allowed.contains(encoding));
        found.ok_or_else(|| {
            let words = format!("unsupported Content-Encoding: {named:?}");
            Status::new(Code::InvalidArgument, words)
        })
    }
}

/// What a request's content type says that it is written in.
fn format(headers: &HeaderMap) -> Option<Format> {
    let content_type = headers.get(CONTENT_TYPE)?;
    Format::from_content_type(content_type.to_str().ok()?)
}

/// The answer to a sender who is not let in. The Collector has no words for one whose content type it does not speak.
fn unauthenticated(request: &Request<Incoming>, status: Status) -> Response<Answer> {
    let http = net::refusal_status(&status);
    match format(request.headers()) {
        Some(format) => encoded(http, format, status.encode(format)),
        None => with_type(http, "text/plain", status.message),
    }
}

/// What takes longer than the user allows is refused for now.
async fn within<T>(
    limit: Option<Duration>,
    step: impl Future<Output = Result<T, Rejection>>,
) -> Result<T, Rejection> {
    let Some(limit) = limit else {
        return step.await;
    };
    match tokio::time::timeout(limit, step).await {
        Ok(done) => done,
        Err(_) => {
            let words = format!("the request took longer than {limit:?}");
            Err(Status::new(Code::DeadlineExceeded, words).into())
        }
    }
}

fn failure(rejection: &Rejection, format: Format) -> Response<Answer> {
    let status =
        StatusCode::from_u16(rejection.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = encoded(status, format, rejection.status.encode(format));
    if let Some(seconds) = rejection.status.retry_after_seconds() {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn encoded(status: StatusCode, format: Format, body: impl Into<Bytes>) -> Response<Answer> {
    with_type(status, format.content_type(), body)
}

fn text(status: StatusCode, words: &'static str) -> Response<Answer> {
    with_type(status, "text/plain", words)
}

fn unspeakable() -> Response<Answer> {
    let words = r#"{"code": 13, "message": "failed to marshal error message"}"#;
    with_type(StatusCode::INTERNAL_SERVER_ERROR, "application/json", words)
}

fn with_type(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Answer> {
    let mut response = Response::new(Answer::new(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
