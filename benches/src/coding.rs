//! Compression of a payload.

use std::io::{self, Read, Write};

/// The level of both codecs when nothing else is asked for: the generator shares a core with the
/// sink and must stay cheap.
pub const FAST: u32 = 1;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Coding {
    #[default]
    None,
    Gzip,
    Zstd,
}

impl Coding {
    /// The token in `content-encoding` and `grpc-encoding`; `None` when the header is left out.
    pub const fn token(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }

    pub fn from_token(token: &[u8]) -> Option<Self> {
        match token {
            b"" | b"identity" => Some(Self::None),
            b"gzip" => Some(Self::Gzip),
            b"zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Appends the encoded `payload` to `out`.
    pub fn encode(self, payload: &[u8], level: u32, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::None => out.extend_from_slice(payload),
            Self::Gzip => {
                let level = flate2::Compression::new(level);
                let mut encoder = flate2::write::GzEncoder::new(out, level);
                encoder.write_all(payload)?;
                encoder.finish()?;
            }
            Self::Zstd => {
                let level = i32::try_from(level).unwrap_or(i32::MAX);
                zstd::stream::copy_encode(payload, out, level)?;
            }
        }
        Ok(())
    }

    /// The decoded payload; an error when it is broken or longer than `limit` bytes.
    pub fn decode(self, encoded: &[u8], limit: usize) -> io::Result<Vec<u8>> {
        match self {
            Self::None => Ok(encoded.to_vec()),
            Self::Gzip => read_within(flate2::read::MultiGzDecoder::new(encoded), limit),
            Self::Zstd => read_within(zstd::stream::read::Decoder::new(encoded)?, limit),
        }
    }
}

fn read_within(decoder: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    decoder.take(limit as u64 + 1).read_to_end(&mut out)?;
    if out.len() > limit {
        let text = format!("a payload inflates to more than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_coding_restores_what_it_encoded_and_stops_at_the_limit() {
        let payload = b"checkout ".repeat(1000);
        for coding in [Coding::Gzip, Coding::Zstd] {
            let mut encoded = Vec::new();
            coding.encode(&payload, FAST, &mut encoded).unwrap();
            assert!(encoded.len() < payload.len() / 10, "{coding:?}");
            assert_eq!(coding.decode(&encoded, payload.len()).unwrap(), payload);
            assert!(
                coding.decode(&encoded, payload.len() - 1).is_err(),
                "{coding:?}"
            );
            assert!(
                coding
                    .decode(&encoded[..encoded.len() / 2], payload.len())
                    .is_err()
            );
            assert_eq!(
                Coding::from_token(coding.token().unwrap().as_bytes()),
                Some(coding)
            );
        }
    }
}
