//! One request to a receiver, in the clear or over TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use benches::Protocol;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use otlp::Signal;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::rig::http2::framed;

/// What a receiver said: the gRPC status, or the HTTP status.
pub(super) type Said = io::Result<u32>;

/// Sends one export; an error when there is no connection on which it could be answered.
pub(super) async fn export(
    address: SocketAddr,
    protocol: Protocol,
    tls: Option<ClientConfig>,
    credential: Option<(&'static str, String)>,
    body: &[u8],
) -> Said {
    let stream = TcpStream::connect(address).await?;
    let request = request(protocol, credential, body);
    match tls {
        None => exchange(protocol, stream, request).await,
        Some(mut config) => {
            config.alpn_protocols = match protocol {
                Protocol::Grpc => vec![b"h2".to_vec()],
                Protocol::Http => vec![b"http/1.1".to_vec()],
            };
            let name = ServerName::try_from("localhost").unwrap();
            let stream = TlsConnector::from(Arc::new(config))
                .connect(name, stream)
                .await?;
            exchange(protocol, stream, request).await
        }
    }
}

type Export = http::Request<Full<Bytes>>;

fn request(protocol: Protocol, credential: Option<(&'static str, String)>, body: &[u8]) -> Export {
    let path = protocol.path(Signal::Traces);
    let mut request = http::Request::post(format!("http://localhost{path}"))
        .header("host", "localhost")
        .header("content-type", protocol.content_type());
    if let Some((name, value)) = credential {
        request = request.header(name, value);
    }
    let body = match protocol {
        Protocol::Grpc => framed(false, body),
        Protocol::Http => body.to_vec(),
    };
    request.body(Full::new(body.into())).unwrap()
}

async fn exchange<S>(protocol: Protocol, stream: S, request: Export) -> Said
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(stream);
    let response = match protocol {
        Protocol::Grpc => {
            let executor = TokioExecutor::new();
            let (mut sender, connection) = http2::handshake(executor, io).await.map_err(broken)?;
            tokio::spawn(async move { drop(connection.await) });
            sender.send_request(request).await
        }
        Protocol::Http => {
            let (mut sender, connection) = http1::handshake(io).await.map_err(broken)?;
            tokio::spawn(async move { drop(connection.await) });
            sender.send_request(request).await
        }
    };
    let (head, body) = response.map_err(broken)?.into_parts();
    if protocol == Protocol::Http {
        return Ok(head.status.as_u16().into());
    }
    #[allow(
        clippy::disallowed_methods,
        reason = "the test decides how much is sent"
    )]
    let body = body.collect().await.map_err(broken)?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    let status = trailers
        .get("grpc-status")
        .or(head.headers.get("grpc-status"));
    let status = status.and_then(|status| status.to_str().ok()?.parse().ok());
    status.ok_or_else(|| io::Error::other(format!("no gRPC status, HTTP {}", head.status)))
}

fn broken(error: hyper::Error) -> io::Error {
    io::Error::other(error)
}
