//! From a list of chunks to one encoded body.

use std::cell::Cell;
use std::fmt;
use std::io::Write;

use flate2::{Compress, Compression, FlushCompress, Status};
use libdeflater::{Adler32, Crc};
use lz4_flex::frame::{BlockSize, FrameEncoder as Lz4Encoder, FrameInfo};
use zstd::zstd_safe::zstd_sys::ZSTD_EndDirective as End;
use zstd::zstd_safe::{self, CCtx, CParameter, InBuffer, OutBuffer, ResetDirective};

use super::{Encoding, Level};

/// A gzip member's header: magic, deflate, no flags, no time, no hint, unknown system (RFC 1952
/// §2.3).
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// A zlib stream's header: deflate, a window of 32 KiB, no dictionary, fastest (RFC 1950 §2.2).
const ZLIB_HEADER: [u8; 2] = [0x78, 0x01];

/// The first output buffer is the input divided by this; telemetry shrinks to less.
const FIRST_PART: usize = 4;

/// The smallest output buffer, which also holds what an encoder adds to a tiny body.
const FIRST_MIN: usize = 1024;

/// A thread keeps an output buffer of this size or less for its next body: the usual export,
/// several times over.
const SCRATCH_KEPT_MAX: usize = 1 << 20;

/// The body could not be encoded: memory ran out, or it is too large for the format. Sending it
/// plain is a way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateFault(&'static str);

/// A thread keeps a zstd encoder of this size or less; those of high levels are larger, and made
/// anew for each body.
const ZSTD_KEPT_MAX: usize = 8 << 20;

/// What a thread keeps between bodies. It is taken out while in use, so that a panic leaves nothing
/// half-written.
#[derive(Default)]
struct Kept {
    /// All of it has been written before, so that no body has to zero it.
    scratch: Vec<u8>,
    /// Writes bare streams at the level last used: exporters rarely differ in it. The checksums
    /// around a stream are made here, where they cost a twentieth.
    flate: Option<(Level, Compress)>,
    zstd: Option<CCtx<'static>>,
}

thread_local! {
    static KEPT: Cell<Option<Kept>> = const { Cell::new(None) };
}

/// Encodes the concatenation of `chunks` as one body.
///
/// The chunks are walked twice: first for their total length, which sizes buffers and frame
/// headers.
pub fn deflate<'a, I>(encoding: Encoding, level: Level, chunks: I) -> Result<Vec<u8>, DeflateFault>
where
    I: Iterator<Item = &'a [u8]> + Clone,
{
    let total = chunks.clone().map(<[u8]>::len).sum();
    match encoding {
        Encoding::Identity => Ok(concatenated(chunks, total)),
        Encoding::Gzip => with_kept(|kept| gzip(kept, level, chunks, total)),
        Encoding::Zlib | Encoding::Deflate => with_kept(|kept| zlib(kept, level, chunks, total)),
        Encoding::Zstd => with_kept(|kept| zstd(kept, level, chunks, total)),
        Encoding::Snappy => snap::raw::Encoder::new()
            .compress_vec(&concatenated(chunks, total))
            .map_err(|_| DeflateFault("the body is too large for a snappy block")),
        Encoding::SnappyFramed => {
            let mut encoder = snap::write::FrameEncoder::new(Vec::new());
            write_all(&mut encoder, chunks)?;
            encoder
                .into_inner()
                .map_err(|_| DeflateFault("the snappy encoder failed"))
        }
        Encoding::Lz4 => {
            // What Go's readers and writers use, but for blocks of 256 KiB where they take 4 MiB.
            let info = FrameInfo::new()
                .block_size(BlockSize::Max256KB)
                .content_checksum(true);
            let mut encoder = Lz4Encoder::with_frame_info(info, Vec::new());
            write_all(&mut encoder, chunks)?;
            encoder
                .finish()
                .map_err(|_| DeflateFault("the lz4 encoder failed"))
        }
    }
}

fn with_kept<T>(work: impl FnOnce(&mut Kept) -> T) -> T {
    let mut kept = KEPT.take().unwrap_or_default();
    let result = work(&mut kept);
    if kept.scratch.capacity() > SCRATCH_KEPT_MAX {
        kept.scratch = Vec::new();
    }
    KEPT.set(Some(kept));
    result
}

fn concatenated<'a>(chunks: impl Iterator<Item = &'a [u8]>, total: usize) -> Vec<u8> {
    let mut whole = Vec::with_capacity(total);
    chunks.for_each(|chunk| whole.extend_from_slice(chunk));
    whole
}

fn write_all<'a>(
    to: &mut impl Write,
    mut chunks: impl Iterator<Item = &'a [u8]>,
) -> Result<(), DeflateFault> {
    chunks
        .try_for_each(|chunk| to.write_all(chunk))
        .map_err(|_| DeflateFault("the encoder failed"))
}

fn gzip<'a>(
    kept: &mut Kept,
    level: Level,
    chunks: impl Iterator<Item = &'a [u8]>,
    total: usize,
) -> Result<Vec<u8>, DeflateFault> {
    let mut sum = Crc::new();
    let summed = chunks.inspect(|chunk| sum.update(chunk));
    let stream = flate(kept, level, summed, total)?;
    // RFC 1952 §2.3.1: the sum, then the size modulo 2^32.
    let (sum, size) = (sum.sum().to_le_bytes(), (total as u32).to_le_bytes());
    Ok([&GZIP_HEADER, stream, &sum, &size].concat())
}

fn zlib<'a>(
    kept: &mut Kept,
    level: Level,
    chunks: impl Iterator<Item = &'a [u8]>,
    total: usize,
) -> Result<Vec<u8>, DeflateFault> {
    let mut sum = Adler32::new();
    let summed = chunks.inspect(|chunk| sum.update(chunk));
    let stream = flate(kept, level, summed, total)?;
    Ok([&ZLIB_HEADER, stream, &sum.sum().to_be_bytes()].concat())
}

/// Compresses into the thread's scratch buffer and returns the part that it fills.
fn flate<'k, 'a>(
    kept: &'k mut Kept,
    level: Level,
    chunks: impl Iterator<Item = &'a [u8]>,
    total: usize,
) -> Result<&'k [u8], DeflateFault> {
    const FAILED: DeflateFault = DeflateFault("the deflate encoder failed");
    let Kept { scratch, flate, .. } = kept;
    let encoder = match flate {
        Some((at_level, encoder)) if *at_level == level => {
            encoder.reset();
            encoder
        }
        slot => {
            let speed = Compression::new(level.get().unsigned_abs());
            &mut slot.insert((level, Compress::new(speed, false))).1
        }
    };
    if scratch.len() < FIRST_MIN + total / FIRST_PART {
        scratch.resize(FIRST_MIN + total / FIRST_PART, 0);
    }
    for chunk in chunks {
        let before = encoder.total_in();
        loop {
            let used = position(encoder.total_in() - before);
            let Some(rest) = chunk.get(used..).filter(|rest| !rest.is_empty()) else {
                break;
            };
            let room = room(scratch, position(encoder.total_out()));
            encoder
                .compress(rest, room, FlushCompress::None)
                .map_err(|_| FAILED)?;
        }
    }
    loop {
        let room = room(scratch, position(encoder.total_out()));
        let status = encoder
            .compress(&[], room, FlushCompress::Finish)
            .map_err(|_| FAILED)?;
        if status == Status::StreamEnd {
            return scratch.get(..position(encoder.total_out())).ok_or(FAILED);
        }
    }
}

/// What is left of `scratch` behind `filled`; doubles it when that is nothing.
fn room(scratch: &mut Vec<u8>, filled: usize) -> &mut [u8] {
    if filled >= scratch.len() {
        scratch.resize(scratch.len() * 2, 0);
    }
    scratch.get_mut(filled..).unwrap_or_default()
}

/// Positions lie within buffers in memory, so they always fit.
fn position(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn zstd<'a>(
    kept: &mut Kept,
    level: Level,
    chunks: impl Iterator<Item = &'a [u8]>,
    total: usize,
) -> Result<Vec<u8>, DeflateFault> {
    let mut encoder = kept
        .zstd
        .take()
        .or_else(CCtx::try_create)
        .ok_or(DeflateFault("no memory for a zstd encoder"))?;
    let body = zstd_frame(&mut encoder, level, chunks, total)
        .map_err(|code| DeflateFault(zstd_safe::get_error_name(code)))?;
    kept.zstd = Some(encoder).filter(|encoder| encoder.sizeof() <= ZSTD_KEPT_MAX);
    Ok(body)
}

/// Writes one frame that declares its size, which lets the reader decode it in one step.
fn zstd_frame<'a>(
    encoder: &mut CCtx<'static>,
    level: Level,
    chunks: impl Iterator<Item = &'a [u8]>,
    total: usize,
) -> Result<Vec<u8>, zstd_safe::ErrorCode> {
    encoder.reset(ResetDirective::SessionAndParameters)?;
    encoder.set_parameter(CParameter::CompressionLevel(level.get()))?;
    encoder.set_pledged_src_size(Some(total as u64))?;
    // The bound holds whatever the bytes are, so the frame never waits for room.
    let mut body = Vec::with_capacity(zstd_safe::compress_bound(total));
    let mut sink = OutBuffer::around(&mut body);
    for chunk in chunks {
        let mut source = InBuffer::around(chunk);
        while source.pos() < chunk.len() {
            encoder.compress_stream2(&mut sink, &mut source, End::ZSTD_e_continue)?;
        }
    }
    while encoder.compress_stream2(&mut sink, &mut InBuffer::around(&[]), End::ZSTD_e_end)? > 0 {}
    body.shrink_to_fit();
    Ok(body)
}

// === impl DeflateFault ===

impl fmt::Display for DeflateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for DeflateFault {}
