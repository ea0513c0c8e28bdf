//! What an HTTP server does with every request before and after its own work, by the keys that all of them share: the
//! Collector's order is static headers, CORS, authentication.

mod cors;

use std::sync::Arc;

use config::blocks::HttpServer;
use config::{ComponentId, Headers};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use otlp::reply::{Code, Status};

use crate::answer::Answer;
use crate::auth::{self, Credentials, Identity, Judgement, ServerAuth};
use cors::Cors;

/// Shared by the connections of a server.
pub struct Front {
    /// Set on every answer.
    headers: HeaderMap,
    cors: Option<Cors>,
    guard: Option<Guard>,
}

struct Guard {
    auth: Arc<dyn ServerAuth>,
    /// Query parameters that count as headers.
    params: Vec<String>,
}

impl Front {
    /// Does nothing.
    pub fn none() -> Self {
        Self {
            headers: HeaderMap::new(),
            cors: None,
            guard: None,
        }
    }

    /// Sets a header on every answer.
    pub fn set_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.insert(name, value);
    }

    /// `find` looks an authenticator up. The error says what is missing.
    pub fn new(
        server: &HttpServer,
        find: impl FnOnce(&ComponentId) -> Option<Arc<dyn ServerAuth>>,
    ) -> Result<Self, String> {
        let guard = match server.auth.as_ref() {
            None => None,
            Some(block) => Some(Guard {
                auth: auth::found(&block.authenticator, find)?,
                params: block.request_params.clone(),
            }),
        };
        Ok(Self {
            headers: headers(&server.response_headers),
            cors: server.cors.as_ref().and_then(Cors::new),
            guard,
        })
    }

    /// Answers a request: by `answer`, or by `refused` if its sender is not let in. Neither CORS nor authentication
    /// reads a body.
    pub async fn around<B>(
        &self,
        request: Request<B>,
        refused: impl FnOnce(&Request<B>, Status) -> Response<Answer>,
        answer: impl AsyncFnOnce(Request<B>, Option<Identity>) -> Response<Answer>,
    ) -> Response<Answer> {
        let cors = self.cors.as_ref();
        let (method, asked) = (request.method(), request.headers());
        if let Some(told) = cors.and_then(|cors| cors.preflight(method, asked)) {
            // A browser that asks whether it may send bears no credentials.
            return self.preflight(told);
        }
        let marks = cors.map(|cors| cors.marks(method, asked));
        let mut response = match self.admit(&request).await {
            Some(Err(status)) => refused(&request, status),
            Some(Ok(identity)) => answer(request, Some(identity)).await,
            None => answer(request, None).await,
        };
        self.finish(response.headers_mut(), marks);
        response
    }

    fn preflight(&self, told: HeaderMap) -> Response<Answer> {
        let mut response = Response::new(Answer::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        self.finish(response.headers_mut(), Some(told));
        response
    }

    /// Who sends the request; `None` where nobody asks.
    async fn admit<B>(&self, request: &Request<B>) -> Option<Judgement> {
        let guard = self.guard.as_ref()?;
        let credentials = Credentials::new(request.headers());
        let credentials = credentials.with_params(request.uri().query(), &guard.params);
        Some(guard.auth.authenticate(credentials).settled().await)
    }

    fn finish(&self, all: &mut HeaderMap, marks: Option<HeaderMap>) {
        for (name, value) in &self.headers {
            all.insert(name, value.clone());
        }
        for (name, value) in marks.iter().flatten() {
            all.append(name, value.clone());
        }
    }
}

/// The status of a refusal over HTTP: 401, unless the same request may be let in later.
pub fn refusal_status(status: &Status) -> StatusCode {
    match status.code {
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::UNAUTHORIZED,
    }
}

/// The validation of the block has refused what is no header.
fn headers(written: &Headers) -> HeaderMap {
    let header = |(name, value): (&str, &config::Secret)| {
        Some((
            HeaderName::try_from(name).ok()?,
            HeaderValue::try_from(value.expose()).ok()?,
        ))
    };
    written.iter().filter_map(header).collect()
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use config::Secret;
    use http::Method;

    use super::*;
    use crate::auth::Verdict;

    /// Lets in who knows the word, in a header or as a parameter.
    struct Password;

    impl ServerAuth for Password {
        fn authenticate(&self, credentials: Credentials<'_>) -> Verdict {
            match credentials.first(&HeaderName::from_static("word")) {
                Some(word) if word == "open" => {
                    Verdict::Known(Ok(Arc::new([("username".to_owned(), "ali".to_owned())])))
                }
                Some(word) if word == "later" => {
                    Verdict::Known(Err(Status::new(Code::Unavailable, "too busy")))
                }
                _ => Verdict::unauthenticated("unknown word"),
            }
        }
    }

    /// An HTTP server that needs a word, allows one origin and sets a header.
    fn front() -> Front {
        let mut server = HttpServer {
            response_headers: Headers::new([("X-Team".to_owned(), Secret::new("shop"))]),
            ..HttpServer::default()
        };
        server.cors = config::Optional::On(config::blocks::Cors {
            allowed_origins: vec!["http://a".to_owned()],
            ..Default::default()
        });
        let mut front = Front::new(&server, |_| None).unwrap();
        front.guard = Some(Guard {
            auth: Arc::new(Password),
            params: vec!["word".to_owned()],
        });
        front
    }

    /// The status of the answer and whether it names the origin, and as whom the sender was let in.
    fn check(request: Request<()>, expected: (u16, bool, Option<&str>)) {
        let mut known = None;
        let front = front();
        let refused = |_: &Request<()>, status: Status| {
            let mut response = Response::new(Answer::empty());
            *response.status_mut() = refusal_status(&status);
            response
        };
        let answer = async |_: Request<()>, identity: Option<Identity>| {
            known = identity.map(|identity| identity[0].1.clone());
            Response::new(Answer::empty())
        };
        let response = {
            let mut around = pin!(front.around(request, refused, answer));
            match around
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
            {
                Poll::Ready(response) => response,
                Poll::Pending => panic!("nothing here waits"),
            }
        };
        let headers = response.headers();
        assert_eq!(headers["x-team"], "shop", "every answer has it");
        let named = headers.contains_key("access-control-allow-origin");
        assert_eq!(
            (response.status().as_u16(), named, known.as_deref()),
            expected
        );
    }

    fn request(method: Method, target: &str, headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn whoever_is_not_let_in_is_not_answered_by_the_component() {
        let post = |headers: &[(&str, &str)]| request(Method::POST, "/", headers);
        check(post(&[("word", "open")]), (200, false, Some("ali")));
        check(post(&[]), (401, false, None));
        check(post(&[("word", "shut")]), (401, false, None));
        check(post(&[("word", "later")]), (503, false, None));
    }

    #[test]
    fn a_parameter_of_the_query_counts_as_a_header() {
        check(
            request(Method::POST, "/?word=open", &[]),
            (200, false, Some("ali")),
        );
        check(
            request(Method::POST, "/?other=open", &[]),
            (401, false, None),
        );
    }

    #[test]
    fn a_browser_reads_refusals_too_and_asks_without_credentials() {
        let origin = ("origin", "http://a");
        check(request(Method::POST, "/", &[origin]), (401, true, None));
        let asks = [origin, ("access-control-request-method", "POST")];
        check(request(Method::OPTIONS, "/", &asks), (204, true, None));
    }

    #[test]
    fn a_missing_authenticator_is_named() {
        let server = HttpServer {
            auth: config::Optional::On(config::blocks::HttpAuth {
                authenticator: "basicauth/x".parse().unwrap(),
                request_params: Vec::new(),
            }),
            ..HttpServer::default()
        };
        let fault = Front::new(&server, |_| None).err().unwrap();
        assert_eq!(
            fault,
            "failed to resolve authenticator \"basicauth/x\": authenticator not found"
        );
    }
}
