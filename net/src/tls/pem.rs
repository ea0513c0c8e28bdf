//! Certificates and keys as the configuration gives them: a file, or the text itself.

use std::path::{Path, PathBuf};

use config::Secret;
use rustls::RootCertStore;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsFault;

/// One of the things that a `tls` block names, by a file or in place.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Pem {
    File {
        key: &'static str,
        path: PathBuf,
    },
    /// The text itself; never printed, since it may be a private key.
    Inline {
        key: &'static str,
        text: Secret,
    },
}

// === impl Pem ===

impl Pem {
    /// What a block gives under two keys, of which a valid one uses one at most.
    pub(super) fn given(
        (file_key, path): (&'static str, &str),
        (inline_key, text): (&'static str, &Secret),
    ) -> Option<Self> {
        match path {
            "" if text.is_empty() => None,
            "" => Some(Self::Inline {
                key: inline_key,
                text: text.clone(),
            }),
            path => Some(Self::File {
                key: file_key,
                path: path.into(),
            }),
        }
    }

    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::File { path, .. } => Some(path),
            Self::Inline { .. } => None,
        }
    }

    /// What is wrong with the content.
    pub(super) fn fault(&self, what: impl Into<String>) -> TlsFault {
        let what = what.into();
        match self {
            Self::File { key, path } => TlsFault::new(key, format!("{}: {what}", path.display())),
            Self::Inline { key, .. } => TlsFault::new(key, what),
        }
    }

    fn read(&self) -> Result<Vec<u8>, TlsFault> {
        match self {
            Self::Inline { text, .. } => Ok(text.expose().as_bytes().to_vec()),
            Self::File { path, .. } => {
                std::fs::read(path).map_err(|cause| self.fault(format!("cannot be read: {cause}")))
            }
        }
    }

    /// The certificates in it, of which there is at least one.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
        let found: Vec<_> = CertificateDer::pem_slice_iter(&self.read()?)
            .collect::<Result<_, _>>()
            .map_err(|cause| {
                self.fault(format!("a certificate in it is not valid PEM: {cause}"))
            })?;
        if found.is_empty() {
            return Err(self.fault("no certificate found in it"));
        }
        Ok(found)
    }

    /// The first private key in it, in whichever of the three formats rustls reads.
    pub(super) fn private_key(&self) -> Result<PrivateKeyDer<'static>, TlsFault> {
        PrivateKeyDer::from_pem_slice(&self.read()?).map_err(|cause| match cause {
            Error::NoItemsFound => self.fault(
                "no private key found in it (an encrypted key cannot be read: decrypt it first)",
            ),
            cause => self.fault(format!("the key in it is not valid PEM: {cause}")),
        })
    }

    /// Adds the authorities in it to `roots`; each must be a certificate that can be one.
    pub(super) fn add_authorities(&self, roots: &mut RootCertStore) -> Result<(), TlsFault> {
        for (number, certificate) in (1..).zip(self.certificates()?) {
            roots
                .add(certificate)
                .map_err(|cause| self.fault(format!("certificate {number} in it: {cause}")))?;
        }
        Ok(())
    }
}
