//! TLS of a client (`configtls.ClientConfig`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::decode::NotYet;
use crate::secret::Secret;
use crate::validate::{Problems, Validate};

/// On, with the system's roots, unless `insecure`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct TlsClient {
    /// Plain text, unless a CA is given.
    pub insecure: bool,
    pub insecure_skip_verify: bool,
    /// Empty: the host of the endpoint.
    pub server_name_override: String,
    pub ca_file: String,
    pub ca_pem: Secret,
    pub cert_file: String,
    pub cert_pem: Secret,
    pub key_file: String,
    pub key_pem: Secret,
    pub min_version: Option<TlsVersion>,
    pub max_version: Option<TlsVersion>,
    /// Keep the system's roots beside `ca_file`.
    pub include_system_ca_certs_pool: bool,
    #[serde(skip_serializing)]
    pub cipher_suites: NotYet,
    #[serde(skip_serializing)]
    pub include_insecure_cipher_suites: NotYet,
    #[serde(skip_serializing)]
    pub curve_preferences: NotYet,
    #[serde(skip_serializing)]
    pub reload_interval: NotYet,
    #[serde(skip_serializing)]
    pub tpm: NotYet,
}

/// `min_version`, `max_version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    V1_0,
    V1_1,
    V1_2,
    V1_3,
}

// === impl TlsClient ===

impl TlsClient {
    pub fn has_ca(&self) -> bool {
        !self.ca_file.is_empty() || !self.ca_pem.is_empty()
    }

    /// The Collector's rule: `insecure` yields to a CA.
    pub fn is_plaintext(&self) -> bool {
        self.insecure && !self.has_ca()
    }
}

impl Validate for TlsClient {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        let twice = |file: &str, pem: &Secret| !file.is_empty() && !pem.is_empty();
        let given = |file: &str, pem: &Secret| !file.is_empty() || !pem.is_empty();
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
            given(&self.cert_file, &self.cert_pem) == given(&self.key_file, &self.key_pem),
            "",
            "TLS configuration must include both certificate and key \
             (CertFile/CertPem and KeyFile/KeyPem)",
        );
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
        problems
    }
}

// === impl TlsVersion ===

impl FromStr for TlsVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "1.0" => Ok(Self::V1_0),
            "1.1" => Ok(Self::V1_1),
            "1.2" => Ok(Self::V1_2),
            "1.3" => Ok(Self::V1_3),
            _ => Err(format!("unsupported TLS version: {text:?}")),
        }
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        })
    }
}

impl Serialize for TlsVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TlsVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
