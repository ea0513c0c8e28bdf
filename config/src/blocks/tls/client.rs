//! TLS of a client (`configtls.ClientConfig`).

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::Tls;
use crate::decode::Squash;
use crate::validate::{Problems, Validate};

/// On, with the system's roots, unless `insecure`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct TlsClient(pub Squash<TlsClientOwn, Tls>);

/// The keys that servers do not have.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct TlsClientOwn {
    /// Plain text, unless a CA is given.
    pub insecure: bool,
    pub insecure_skip_verify: bool,
    /// Empty: the host of the endpoint.
    pub server_name_override: String,
}

impl TlsClient {
    /// The Collector's rule: `insecure` yields to a CA.
    pub fn is_plaintext(&self) -> bool {
        self.insecure && self.shared().ca_file.is_empty() && self.shared().ca_pem.is_empty()
    }

    /// The keys that servers have too.
    pub fn shared(&self) -> &Tls {
        let Squash(_, shared) = &self.0;
        shared
    }
}

impl Deref for TlsClient {
    type Target = TlsClientOwn;

    fn deref(&self) -> &TlsClientOwn {
        &self.0
    }
}

impl Validate for TlsClientOwn {}

impl Validate for TlsClient {
    fn validate(&self) -> Problems {
        self.0.validate()
    }
}
