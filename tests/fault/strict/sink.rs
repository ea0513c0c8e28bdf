//! A back end that decodes a whole request at once, as a server in Go or Java does, and refuses all of it for one field
//! that it cannot read.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use crate::rig::PATIENCE;
use crate::rig::http2::framed;

/// Serves gRPC and HTTP/1.1 on a port each, on a thread of its own, to the end of the test program.
pub(super) struct Strict {
    pub(super) grpc: SocketAddr,
    pub(super) http: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Spans by name, in requests that could be read.
    spans: Mutex<BTreeMap<String, usize>>,
    changed: Condvar,
}

impl Strict {
    pub(super) fn start() -> Self {
        let seen = Arc::new(Seen::default());
        let listen = || {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            (listener.local_addr().unwrap(), listener)
        };
        let ((grpc, h2), (http, h1)) = (listen(), listen());
        let served = Arc::clone(&seen);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                tokio::join!(serve(h2, true, &served), serve(h1, false, &served));
            });
        });
        Self { grpc, http, seen }
    }

    /// The spans by name, once there are so many.
    pub(super) fn spans(&self, wanted: usize) -> BTreeMap<String, usize> {
        let spans = self.seen.spans.lock().unwrap();
        let too_few = |spans: &mut BTreeMap<_, usize>| spans.values().sum::<usize>() < wanted;
        let waited = self
            .seen
            .changed
            .wait_timeout_while(spans, PATIENCE, too_few);
        waited.unwrap().0.clone()
    }
}

async fn serve(listener: std::net::TcpListener, grpc: bool, seen: &Arc<Seen>) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (io, seen) = (TokioIo::new(stream), Arc::clone(seen));
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, grpc, Arc::clone(&seen)));
            // How a connection ends is the exporter's business.
            drop(match grpc {
                true => {
                    let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    server.serve_connection(io, service).await
                }
                false => {
                    let server = hyper::server::conn::http1::Builder::new();
                    server.serve_connection(io, service).await
                }
            });
        });
    }
}

type Answer = Response<http_body_util::Either<Full<Bytes>, Trailing>>;
type Trailing = http_body_util::combinators::WithTrailers<Full<Bytes>, Trailers>;
type Trailers = std::future::Ready<Option<Result<HeaderMap, std::convert::Infallible>>>;

async fn answer(
    request: Request<Incoming>,
    grpc: bool,
    seen: Arc<Seen>,
) -> Result<Answer, hyper::Error> {
    let (mut incoming, mut body) = (request.into_body(), Vec::new());
    while let Some(frame) = incoming.frame().await {
        body.extend(frame?.into_data().unwrap_or_default());
    }
    let message = &body[if grpc { 5 } else { 0 }..];
    let status = match ExportTraceServiceRequest::decode(message) {
        Ok(request) => {
            seen.take(request);
            0
        }
        Err(_) => 3,
    };
    let mut response = match grpc {
        true => {
            let trailers = HeaderMap::from_iter(
                [("grpc-status", status)]
                    .map(|(name, code)| (name.parse().unwrap(), http::HeaderValue::from(code))),
            );
            let body = Full::new(framed(false, b"").into());
            let trailers = std::future::ready(Some(Ok(trailers)));
            Response::new(http_body_util::Either::Right(body.with_trailers(trailers)))
        }
        false => Response::new(http_body_util::Either::Left(Full::default())),
    };
    let kind = if grpc {
        "application/grpc"
    } else {
        "application/x-protobuf"
    };
    response
        .headers_mut()
        .insert("content-type", kind.parse().unwrap());
    if !grpc && status != 0 {
        *response.status_mut() = http::StatusCode::BAD_REQUEST;
    }
    Ok(response)
}

impl Seen {
    fn take(&self, request: ExportTraceServiceRequest) {
        let mut spans = self.spans.lock().unwrap();
        let scopes = request
            .resource_spans
            .into_iter()
            .flat_map(|r| r.scope_spans);
        for span in scopes.flat_map(|scope| scope.spans) {
            *spans.entry(span.name).or_default() += 1;
        }
        self.changed.notify_all();
    }
}
