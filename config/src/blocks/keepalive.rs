//! gRPC keepalive. Zero leaves a setting to the transport's own default.

use serde::{Deserialize, Serialize};

use crate::optional::Optional;
use crate::units::GoDuration;

/// `keepalive` of a gRPC server; both halves are on by default.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct KeepaliveServer {
    pub server_parameters: Optional<ServerParameters>,
    pub enforcement_policy: Optional<EnforcementPolicy>,
}

/// `server_parameters`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct ServerParameters {
    /// Zero: for ever.
    pub max_connection_idle: GoDuration,
    /// Zero: for ever.
    pub max_connection_age: GoDuration,
    /// Zero: for ever.
    pub max_connection_age_grace: GoDuration,
    /// Zero: 2 h.
    pub time: GoDuration,
    /// Zero: 20 s.
    pub timeout: GoDuration,
}

/// `enforcement_policy`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct EnforcementPolicy {
    /// Zero: 5 min.
    pub min_time: GoDuration,
    pub permit_without_stream: bool,
}

/// `keepalive` of a gRPC client.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct KeepaliveClient {
    /// Zero: no pings. Less than 10 s is 10 s, as with Go's clients: servers refuse who pings more often.
    pub time: GoDuration,
    /// Zero: 20 s.
    pub timeout: GoDuration,
    pub permit_without_stream: bool,
}

impl Default for KeepaliveServer {
    fn default() -> Self {
        Self {
            server_parameters: Optional::on(),
            enforcement_policy: Optional::on(),
        }
    }
}
