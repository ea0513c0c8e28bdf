//! Short answers over HTTP, to whoever asks, until the process ends.

use std::future::pending;
use std::rc::Rc;

use ::config::blocks::HttpServer;
use http::header::{ALLOW, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;
use net::tls::Owner;
use net::{Answer, Front, Listener, Protocol, Settings};
use otlp::reply::Status;
use pipeline::component::{Host, Listening};
use serde::Serialize;

pub(crate) const PLAIN: &str = "text/plain; charset=utf-8";
pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const JSON: &str = "application/json";

/// A bound socket, and how it is served.
pub(crate) struct Site {
    listener: Listener,
    settings: Settings,
    /// Who may ask, and what every answer has.
    front: Front,
}

/// What is answered to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// Its content type.
    pub(crate) kind: &'static str,
    pub(crate) body: String,
    /// The methods that are understood, for who has used another.
    pub(crate) allow: Option<&'static str>,
}

// === impl Site ===

impl Site {
    /// A page with the limits that every server here has, and nothing configured.
    pub(crate) fn plain(listener: Listener) -> Self {
        let settings = Settings::of(Protocol::Auto);
        Self {
            listener,
            settings,
            front: Front::none(),
        }
    }

    /// Binds what the block says, at an `endpoint` whose default is its owner's.
    pub(crate) fn bind(server: &HttpServer, endpoint: &str, host: &Host) -> Result<Self, String> {
        let owner = Owner {
            kind: host.label.kind.name(),
            component: &host.label.id,
            part: "http",
            metrics: &host.metrics,
        };
        let settings = Settings::http(server, owner)?;
        let front = Front::new(server, |id| host.get(id))?;
        Ok(Self {
            listener: Listener::bind(endpoint, server.transport)?,
            settings,
            front,
        })
    }

    pub(crate) fn with_keep_alives(mut self, keep_alives: bool) -> Self {
        self.settings.keep_alives = keep_alives;
        self
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.front.set_header(name, HeaderValue::from_static(value));
        self
    }

    pub(crate) fn listening(&self) -> Listening {
        Listening {
            protocol: "http",
            address: self.listener.address().to_string(),
        }
    }

    /// Answers every connection from this thread. No body of a question is read. A drain is no
    /// reason to hang up: how it goes is what people ask.
    pub(crate) async fn serve(self, answer: impl AsyncFn(Parts) -> Reply + 'static) {
        let Some(seat) = self.listener.seats(1).pop() else {
            return;
        };
        let settings = Rc::new(self.settings);
        let desk = Rc::new((answer, self.front));
        let serve = move |accepted| {
            let (settings, desk) = (Rc::clone(&settings), Rc::clone(&desk));
            tokio::task::spawn_local(async move {
                let handle = move |request: Request<Incoming>| {
                    // Nobody reads the body of a question.
                    let close =
                        request.version() < Version::HTTP_2 && !request.body().is_end_stream();
                    let desk = Rc::clone(&desk);
                    async move {
                        let (answer, front) = &*desk;
                        let answer = async |request: Request<Incoming>, _| {
                            answer(request.into_parts().0).await.into_response()
                        };
                        let refused = |_: &Request<Incoming>, status| refused(status);
                        let mut response = front.around(request, refused, answer).await;
                        if close {
                            net::close_after(&mut response);
                        }
                        response
                    }
                };
                net::serve(accepted, settings, handle, net::Farewell::never()).await;
            });
        };
        seat.serve(serve, pending::<()>()).await;
    }
}

// === impl Reply ===

impl Reply {
    pub(crate) fn new(status: StatusCode, kind: &'static str, body: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            body: body.into(),
            allow: None,
        }
    }

    pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        // The values are structs of texts and numbers, which cannot fail.
        Self::new(
            status,
            JSON,
            serde_json::to_string(value).unwrap_or_default(),
        )
    }

    pub(crate) fn text(status: StatusCode, body: impl Into<String>) -> Self {
        Self::new(status, PLAIN, body)
    }

    /// Word for word what Go's server says.
    pub(crate) fn not_found() -> Self {
        Self::text(StatusCode::NOT_FOUND, "404 page not found\n")
    }

    pub(crate) fn allowing(mut self, methods: &'static str) -> Self {
        self.allow = Some(methods);
        self
    }

    fn into_response(self) -> Response<Answer> {
        let mut response = Response::new(Answer::new(self.body));
        *response.status_mut() = self.status;
        let own = response.headers_mut();
        own.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        if let Some(methods) = self.allow {
            own.insert(ALLOW, HeaderValue::from_static(methods));
        }
        response
    }
}

/// As Go's server answers a sender whom an authenticator does not let in.
fn refused(status: Status) -> Response<Answer> {
    let http = net::refusal_status(&status);
    let mut response = Reply::text(http, format!("{}\n", status.message)).into_response();
    let nosniff = HeaderValue::from_static("nosniff");
    response
        .headers_mut()
        .insert(X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}
