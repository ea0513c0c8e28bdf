//! HTTP/2 with the frames of gRPC made by hand, so that a test can break them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame};
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

pub(crate) async fn connect<B>(address: SocketAddr) -> SendRequest<B>
where
    B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
{
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
    exchange(sender, path, headers, Full::new(body.into())).await
}

async fn exchange<B>(
    sender: &mut SendRequest<B>,
    path: &str,
    headers: &[(&str, &str)],
    body: B,
) -> Reply
where
    B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
{
    let mut request = Request::builder()
        .method(Method::POST)
        .version(Version::HTTP_2)
        .uri(format!("http://tracegate{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body).unwrap();
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

/// A gRPC call whose body stops after these bytes without an end.
pub(crate) async fn unfinished(address: SocketAddr, path: &str, body: impl Into<Bytes>) -> Reply {
    let mut sender = connect(address).await;
    let body = Unfinished(Some(body.into()));
    exchange(&mut sender, path, &[GRPC, ("te", "trailers")], body).await
}

/// A body of one piece that never ends.
struct Unfinished(Option<Bytes>);

impl Body for Unfinished {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None => Poll::Pending,
        }
    }
}
