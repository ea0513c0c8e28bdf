//! An HTTP server (`confighttp.ServerConfig`). The defaults are those of the OTLP receiver, which
//! sets the time limits to none.

use serde::{Deserialize, Serialize};

use super::REQUEST_BYTES_DEFAULT;
use super::auth::HttpAuth;
use super::cors::Cors;
use super::endpoint::Transport;
use super::server_parts::{Dialer, Middleware, check_parts};
use super::tls::TlsServer;
use crate::headers::Headers;
use crate::optional::Optional;
use crate::units::GoDuration;
use crate::validate::{Capability, Problems, Validate};

/// What a server can decompress; the empty word is no compression.
const COMPRESSION_ALGORITHMS: [&str; 8] = [
    "",
    "gzip",
    "zstd",
    "zlib",
    "snappy",
    "deflate",
    "lz4",
    "x-snappy-framed",
];

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct HttpServer {
    /// `host:port`, where an empty host is all addresses, or the path of a unix socket.
    pub endpoint: String,
    pub transport: Transport,
    /// Bytes, on the compressed and on the decompressed body; 0 or less is
    /// [`REQUEST_BYTES_DEFAULT`]; see [`HttpServer::request_bytes_max`].
    pub max_request_body_size: i64,
    /// An empty list is no decompression at all.
    pub compression_algorithms: Vec<String>,
    pub response_headers: Headers,
    /// Keep the request's headers with the batch.
    pub include_metadata: bool,
    /// Zero: none, here and below.
    pub read_timeout: GoDuration,
    pub read_header_timeout: GoDuration,
    pub write_timeout: GoDuration,
    pub idle_timeout: GoDuration,
    pub keep_alives_enabled: bool,
    #[serde(skip_serializing)]
    pub dialer: Dialer,
    #[serde(skip_serializing_if = "Optional::is_off")]
    pub tls: Optional<TlsServer>,
    #[serde(skip_serializing_if = "Optional::is_off")]
    pub auth: Optional<HttpAuth>,
    #[serde(skip_serializing_if = "Optional::is_off")]
    pub cors: Optional<Cors>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub middlewares: Vec<Middleware>,
}

impl HttpServer {
    /// Limit on one body, in bytes.
    pub fn request_bytes_max(&self) -> u64 {
        match u64::try_from(self.max_request_body_size) {
            Ok(0) | Err(_) => REQUEST_BYTES_DEFAULT,
            Ok(bytes) => bytes,
        }
    }
}

impl Default for HttpServer {
    fn default() -> Self {
        Self {
            endpoint: "localhost:4318".to_owned(),
            transport: Transport::Tcp,
            max_request_body_size: REQUEST_BYTES_DEFAULT.cast_signed(),
            compression_algorithms: COMPRESSION_ALGORITHMS.map(str::to_owned).to_vec(),
            response_headers: Headers::default(),
            include_metadata: false,
            read_timeout: GoDuration::ZERO,
            read_header_timeout: GoDuration::ZERO,
            write_timeout: GoDuration::ZERO,
            idle_timeout: GoDuration::ZERO,
            keep_alives_enabled: true,
            dialer: Dialer::default(),
            tls: Optional::Off,
            auth: Optional::Off,
            cors: Optional::Off,
            middlewares: Vec::new(),
        }
    }
}

impl Validate for HttpServer {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        if let Some(text) = self.transport.endpoint_fault(&self.endpoint) {
            problems.push("endpoint", text);
        }
        for (index, name) in self.compression_algorithms.iter().enumerate() {
            let known = COMPRESSION_ALGORITHMS.contains(&name.as_str());
            let path = format!("compression_algorithms[{index}]");
            problems.require(
                known,
                &path,
                format!("unsupported compression type {name:?}"),
            );
        }
        for (key, duration) in [
            ("read_timeout", self.read_timeout),
            ("read_header_timeout", self.read_header_timeout),
            ("write_timeout", self.write_timeout),
            ("idle_timeout", self.idle_timeout),
        ] {
            let text = format!("'{key}' must be non-negative");
            problems.require(!duration.is_negative(), key, text);
        }
        problems.under("tls", &self.tls);
        problems.under("cors", &self.cors);
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
