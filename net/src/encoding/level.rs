//! How hard to compress: `compression_params.level` with the Collector's limits.

use std::fmt;

use super::Encoding;

/// gzip and its siblings are written at this level when none is asked for: it costs a third of
/// level 6, which the Collector uses, for a fifth more bytes.
const FLATE_DEFAULT: i32 = 1;

/// What zlib means by "default" (-1).
const ZLIB_DEFAULT: i32 = 6;

/// A level that its encoding has, made by [`Encoding::level`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(i32);

/// The encoding does not have the level that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelFault {
    encoding: Encoding,
    asked: i32,
}

impl Encoding {
    /// The level to deflate at, from `compression_params.level`; 0 counts as not set, as in the
    /// Collector.
    ///
    /// gzip, zlib and deflate take -2 to 9: -1 is zlib's own default, and -2 (Huffman coding alone)
    /// is served by the fastest level there is. zstd takes any number and sorts it into the four
    /// speeds of the Collector's encoder. The others have no levels.
    pub fn level(self, asked: Option<i32>) -> Result<Level, LevelFault> {
        let asked = asked.unwrap_or(0);
        let level = match (self, asked) {
            (Self::Gzip | Self::Zlib | Self::Deflate, 0) => FLATE_DEFAULT,
            (Self::Gzip | Self::Zlib | Self::Deflate, -1) => ZLIB_DEFAULT,
            (Self::Gzip | Self::Zlib | Self::Deflate, -2) => 1,
            (Self::Gzip | Self::Zlib | Self::Deflate, 1..=9) => asked,
            (Self::Zstd, _) => zstd_level(asked),
            (Self::Identity, _) | (_, 0) => 0,
            _ => {
                return Err(LevelFault {
                    encoding: self,
                    asked,
                });
            }
        };
        Ok(Level(level))
    }
}

/// The four speeds that the Collector's encoder has, as levels of this one. Levels from 20 on, which
/// nobody gets, would use windows that receivers refuse.
fn zstd_level(asked: i32) -> i32 {
    match asked {
        ..3 => 1,
        3..6 => 3,
        6..10 => 7,
        10.. => 11,
    }
}

// === impl Level ===

impl Level {
    pub(super) fn get(self) -> i32 {
        self.0
    }
}

// === impl LevelFault ===

impl fmt::Display for LevelFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { encoding, asked } = self;
        let name = encoding.http_name();
        match encoding {
            Encoding::Gzip | Encoding::Zlib | Encoding::Deflate => {
                write!(
                    f,
                    "{name} has no level {asked}: use -2 to 9, or leave it out"
                )
            }
            _ => write!(f, "{name} has no levels: leave `level` out (found {asked})"),
        }
    }
}

impl std::error::Error for LevelFault {}
