//! Pieces of configuration that several components share. Keys and defaults are the Collector's.
//!
//! A component adds its own keys with `Squash<Block, Own>`. Keys that this build does not have are
//! fields of type [`crate::NotYet`], so that their use is a fault.

mod ack;
mod auth;
mod compression;
mod cors;
mod endpoint;
mod grpc_client;
mod grpc_server;
mod http_client;
mod http_server;
mod keepalive;
mod proxy;
mod queue;
mod retry;
mod server_parts;
mod timeout;
mod tls;

pub use ack::Ack;
pub use auth::{Auth, HttpAuth};
pub use compression::{Compression, CompressionParams};
pub use cors::Cors;
pub use endpoint::Transport;
pub use grpc_client::GrpcClient;
pub use grpc_server::GrpcServer;
pub use http_client::{Cookies, HttpClient};
pub use http_server::HttpServer;
pub use keepalive::{EnforcementPolicy, KeepaliveClient, KeepaliveServer, ServerParameters};
pub use proxy::{ProxyUrl, serialize_masked};
pub use queue::{Partition, Queue, QueueBatch, Sizer};
pub use retry::Retry;
pub use server_parts::{Dialer, Middleware};
pub use timeout::Timeout;
pub use tls::{Tls, TlsClient, TlsClientOwn, TlsServer, TlsServerOwn, TlsVersion, Tpm};

/// The size limit of one decoded request, on gRPC and HTTP alike.
///
/// The Collector has 4 MiB and 20 MiB. Real senders exceed both, and the byte budget is what
/// protects this process.
pub const REQUEST_BYTES_DEFAULT: u64 = 64 << 20;
