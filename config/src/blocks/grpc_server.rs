//! A gRPC server (`configgrpc.ServerConfig`). The defaults are those of the OTLP receiver.

use serde::{Deserialize, Serialize};

use super::REQUEST_BYTES_DEFAULT;
use super::auth::Auth;
use super::endpoint::Transport;
use super::keepalive::KeepaliveServer;
use super::server_parts::{Dialer, Middleware, check_parts};
use super::tls::TlsServer;
use crate::optional::Optional;
use crate::validate::{Capability, Problems, Validate};

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct GrpcServer {
    /// `host:port`, where an empty host is all addresses, or the path of a unix socket.
    pub endpoint: String,
    pub transport: Transport,
    /// 0 is [`REQUEST_BYTES_DEFAULT`]; see [`GrpcServer::request_bytes_max`].
    pub max_recv_msg_size_mib: u32,
    /// 0 leaves it to the transport.
    pub max_concurrent_streams: u32,
    pub read_buffer_size: u64,
    pub write_buffer_size: u64,
    pub keepalive: Optional<KeepaliveServer>,
    /// Keep the request's metadata with the batch.
    pub include_metadata: bool,
    #[serde(skip_serializing)]
    pub dialer: Dialer,
    #[serde(skip_serializing_if = "Optional::is_off")]
    pub tls: Optional<TlsServer>,
    #[serde(skip_serializing_if = "Optional::is_off")]
    pub auth: Optional<Auth>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub middlewares: Vec<Middleware>,
}

impl GrpcServer {
    /// Limit on one decoded message, in bytes.
    pub fn request_bytes_max(&self) -> u64 {
        match self.max_recv_msg_size_mib {
            0 => REQUEST_BYTES_DEFAULT,
            mib => u64::from(mib) << 20,
        }
    }
}

impl Default for GrpcServer {
    fn default() -> Self {
        Self {
            endpoint: "localhost:4317".to_owned(),
            transport: Transport::Tcp,
            max_recv_msg_size_mib: 0,
            max_concurrent_streams: 0,
            read_buffer_size: 512 << 10,
            write_buffer_size: 0,
            keepalive: Optional::on(),
            include_metadata: false,
            dialer: Dialer::default(),
            tls: Optional::Off,
            auth: Optional::Off,
            middlewares: Vec::new(),
        }
    }
}

impl Validate for GrpcServer {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        if let Some(text) = self.transport.endpoint_fault(&self.endpoint) {
            problems.push("endpoint", text);
        }
        problems.under("tls", &self.tls);
        check_parts(&mut problems, &self.dialer, &self.middlewares);
        if let Some(auth) = self.auth.as_ref() {
            problems.want(
                "auth::authenticator",
                &auth.authenticator,
                Capability::ServerAuth,
            );
        }
        problems
    }
}
