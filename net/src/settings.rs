//! What a server's connections may do, from the blocks that users write.

use std::time::Duration;

use config::blocks::{EnforcementPolicy, GrpcServer, HttpServer, ServerParameters, TlsServer};
use config::{GoDuration, Optional};

use crate::calm::PingPolicy;
use crate::lifetime::Lifetime;
use crate::tls::{self, Owner};

/// Between two pings of a gRPC client, unless configured (grpc-go).
const PINGS_APART: Duration = Duration::from_secs(5 * 60);

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC: HTTP/2 by prior knowledge, nothing else.
    Http2,
    /// HTTP/1.1, or HTTP/2 if the client begins so.
    Auto,
}

/// Limits and keep-alive of a server's connections. Where a limit is `None`, a default of the server holds.
#[derive(Clone)]
pub struct Settings {
    pub protocol: Protocol,
    /// `None`: 100.
    pub max_concurrent_streams: Option<u32>,
    /// HTTP/2 pings after this much silence; `None`: two hours, as gRPC servers do.
    pub keepalive_time: Option<Duration>,
    /// How long a ping's answer may take; `None`: 20 s.
    pub keepalive_timeout: Option<Duration>,
    /// How often the peer may ping; `None`: as it likes, short of a flood.
    pub pings: Option<PingPolicy>,
    /// For a header, from its first byte to its last; `None`: 10 s.
    pub header_timeout: Option<Duration>,
    /// Whether HTTP/1.1 connections serve more than one request.
    pub keep_alives: bool,
    pub lifetime: Lifetime,
    pub tls: Option<tls::Server>,
}

impl Settings {
    /// The defaults.
    pub fn of(protocol: Protocol) -> Self {
        Self {
            protocol,
            max_concurrent_streams: None,
            keepalive_time: None,
            keepalive_timeout: None,
            pings: None,
            header_timeout: None,
            keep_alives: true,
            lifetime: Lifetime::default(),
            tls: None,
        }
    }

    /// Reads certificates. `owner` speaks for them; the error says what is wrong with which.
    pub fn grpc(server: &GrpcServer, owner: Owner<'_>) -> Result<Self, String> {
        let keepalive = server.keepalive.as_ref();
        let parameters = keepalive.and_then(|k| k.server_parameters.as_ref());
        let time = |part: fn(&ServerParameters) -> GoDuration| {
            parameters.and_then(|parameters| some_time(part(parameters)))
        };
        // Without the section grpc-go enforces its defaults.
        let policy = keepalive.and_then(|k| k.enforcement_policy.as_ref());
        let default = EnforcementPolicy::default();
        let policy = policy.unwrap_or(&default);
        let streams = server.max_concurrent_streams;
        let protocol = Protocol::Http2;
        Ok(Self {
            max_concurrent_streams: Some(streams).filter(|streams| *streams > 0),
            keepalive_time: time(|p| p.time),
            keepalive_timeout: time(|p| p.timeout),
            pings: Some(PingPolicy {
                min_time: some_time(policy.min_time).unwrap_or(PINGS_APART),
                without_stream: policy.permit_without_stream,
            }),
            lifetime: Lifetime {
                age: time(|p| p.max_connection_age),
                grace: time(|p| p.max_connection_age_grace),
                idle: time(|p| p.max_connection_idle),
            },
            tls: tls(&server.tls, protocol, owner)?,
            ..Self::of(protocol)
        })
    }

    /// Like [`Settings::grpc`].
    pub fn http(server: &HttpServer, owner: Owner<'_>) -> Result<Self, String> {
        let protocol = Protocol::Auto;
        Ok(Self {
            header_timeout: some_time(server.read_header_timeout),
            keep_alives: server.keep_alives_enabled,
            lifetime: Lifetime {
                idle: some_time(server.idle_timeout),
                ..Lifetime::default()
            },
            tls: tls(&server.tls, protocol, owner)?,
            ..Self::of(protocol)
        })
    }
}

fn tls(
    block: &Optional<TlsServer>,
    protocol: Protocol,
    owner: Owner<'_>,
) -> Result<Option<tls::Server>, String> {
    let block = block.as_ref();
    let server = block.map(|block| tls::Server::new(block, protocol, owner));
    server.transpose().map_err(|fault| format!("tls: {fault}"))
}

/// Zero means "no bound" throughout the Collector's settings.
fn some_time(duration: GoDuration) -> Option<Duration> {
    Some(duration.get()).filter(|duration| !duration.is_zero())
}
