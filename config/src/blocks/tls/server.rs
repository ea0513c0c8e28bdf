//! TLS of a server (`configtls.ServerConfig`).

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::Tls;
use crate::decode::Squash;
use crate::validate::{Problems, Validate};

/// A certificate with its key is required. With `client_ca_file`, so is one of each client.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct TlsServer(pub Squash<TlsServerOwn, Tls>);

/// The keys that clients do not have.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct TlsServerOwn {
    /// Clients must prove to be known to one of these authorities.
    pub client_ca_file: String,
    /// Accepted: the file is read again whenever it has changed, like all others.
    pub client_ca_file_reload: bool,
}

impl TlsServer {
    /// The keys that clients have too.
    pub fn shared(&self) -> &Tls {
        let Squash(_, shared) = &self.0;
        shared
    }
}

impl Deref for TlsServer {
    type Target = TlsServerOwn;

    fn deref(&self) -> &TlsServerOwn {
        &self.0
    }
}

impl Validate for TlsServerOwn {}

impl Validate for TlsServer {
    fn validate(&self) -> Problems {
        let mut problems = self.0.validate();
        let shared = self.shared();
        problems.require(
            shared.has_cert() || shared.has_key(),
            "",
            "TLS configuration must include both certificate and key for server connections",
        );
        for (key, given) in [
            ("ca_file", !shared.ca_file.is_empty()),
            ("ca_pem", !shared.ca_pem.is_empty()),
            (
                "include_system_ca_certs_pool",
                shared.include_system_ca_certs_pool,
            ),
        ] {
            if given {
                let text = "has no effect on a server: its clients are verified by \
                            `client_ca_file`";
                problems.warn(key, text);
            }
        }
        problems
    }
}
