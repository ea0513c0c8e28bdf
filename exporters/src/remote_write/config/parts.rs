//! Parts of the configuration with defaults of their own.

use ::config::blocks::{Compression, Retry};
use ::config::{GoDuration, Squash};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::super::encode::Version;

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(in super::super) struct ClientKeys {
    pub(super) compression: Compression,
    /// Of one request; zero: none.
    pub(super) timeout: GoDuration,
}

/// `protobuf_message`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Message(pub(super) Version);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(in super::super) struct TargetInfo {
    pub(super) enabled: bool,
}

/// `remote_write_queue`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(in super::super) struct RemoteQueue {
    pub(super) enabled: bool,
    /// Requests as they came.
    pub(super) queue_size: i64,
    /// Requests of one batch that are sent at the same time.
    pub(super) num_consumers: i64,
}

/// `retry_on_failure`, which begins sooner than elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
pub(in super::super) struct RemoteRetry(Squash<Retry, FirstRetry>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(in super::super) struct FirstRetry {
    pub(super) initial_interval: GoDuration,
}

impl Default for ClientKeys {
    fn default() -> Self {
        Self {
            compression: Compression::Snappy,
            timeout: GoDuration::from_secs(5),
        }
    }
}

impl Default for TargetInfo {
    fn default() -> Self {
        Self { enabled: true }
    }
}

impl Default for RemoteQueue {
    fn default() -> Self {
        Self {
            enabled: true,
            queue_size: 10_000,
            num_consumers: 5,
        }
    }
}

impl Default for FirstRetry {
    fn default() -> Self {
        Self {
            initial_interval: GoDuration::from_millis(50),
        }
    }
}

impl RemoteRetry {
    pub(super) fn whole(&self) -> Retry {
        let Squash(retry, FirstRetry { initial_interval }) = &self.0;
        Retry {
            initial_interval: *initial_interval,
            ..retry.clone()
        }
    }
}

impl Message {
    const NAMES: [(Version, &'static str); 2] = [
        (Version::V1, "prometheus.WriteRequest"),
        (Version::V2, "io.prometheus.write.v2.Request"),
    ];
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [v1, v2] = Self::NAMES;
        serializer.serialize_str(if self.0 == v1.0 { v1.1 } else { v2.1 })
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let found = Self::NAMES.iter().find(|(_, name)| *name == text);
        found.map(|(version, _)| Self(*version)).ok_or_else(|| {
            let [(_, v1), (_, v2)] = Self::NAMES;
            de::Error::custom(format!(
                "unknown protobuf message {text:?}; write `{v1}` or `{v2}`"
            ))
        })
    }
}
