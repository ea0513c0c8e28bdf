//! An HTTP client (`confighttp.ClientConfig`). The defaults are those of the OTLP exporter.

use serde::{Deserialize, Serialize};

use super::auth::Auth;
use super::compression::{Compression, CompressionParams};
use super::proxy::{ProxyUrl, serialize_masked};
use super::tls::TlsClient;
use crate::decode::NotYet;
use crate::headers::Headers;
use crate::optional::Optional;
use crate::units::GoDuration;
use crate::validate::{Capability, Problems, Validate};

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct HttpClient {
    /// A URL; whether it is required is the component's decision.
    #[serde(serialize_with = "serialize_masked")]
    pub endpoint: String,
    pub tls: TlsClient,
    pub compression: Compression,
    pub compression_params: CompressionParams,
    /// Of one request; zero: none.
    pub timeout: GoDuration,
    pub headers: Headers,
    pub read_buffer_size: u64,
    pub write_buffer_size: u64,
    /// Zero: no limit, here and below. A client has one host, so the smaller of the two counts.
    pub max_idle_conns: u32,
    pub max_idle_conns_per_host: u32,
    /// Of HTTP/1.1.
    pub max_conns_per_host: u32,
    pub idle_conn_timeout: GoDuration,
    pub disable_keep_alives: bool,
    /// A ping after this much silence on an HTTP/2 connection; zero: none.
    pub http2_read_idle_timeout: GoDuration,
    /// How long it may go unanswered; zero: 15 s.
    pub http2_ping_timeout: GoDuration,
    pub force_attempt_http2: bool,
    /// Empty: as the environment says.
    pub proxy_url: ProxyUrl,
    pub cookies: Cookies,
    #[serde(skip_serializing_if = "Optional::is_off")]
    pub auth: Optional<Auth>,
    #[serde(skip_serializing)]
    pub middlewares: NotYet,
}

/// `cookies`, which this build does not keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Cookies {
    pub enabled: bool,
}

impl Default for HttpClient {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            tls: TlsClient::default(),
            compression: Compression::Gzip,
            compression_params: CompressionParams::default(),
            timeout: GoDuration::from_secs(30),
            headers: Headers::default(),
            read_buffer_size: 0,
            write_buffer_size: 512 << 10,
            max_idle_conns: 100,
            max_idle_conns_per_host: 0,
            max_conns_per_host: 0,
            idle_conn_timeout: GoDuration::from_secs(90),
            disable_keep_alives: false,
            http2_read_idle_timeout: GoDuration::ZERO,
            http2_ping_timeout: GoDuration::ZERO,
            force_attempt_http2: true,
            proxy_url: ProxyUrl::default(),
            cookies: Cookies::default(),
            auth: Optional::Off,
            middlewares: NotYet,
        }
    }
}

impl HttpClient {
    /// Connections at rest that may be kept; `None`: no limit.
    pub fn idle_max(&self) -> Option<usize> {
        let limits = [self.max_idle_conns, self.max_idle_conns_per_host];
        let limits = limits.into_iter().filter(|limit| *limit > 0);
        limits.min().map(|limit| limit as usize)
    }

    /// Connections altogether; `None`: no limit.
    pub fn connections_max(&self) -> Option<usize> {
        Some(self.max_conns_per_host as usize).filter(|limit| *limit > 0)
    }
}

impl Validate for HttpClient {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        if let Some(level) = self.compression_params.level {
            let name = self.compression.name();
            let text =
                format!("unsupported parameters {{Level:{level}}} for compression type {name:?}");
            let fits = self.compression.takes_level(level);
            problems.require(fits, "compression_params::level", text);
        }
        for (key, duration) in [
            ("timeout", self.timeout),
            ("idle_conn_timeout", self.idle_conn_timeout),
            ("http2_read_idle_timeout", self.http2_read_idle_timeout),
            ("http2_ping_timeout", self.http2_ping_timeout),
        ] {
            let text = format!("'{key}' must be non-negative");
            problems.require(!duration.is_negative(), key, text);
        }
        if let Some(text) = self.proxy_url.fault() {
            problems.push("proxy_url", text);
        }
        if self.cookies.enabled {
            let text = "this build keeps no cookies: a load balancer that relies on them sees \
                        each request as a new client's";
            problems.warn("cookies::enabled", text);
        }
        problems.under("tls", &self.tls);
        if let Some(auth) = self.auth.as_ref() {
            problems.want(
                "auth::authenticator",
                &auth.authenticator,
                Capability::HttpClientAuth,
            );
        }
        problems
    }
}
