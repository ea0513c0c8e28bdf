//! TLS of clients and servers (`configtls`): the keys that both have, and those of either.

mod choice;
mod client;
mod server;
mod version;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;
use crate::units::GoDuration;
use crate::validate::{Problems, Validate};
use choice::{CIPHER_SUITES, CURVES};

pub use client::{TlsClient, TlsClientOwn};
pub use server::{TlsServer, TlsServerOwn};
pub use version::TlsVersion;

/// The keys that clients and servers have in common (`configtls.Config`).
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Tls {
    pub ca_file: String,
    pub ca_pem: Secret,
    pub cert_file: String,
    pub cert_pem: Secret,
    pub key_file: String,
    pub key_pem: Secret,
    /// Keep the system's roots beside `ca_file`.
    pub include_system_ca_certs_pool: bool,
    /// Not given: 1.2.
    pub min_version: Option<TlsVersion>,
    /// Not given: 1.3.
    pub max_version: Option<TlsVersion>,
    /// By Go's names; empty: all that we have. Those of TLS 1.3 cannot be chosen, as in Go.
    pub cipher_suites: Vec<String>,
    /// Lets `cipher_suites` name insecure ones, none of which this build has.
    pub include_insecure_cipher_suites: bool,
    /// Empty: all that we have.
    pub curve_preferences: Vec<String>,
    /// How often the files are looked at; zero: every second.
    pub reload_interval: GoDuration,
    pub tpm: Tpm,
}

/// `tpm`: a key that never leaves its chip, which this build cannot use.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Tpm {
    pub enabled: bool,
    pub path: String,
    pub owner_auth: Secret,
    pub auth: Secret,
}

// === impl Tls ===

impl Tls {
    /// The names in `cipher_suites` that this build has; empty if all are wanted.
    pub fn usable_cipher_suites(&self) -> Vec<&str> {
        CIPHER_SUITES.usable(&self.cipher_suites)
    }

    /// The names in `curve_preferences` that this build has; empty if all are wanted.
    pub fn usable_curves(&self) -> Vec<&str> {
        CURVES.usable(&self.curve_preferences)
    }

    fn has_cert(&self) -> bool {
        !self.cert_file.is_empty() || !self.cert_pem.is_empty()
    }

    fn has_key(&self) -> bool {
        !self.key_file.is_empty() || !self.key_pem.is_empty()
    }

    fn validate_identity(&self, problems: &mut Problems) {
        let twice = |file: &str, pem: &Secret| !file.is_empty() && !pem.is_empty();
        problems.require(
            !twice(&self.ca_file, &self.ca_pem),
            "ca_pem",
            "provide either a CA file or the PEM-encoded string, but not both",
        );
        problems.require(
            !twice(&self.cert_file, &self.cert_pem),
            "cert_pem",
            "provide either certificate file or PEM, but not both",
        );
        problems.require(
            !twice(&self.key_file, &self.key_pem),
            "key_pem",
            "provide either key file or PEM, but not both",
        );
        problems.require(
            self.has_cert() == self.has_key(),
            "",
            "TLS configuration must include both certificate and key \
             (CertFile/CertPem and KeyFile/KeyPem)",
        );
        problems.require(
            !self.tpm.enabled,
            "tpm::enabled",
            "this build has no access to a TPM: give the key as `key_file` or `key_pem`",
        );
    }

    fn validate_versions(&self, problems: &mut Problems) {
        if self.min_version.is_some_and(|min| min < TlsVersion::V1_2) {
            problems.warn(
                "min_version",
                "this build speaks TLS 1.2 and 1.3 only: peers that know no newer than 1.1 are \
                 refused",
            );
        }
        if let Some(max) = self.max_version {
            problems.require(
                self.min_version.is_none_or(|min| min <= max),
                "min_version",
                "invalid TLS configuration: min_version cannot be greater than max_version",
            );
            problems.require(
                max >= TlsVersion::V1_2,
                "max_version",
                "this build speaks TLS 1.2 and 1.3 only",
            );
        }
    }

    /// The suites of TLS 1.2 are those that can be chosen; a list without one ends that version.
    fn validate_suites(&self, problems: &mut Problems) {
        let suites = &self.cipher_suites;
        let sound = CIPHER_SUITES.validate(suites, self.include_insecure_cipher_suites, problems);
        if !sound || suites.is_empty() || self.min_version == Some(TlsVersion::V1_3) {
            return;
        }
        let usable = CIPHER_SUITES.usable(suites);
        let old = usable.iter().any(|name| name.starts_with("TLS_ECDHE_"));
        let meant = usable.len() < suites.len() || self.max_version == Some(TlsVersion::V1_2);
        problems.require(
            old || !meant,
            "cipher_suites",
            "no cipher suite of TLS 1.2 is left: name one that this build has, such as \
             TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, or set min_version to \"1.3\"",
        );
    }
}

impl Validate for Tls {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        self.validate_identity(&mut problems);
        self.validate_versions(&mut problems);
        self.validate_suites(&mut problems);
        let curves = &self.curve_preferences;
        if CURVES.validate(curves, false, &mut problems) && !curves.is_empty() {
            problems.require(
                !CURVES.usable(curves).is_empty(),
                "curve_preferences",
                "none of these curves is in this build: name X25519, P256 or P384",
            );
        }
        problems
    }
}
