//! Encodings of OTLP bodies: their names on the wire, bounded inflation, deflation, and threads for
//! large bodies.
//!
//! Inflation is the first code that touches a stranger's bytes, so everything it allocates is
//! bounded by what arrived: the output is charged to a [`Meter`] before it grows, a declared size
//! is at most a hint, and each of the caps (decoded size, ratio, window, members) is a named
//! constant with its reason.

mod deflate;
mod inflate;
mod level;
mod lz4;
mod offload;
mod output;

#[cfg(test)]
mod tests;

use config::blocks::Compression;

pub use deflate::{DeflateFault, deflate};
pub use inflate::{InflateFault, Meter, RATIO_FREE, RATIO_MAX, inflate};
pub use level::{Level, LevelFault};
pub use offload::{Lost, OFFLOAD_MIN, inflate_off, run};

/// What `grpc-accept-encoding` tells a peer.
pub const GRPC_ACCEPT: &str = "identity,gzip,zstd,snappy";

/// What `Accept-Encoding` tells an HTTP client whose encoding was refused.
pub const HTTP_ACCEPT: &str = "gzip, zstd, zlib, snappy, deflate, lz4, x-snappy-framed";

/// The format of a body's bytes.
///
/// One token can mean two formats: `snappy` is the framed format on gRPC, where Go's streaming
/// writer made it so, and the block format on HTTP. Hence the two ways to read a token and the two
/// ways to name a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    Identity,
    Gzip,
    Zstd,
    /// One Snappy block. When inflating, the framed format is recognised by its first chunk and
    /// read too, because old Collectors sent it under this name.
    Snappy,
    SnappyFramed,
    Zlib,
    /// The zlib format under HTTP's name for it (RFC 9110 §8.4.1.2); never a bare deflate stream.
    Deflate,
    Lz4,
}

impl Encoding {
    /// What an exporter's `compression` means on gRPC; `None` if gRPC does not have it.
    pub fn on_grpc(compression: Compression) -> Option<Self> {
        match compression {
            Compression::None => Some(Self::Identity),
            named => Self::from_grpc(named.name()),
        }
    }

    /// What an exporter's `compression` means on HTTP.
    pub fn on_http(compression: Compression) -> Self {
        match compression {
            Compression::None => Self::Identity,
            Compression::Gzip => Self::Gzip,
            Compression::Zstd => Self::Zstd,
            Compression::Snappy => Self::Snappy,
            Compression::XSnappyFramed => Self::SnappyFramed,
            Compression::Zlib => Self::Zlib,
            Compression::Deflate => Self::Deflate,
            Compression::Lz4 => Self::Lz4,
        }
    }

    /// Reads the value of `grpc-encoding`; `None` if no gRPC peer of the Collector has it.
    pub fn from_grpc(token: &str) -> Option<Self> {
        const TOKENS: [(&str, Encoding); 4] = [
            ("identity", Encoding::Identity),
            ("gzip", Encoding::Gzip),
            ("zstd", Encoding::Zstd),
            ("snappy", Encoding::SnappyFramed),
        ];
        look_up(&TOKENS, token)
    }

    /// Reads the value of `Content-Encoding`, where nothing at all means identity; `None` if it is
    /// unknown or a list.
    pub fn from_http(token: &str) -> Option<Self> {
        const TOKENS: [(&str, Encoding); 9] = [
            ("", Encoding::Identity),
            ("identity", Encoding::Identity),
            ("gzip", Encoding::Gzip),
            ("zstd", Encoding::Zstd),
            ("snappy", Encoding::Snappy),
            ("x-snappy-framed", Encoding::SnappyFramed),
            ("zlib", Encoding::Zlib),
            ("deflate", Encoding::Deflate),
            ("lz4", Encoding::Lz4),
        ];
        look_up(&TOKENS, token)
    }

    /// The token of this format in `grpc-encoding`; `None` if gRPC has no name for it.
    pub fn grpc_name(self) -> Option<&'static str> {
        match self {
            Self::Identity => Some("identity"),
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
            Self::SnappyFramed => Some("snappy"),
            Self::Snappy | Self::Zlib | Self::Deflate | Self::Lz4 => None,
        }
    }

    /// The token of this format in `Content-Encoding`.
    pub fn http_name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Snappy => "snappy",
            Self::SnappyFramed => "x-snappy-framed",
            Self::Zlib => "zlib",
            Self::Deflate => "deflate",
            Self::Lz4 => "lz4",
        }
    }
}

/// Tokens of encodings are case-insensitive (RFC 9110 §8.4.1).
fn look_up(tokens: &[(&str, Encoding)], token: &str) -> Option<Encoding> {
    let token = token.trim();
    tokens
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(token))
        .map(|&(_, found)| found)
}
