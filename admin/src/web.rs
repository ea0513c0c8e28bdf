//! Short answers over HTTP, to whoever asks, until the process ends.

use std::future::{pending, ready};
use std::rc::Rc;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;
use net::{Answer, Listener, Settings};
use serde::Serialize;

pub(crate) const PLAIN: &str = "text/plain; charset=utf-8";
pub(crate) const JSON: &str = "application/json";

/// What is answered to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// Its content type.
    pub(crate) kind: &'static str,
    pub(crate) body: String,
}

/// Answers every connection from this thread. The method and the body of a question are not looked
/// at, as in the Collector. A drain is no reason to hang up: how it goes is what people ask.
pub(crate) async fn serve(
    listener: Listener,
    settings: Settings,
    headers: HeaderMap,
    answer: impl Fn(&str) -> Reply + 'static,
) {
    let Some(seat) = listener.seats(1).pop() else {
        return;
    };
    let settings = Rc::new(settings);
    let respond = Rc::new(move |path: &str| answer(path).into_response(&headers));
    let accepting = seat.serve(move |accepted| {
        let (settings, respond) = (Rc::clone(&settings), Rc::clone(&respond));
        tokio::task::spawn_local(async move {
            let handle = move |request: Request<Incoming>| {
                let mut response = respond(request.uri().path());
                // Nobody reads the body of a question.
                if request.version() < Version::HTTP_2 && !request.body().is_end_stream() {
                    net::close_after(&mut response);
                }
                ready(response)
            };
            net::serve(accepted, settings, handle, pending()).await;
        });
    });
    accepting.await;
}

// === impl Reply ===

impl Reply {
    pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        Self {
            status,
            kind: JSON,
            // The values are structs of texts and numbers, which cannot fail.
            body: serde_json::to_string(value).unwrap_or_default(),
        }
    }

    pub(crate) fn text(status: StatusCode, body: impl Into<String>) -> Self {
        Self {
            status,
            kind: PLAIN,
            body: body.into(),
        }
    }

    /// Word for word what Go's server says.
    pub(crate) fn not_found() -> Self {
        Self::text(StatusCode::NOT_FOUND, "404 page not found\n")
    }

    fn into_response(self, headers: &HeaderMap) -> Response<Answer> {
        let mut response = Response::new(Answer::new(self.body));
        *response.status_mut() = self.status;
        let kind = HeaderValue::from_static(self.kind);
        response.headers_mut().insert(CONTENT_TYPE, kind);
        for (name, value) in headers {
            response.headers_mut().insert(name, value.clone());
        }
        response
    }
}
