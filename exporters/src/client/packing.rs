//! The encoding of what is sent.

use bytes::Bytes;
use config::blocks::{Compression, CompressionParams};
use net::encoding::{self, Encoding, Level, deflate};
use pipeline::component::Failure;

/// How the payload is compressed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packing {
    pub(crate) encoding: Encoding,
    level: Level,
}

impl Packing {
    /// `framed_snappy`: gRPC's `snappy` is the framed format.
    pub(crate) fn new(
        compression: Compression,
        params: CompressionParams,
        framed_snappy: bool,
    ) -> Result<Self, String> {
        let encoding = match compression {
            Compression::None => Encoding::Identity,
            Compression::Gzip => Encoding::Gzip,
            Compression::Zstd => Encoding::Zstd,
            Compression::Snappy if framed_snappy => Encoding::SnappyFramed,
            Compression::Snappy => Encoding::Snappy,
            Compression::XSnappyFramed => Encoding::SnappyFramed,
            Compression::Zlib => Encoding::Zlib,
            Compression::Deflate => Encoding::Deflate,
            Compression::Lz4 => Encoding::Lz4,
        };
        let level = encoding
            .level(params.level)
            .map_err(|fault| fault.to_string())?;
        Ok(Self { encoding, level })
    }

    /// The message as it goes on the wire; without compression the chunks themselves.
    pub(crate) async fn pack(&self, message: Vec<Bytes>) -> Result<Vec<Bytes>, Failure> {
        if self.encoding == Encoding::Identity {
            return Ok(message);
        }
        let Self { encoding, level } = *self;
        let total = message.iter().map(Bytes::len).sum();
        let job = move || deflate(encoding, level, message.iter().map(Bytes::as_ref));
        match encoding::run(total, job).await {
            Ok(Ok(packed)) => Ok(vec![packed.into()]),
            Ok(Err(fault)) => Err(Failure::permanent(format!("cannot compress: {fault}"))),
            Err(encoding::Lost) => Err(Failure::permanent("cannot compress: the encoder failed")),
        }
    }
}
