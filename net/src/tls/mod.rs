//! TLS by rustls and ring: what clients and servers have in common.
//!
//! The provider is passed to every builder by name, so that a second one in the dependency tree
//! cannot make rustls unable to choose. Files are read again when they have changed.

mod client;
mod pem;
mod refusal;
mod reload;
mod server;
mod validity;
mod verify;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use config::blocks::{Tls, TlsVersion};
use rustls::SupportedProtocolVersion;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use telemetry::metrics::Metrics;

pub use client::Connector;
use pem::Pem;
pub use server::{Accepted, Server};

/// Who uses TLS, for its log lines and metrics.
#[derive(Clone, Copy)]
pub struct Owner<'a> {
    /// `receiver`, `exporter`, `extension`.
    pub kind: &'a str,
    /// The id as the user wrote it.
    pub component: &'a str,
    /// What tells several TLS blocks or instances of one component apart: a receiver's protocol,
    /// an exporter's signal.
    pub part: &'a str,
    pub metrics: &'a Metrics,
}

/// A setting of a `tls` block that a person must mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFault {
    /// The key in the block, such as `ca_file`.
    pub setting: &'static str,
    pub text: String,
}

/// Who we are: a certificate with those that vouch for it, and its key.
struct Identity {
    cert: Pem,
    key: Pem,
}

/// The suites and groups that a block wants. Those of TLS 1.3 cannot be chosen, as in Go.
fn provider(tls: &Tls) -> Arc<CryptoProvider> {
    let mut provider = rustls::crypto::ring::default_provider();
    let suites = tls.usable_cipher_suites();
    if !suites.is_empty() {
        provider.cipher_suites.retain(|suite| {
            let name = suite.suite().as_str().unwrap_or_default();
            suite.version().version == rustls::ProtocolVersion::TLSv1_3 || suites.contains(&name)
        });
    }
    let curves = tls.usable_curves();
    if !curves.is_empty() {
        provider.kx_groups.retain(|group| {
            let name = match group.name() {
                rustls::NamedGroup::X25519 => "X25519",
                rustls::NamedGroup::secp256r1 => "P256",
                rustls::NamedGroup::secp384r1 => "P384",
                _ => "",
            };
            curves.contains(&name)
        });
    }
    Arc::new(provider)
}

/// The versions that a block allows. The oldest that is spoken stands for what is older: as a
/// minimum, 1.0 asks for no more than 1.2 gives.
fn versions(tls: &Tls) -> Result<Vec<&'static SupportedProtocolVersion>, TlsFault> {
    let min = tls.min_version.unwrap_or(TlsVersion::V1_2);
    let max = tls.max_version.unwrap_or(TlsVersion::V1_3);
    let all = [
        (TlsVersion::V1_3, &rustls::version::TLS13),
        (TlsVersion::V1_2, &rustls::version::TLS12),
    ];
    let wanted: Vec<_> = all
        .into_iter()
        .filter(|(version, _)| (min..=max).contains(version))
        .map(|(_, it)| it)
        .collect();
    if wanted.is_empty() {
        let text = format!("no version is left from {min} to {max}");
        return Err(TlsFault::new("min_version", text));
    }
    Ok(wanted)
}

fn ca(tls: &Tls) -> Option<Pem> {
    Pem::given(("ca_file", &tls.ca_file), ("ca_pem", &tls.ca_pem))
}

// === impl Owner ===

impl Owner<'_> {
    fn labels(&self) -> [(&str, &str); 3] {
        [
            ("kind", self.kind),
            ("component", self.component),
            ("part", self.part),
        ]
    }
}

// === impl Identity ===

impl Identity {
    /// Who a block says that we are; a block that passed its validation gives both or neither.
    fn of(tls: &Tls) -> Result<Option<Self>, TlsFault> {
        let cert = Pem::given(("cert_file", &tls.cert_file), ("cert_pem", &tls.cert_pem));
        let key = Pem::given(("key_file", &tls.key_file), ("key_pem", &tls.key_pem));
        let missing = |setting, other| {
            let text = format!("not given, but there is a {other}: give both");
            Err(TlsFault::new(setting, text))
        };
        match (cert, key) {
            (None, None) => Ok(None),
            (Some(cert), Some(key)) => Ok(Some(Self { cert, key })),
            (Some(_), None) => missing("key_file", "certificate"),
            (None, Some(_)) => missing("cert_file", "key"),
        }
    }

    fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsFault> {
        Ok((self.cert.certificates()?, self.key.private_key()?))
    }

    /// Why a certificate and a key make no identity.
    fn fault(&self, cause: &rustls::Error) -> TlsFault {
        match cause {
            rustls::Error::InconsistentKeys(_) => {
                self.key.fault("the key does not belong to the certificate")
            }
            rustls::Error::InvalidCertificate(_) => self.cert.fault(cause.to_string()),
            cause => self.key.fault(cause.to_string()),
        }
    }
}

// === impl TlsFault ===

impl TlsFault {
    fn new(setting: &'static str, text: impl Into<String>) -> Self {
        Self {
            setting,
            text: text.into(),
        }
    }
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.text)
    }
}

impl std::error::Error for TlsFault {}
