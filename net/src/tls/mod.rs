//! TLS by rustls and ring: what clients and servers have in common.
//!
//! The provider is passed to every builder by name, so that a second one in the dependency tree
//! cannot make rustls unable to choose.

mod client;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, SupportedProtocolVersion};

pub use client::{ClientTls, TlsConnector};

/// Certificates or a key, as the configuration gives them.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    File(PathBuf),
    /// The text itself; never printed, since it may be a key.
    Inline(String),
}

/// Versions that rustls speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    Tls12,
    Tls13,
}

/// A setting of a `tls` block that a person must mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFault {
    /// The key in the block, such as `ca_file`.
    pub setting: &'static str,
    pub text: String,
}

fn fault(setting: &'static str, text: impl Into<String>) -> TlsFault {
    TlsFault {
        setting,
        text: text.into(),
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The two keys under which one thing can be given, by file and in place.
#[derive(Clone, Copy)]
struct Keys {
    file: &'static str,
    inline: &'static str,
}

const CA: Keys = Keys {
    file: "ca_file",
    inline: "ca_pem",
};
const CERT: Keys = Keys {
    file: "cert_file",
    inline: "cert_pem",
};
const KEY: Keys = Keys {
    file: "key_file",
    inline: "key_pem",
};

/// The versions from `min` to `max`, which default to all of them.
fn versions(
    min: Option<Version>,
    max: Option<Version>,
) -> Result<Vec<&'static SupportedProtocolVersion>, TlsFault> {
    let wanted = min.unwrap_or(Version::Tls12)..=max.unwrap_or(Version::Tls13);
    if wanted.is_empty() {
        return Err(fault(
            "min_version",
            "1.3 is above max_version 1.2: no version is left",
        ));
    }
    let all = [
        (Version::Tls13, &rustls::version::TLS13),
        (Version::Tls12, &rustls::version::TLS12),
    ];
    Ok(all
        .into_iter()
        .filter(|(version, _)| wanted.contains(version))
        .map(|(_, it)| it)
        .collect())
}

/// The certificates in `pem`, of which there is at least one.
fn certificates(pem: &Pem, keys: Keys) -> Result<(Source, Vec<CertificateDer<'static>>), TlsFault> {
    let (source, text) = pem.read(keys)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|cause| source.fault(format!("a certificate in it is not valid PEM: {cause}")))?;
    if found.is_empty() {
        return Err(source.fault("no certificate found in it"));
    }
    Ok((source, found))
}

/// The first private key in `pem`, in whichever of the three formats rustls reads.
fn private_key(pem: &Pem) -> Result<(Source, PrivateKeyDer<'static>), TlsFault> {
    use rustls::pki_types::pem::Error;
    let (source, text) = pem.read(KEY)?;
    match PrivateKeyDer::from_pem_slice(&text) {
        Ok(key) => Ok((source, key)),
        Err(Error::NoItemsFound) => Err(source.fault(
            "no private key found in it (an encrypted key cannot be read: decrypt it first)",
        )),
        Err(cause) => Err(source.fault(format!("the key in it is not valid PEM: {cause}"))),
    }
}

/// Adds the authorities in `pem` to `roots`; each must be a certificate that can be one.
fn add_authorities(roots: &mut RootCertStore, pem: &Pem) -> Result<(), TlsFault> {
    let (source, found) = certificates(pem, CA)?;
    for (number, certificate) in (1..).zip(found) {
        roots
            .add(certificate)
            .map_err(|cause| source.fault(format!("certificate {number} in it: {cause}")))?;
    }
    Ok(())
}

/// Where something was read from, for the faults that its content has.
struct Source {
    setting: &'static str,
    file: Option<PathBuf>,
}

// === impl Pem ===

impl Pem {
    fn read(&self, keys: Keys) -> Result<(Source, Vec<u8>), TlsFault> {
        match self {
            Self::Inline(text) => Ok((
                Source {
                    setting: keys.inline,
                    file: None,
                },
                text.clone().into_bytes(),
            )),
            Self::File(path) => {
                let source = Source {
                    setting: keys.file,
                    file: Some(path.clone()),
                };
                let text = std::fs::read(path)
                    .map_err(|cause| source.fault(format!("cannot be read: {cause}")))?;
                Ok((source, text))
            }
        }
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Inline(_) => f.write_str("Inline(…)"),
        }
    }
}

// === impl Version ===

/// The oldest that is spoken stands for what is older: as a minimum, 1.0 asks for no more than 1.2
/// gives.
impl From<config::blocks::TlsVersion> for Version {
    fn from(version: config::blocks::TlsVersion) -> Self {
        use config::blocks::TlsVersion;
        match version {
            TlsVersion::V1_0 | TlsVersion::V1_1 | TlsVersion::V1_2 => Self::Tls12,
            TlsVersion::V1_3 => Self::Tls13,
        }
    }
}

// === impl Source ===

impl Source {
    fn fault(&self, what: impl Into<String>) -> TlsFault {
        let what = what.into();
        let text = match &self.file {
            Some(path) => format!("{}: {what}", path.display()),
            None => what,
        };
        fault(self.setting, text)
    }
}

// === impl TlsFault ===

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.text)
    }
}

impl std::error::Error for TlsFault {}
