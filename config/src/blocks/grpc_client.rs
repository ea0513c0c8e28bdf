//! A gRPC client (`configgrpc.ClientConfig`). The defaults are those of the OTLP exporter.

use serde::{Deserialize, Serialize};

use super::auth::Auth;
use super::compression::Compression;
use super::endpoint::host_port_fault;
use super::keepalive::KeepaliveClient;
use super::tls::TlsClient;
use crate::decode::NotYet;
use crate::headers::Headers;
use crate::optional::Optional;
use crate::validate::{Capability, Problems, Validate};

/// The balancers of the Collector's gRPC library.
const BALANCERS: [&str; 2] = ["round_robin", "pick_first"];

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct GrpcClient {
    /// `host:port`, with or without `http://`, `https://` or `dns:///` in front, or `unix:///path`.
    /// Required.
    pub endpoint: String,
    pub compression: Compression,
    pub tls: TlsClient,
    pub keepalive: Optional<KeepaliveClient>,
    pub read_buffer_size: u64,
    pub write_buffer_size: u64,
    /// A request waits for its connection, rather than failing, and is then tried again.
    pub wait_for_ready: bool,
    /// Added where the request does not have them.
    pub headers: Headers,
    pub balancer_name: String,
    /// Empty: the host of the endpoint. Over TLS also the name that the server must prove.
    pub authority: String,
    /// Empty: our own.
    pub user_agent: String,
    #[serde(skip_serializing_if = "Optional::is_off")]
    pub auth: Optional<Auth>,
    #[serde(skip_serializing)]
    pub middlewares: NotYet,
}

impl Default for GrpcClient {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            compression: Compression::Gzip,
            tls: TlsClient::default(),
            keepalive: Optional::Off,
            read_buffer_size: 0,
            write_buffer_size: 512 << 10,
            wait_for_ready: false,
            headers: Headers::default(),
            balancer_name: "round_robin".to_owned(),
            authority: String::new(),
            user_agent: String::new(),
            auth: Optional::Off,
            middlewares: NotYet,
        }
    }
}

impl GrpcClient {
    /// The endpoint without a scheme, and whether `https://` asked for TLS.
    pub fn target(&self) -> (&str, bool) {
        let endpoint = self.endpoint.as_str();
        if let Some(rest) = endpoint.strip_prefix("https://") {
            return (rest, true);
        }
        let plain = ["http://", "dns:///", "passthrough:///"];
        let rest = plain
            .iter()
            .find_map(|scheme| endpoint.strip_prefix(scheme));
        (rest.unwrap_or(endpoint), false)
    }
}

impl GrpcClient {
    /// Whether the connection is made without TLS.
    pub fn is_plaintext(&self) -> bool {
        let (_, https) = self.target();
        !https && self.tls.is_plaintext()
    }
}

impl Validate for GrpcClient {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        let (target, _) = self.target();
        if target.is_empty() {
            problems.push("endpoint", r#"requires a non-empty "endpoint""#);
        } else if target.contains('@') {
            let text = "an endpoint has no credentials: give them by `auth` or `headers`";
            problems.push("endpoint", text);
        } else if let Some(path) = target.strip_prefix("unix://") {
            let text = "a unix socket has an absolute path: unix:///path";
            problems.require(path.starts_with('/'), "endpoint", text);
        } else if let Some(text) = host_port_fault(target.trim_end_matches('/')) {
            problems.push("endpoint", text);
        }
        let (name, balancer) = (self.compression.name(), &self.balancer_name);
        let compresses = matches!(
            self.compression,
            Compression::None | Compression::Gzip | Compression::Snappy | Compression::Zstd
        );
        problems.require(
            compresses,
            "compression",
            format!("unsupported compression type {name:?} for gRPC"),
        );
        problems.require(
            BALANCERS.contains(&balancer.as_str()),
            "balancer_name",
            format!("invalid balancer_name: {balancer}"),
        );
        problems.under("tls", &self.tls);
        if let Some(auth) = self.auth.as_ref() {
            let capability = match self.is_plaintext() {
                true => Capability::PlainGrpcClientAuth,
                false => Capability::GrpcClientAuth,
            };
            problems.want("auth::authenticator", &auth.authenticator, capability);
        }
        problems
    }
}
