//! How a client compresses what it sends.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `compression`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compression {
    None,
    /// The default of the OTLP exporters.
    #[default]
    Gzip,
    Zstd,
    /// One block, not framed.
    Snappy,
    XSnappyFramed,
    Zlib,
    /// The same bytes as `zlib`, under the name that HTTP gives them.
    Deflate,
    Lz4,
}

/// `compression_params`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct CompressionParams {
    /// Absent or 0 leaves the choice to the sender; see [`CompressionParams::chosen`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<i32>,
}

// === impl CompressionParams ===

impl CompressionParams {
    /// The level that a person chose, if any: -1 is zlib's own default.
    pub fn chosen(&self) -> Option<i32> {
        self.level.filter(|level| !matches!(level, 0 | -1))
    }
}

// === impl Compression ===

impl Compression {
    const ALL: [Self; 8] = [
        Self::None,
        Self::Gzip,
        Self::Zstd,
        Self::Snappy,
        Self::XSnappyFramed,
        Self::Zlib,
        Self::Deflate,
        Self::Lz4,
    ];

    /// As in the file and in `Content-Encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Snappy => "snappy",
            Self::XSnappyFramed => "x-snappy-framed",
            Self::Zlib => "zlib",
            Self::Deflate => "deflate",
            Self::Lz4 => "lz4",
        }
    }

    /// The levels that this compression knows; the Collector accepts the same.
    pub(super) fn takes_level(self, level: i32) -> bool {
        match self {
            Self::Gzip | Self::Zlib | Self::Deflate => (-2..=9).contains(&level),
            Self::Zstd => (0..=22).contains(&level),
            _ => level == 0,
        }
    }
}

impl FromStr for Compression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = if text.is_empty() { "none" } else { text };
        let found = Self::ALL
            .into_iter()
            .find(|compression| compression.name() == text);
        found.ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join("`, `");
            format!("unsupported compression type {text:?}, one of `{known}`")
        })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Compression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Compression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
