//! One connection to the collector, and what its answers mean.

use std::io;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, TE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::{Options, Refused};
use crate::tls::{Connector, Wire};
use crate::{Protocol, grpc};

/// Bytes of an answer that are looked at: an OTLP response is a few dozen, and the rest is read and
/// thrown away.
const MAX_ANSWER: usize = 64 << 10;

/// One lane's right to send: HTTP/2 lanes share a connection, HTTP/1.1 lanes have one each.
pub(super) enum Client {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// The part of a request that is the same every time.
#[derive(Clone, Debug)]
pub(super) struct Head {
    protocol: Protocol,
    uri: Uri,
    headers: HeaderMap,
}

/// An acknowledgement with the number of items that a partial success rejected, or why there is
/// none.
pub(super) type Outcome = Result<u64, Refused>;

// === impl Client ===

impl Client {
    /// The lanes of one connection (HTTP/2), or as many connections with one lane each.
    pub(super) async fn lanes(options: &Options, connector: &Connector) -> io::Result<Vec<Self>> {
        match options.protocol {
            Protocol::Grpc => {
                let sender = http2(connector.connect(options.target).await?).await?;
                Ok((0..options.in_flight)
                    .map(|_| Self::Http2(sender.clone()))
                    .collect())
            }
            Protocol::Http => {
                let mut lanes = Vec::new();
                for _ in 0..options.in_flight {
                    let stream = connector.connect(options.target).await?;
                    lanes.push(Self::Http1(http1(stream).await?));
                }
                Ok(lanes)
            }
        }
    }

    /// Waits until a request can be sent; false when the connection is closed.
    pub(super) async fn is_ready(&mut self) -> bool {
        match self {
            Self::Http1(sender) => sender.ready().await.is_ok(),
            Self::Http2(sender) => sender.ready().await.is_ok(),
        }
    }

    /// Sends when first polled.
    pub(super) fn send(
        &mut self,
        head: &Head,
        body: Bytes,
    ) -> impl Future<Output = Outcome> + 'static {
        let protocol = head.protocol;
        let request = head.with(body);
        // The two futures have different types; only one of them exists.
        let (over1, over2) = match self {
            Self::Http1(sender) => (Some(sender.send_request(request)), None),
            Self::Http2(sender) => (None, Some(sender.send_request(request))),
        };
        async move {
            let response = match (over1, over2) {
                (Some(over1), _) => over1.await,
                (_, Some(over2)) => over2.await,
                (None, None) => return Err(Refused::Broken),
            };
            // Cancelled before it was begun: nothing of it has left.
            let why = |error: hyper::Error| match error.is_canceled() {
                true => Refused::NotSent,
                false => Refused::Broken,
            };
            outcome(protocol, response.map_err(why)?).await
        }
    }
}

// === impl Head ===

impl Head {
    /// An error when a header of the options is none.
    pub(super) fn new(options: &Options, scheme: &str) -> io::Result<Self> {
        let bad = |text: String| io::Error::new(io::ErrorKind::InvalidInput, text);
        let protocol = options.protocol;
        let path = protocol.path(options.signal);
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static(protocol.content_type()),
        );
        let uri = match protocol {
            Protocol::Grpc => {
                headers.insert(TE, HeaderValue::from_static("trailers"));
                format!("{scheme}://{}{path}", options.target)
            }
            Protocol::Http => {
                let host = HeaderValue::try_from(options.target.to_string());
                headers.insert(HOST, host.map_err(|error| bad(error.to_string()))?);
                path.to_owned()
            }
        };
        if let Some(token) = options.compression.token() {
            headers.insert(protocol.encoding_header(), HeaderValue::from_static(token));
        }
        for (name, value) in &options.headers {
            let pair = (HeaderName::try_from(name), HeaderValue::try_from(value));
            let (Ok(name), Ok(value)) = pair else {
                return Err(bad(format!("`{name}={value}` is not a header")));
            };
            headers.insert(name, value);
        }
        let uri = Uri::try_from(uri).map_err(|error| bad(error.to_string()))?;
        Ok(Self {
            protocol,
            uri,
            headers,
        })
    }

    fn with(&self, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        if self.protocol == Protocol::Grpc {
            *request.version_mut() = Version::HTTP_2;
        }
        request
    }
}

async fn http1(stream: Box<dyn Wire>) -> io::Result<http1::SendRequest<Full<Bytes>>> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    // The task ends with the connection; its end is seen by the requests on it.
    tokio::spawn(async move { connection.await.unwrap_or_default() });
    Ok(sender)
}

async fn http2(stream: Box<dyn Wire>) -> io::Result<http2::SendRequest<Full<Bytes>>> {
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::spawn(async move { connection.await.unwrap_or_default() });
    Ok(sender)
}

async fn outcome(protocol: Protocol, response: Response<Incoming>) -> Outcome {
    let (head, mut body) = response.into_parts();
    let mut answer = Vec::new();
    let mut trailers = HeaderMap::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refused::Broken)?;
        match frame.into_data() {
            Ok(content) if answer.len() + content.len() <= MAX_ANSWER => {
                answer.extend_from_slice(&content);
            }
            Ok(_) => {}
            Err(frame) => trailers = frame.into_trailers().unwrap_or_default(),
        }
    }
    match protocol {
        Protocol::Http if head.status.is_success() => Ok(grpc::rejected(&answer)),
        Protocol::Http => Err(Refused::Http(head.status.as_u16())),
        Protocol::Grpc => match grpc_status(&head.headers).or_else(|| grpc_status(&trailers)) {
            Some(grpc::OK) => {
                let response = grpc::message(&answer).map(|(_, response)| response);
                Ok(grpc::rejected(response.unwrap_or_default()))
            }
            Some(code) => Err(Refused::Grpc(code)),
            None => Err(Refused::Http(head.status.as_u16())),
        },
    }
}

fn grpc_status(headers: &HeaderMap) -> Option<u32> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}
