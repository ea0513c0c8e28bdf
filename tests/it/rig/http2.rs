//! HTTP/2 with the frames of gRPC made by hand, so that a test can break them.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request, Version};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::exchange::Reply;

pub(crate) const GRPC: (&str, &str) = ("content-type", "application/grpc");

/// The message of a gRPC call with its prefix.
pub(crate) fn framed(compressed: bool, message: &[u8]) -> Vec<u8> {
    let mut body = benches::grpc::prefix(compressed, message.len()).to_vec();
    body.extend_from_slice(message);
    body
}

pub(crate) async fn connect(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    // Its end is seen by the requests on it.
    tokio::spawn(async move { drop(connection.await) });
    sender
}

/// One POST and everything that came back.
pub(crate) async fn post(
    sender: &mut SendRequest<Full<Bytes>>,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Reply {
    let mut request = Request::builder()
        .method(Method::POST)
        .version(Version::HTTP_2)
        .uri(format!("http://tracegate{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.into())).unwrap();
    let (head, mut body) = sender.send_request(request).await.unwrap().into_parts();
    let mut reply = Reply {
        status: head.status.as_u16(),
        headers: head.headers,
        body: Vec::new(),
        trailers: http::HeaderMap::new(),
    };
    while let Some(frame) = body.frame().await {
        match frame.unwrap().into_data() {
            Ok(content) => reply.body.extend_from_slice(&content),
            Err(frame) => reply.trailers = frame.into_trailers().unwrap(),
        }
    }
    reply
}

/// [`post`] of a gRPC call over a connection of its own.
pub(crate) async fn call(address: SocketAddr, path: &str, body: impl Into<Bytes>) -> Reply {
    let mut sender = connect(address).await;
    post(&mut sender, path, &[GRPC, ("te", "trailers")], body).await
}
