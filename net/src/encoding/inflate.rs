//! From an encoded body to its bytes, within caps.

use std::cell::Cell;
use std::fmt;
use std::io::Read;

use flate2::{Decompress, DecompressError, FlushDecompress, Status};
use ledger::{Exhausted, Lease};
use libdeflater::Decompressor;
use zstd::zstd_safe::{self, DCtx, DParameter, InBuffer, OutBuffer, ResetDirective};

use super::output::Output;
use super::{Encoding, lz4};

/// A body may grow to this many times its encoded size. Requests of ordinary spans grow seven to
/// nine times; deflate reaches 1,032 and zstd 32,000 with nothing but padding inside.
pub const RATIO_MAX: usize = 200;

/// Up to this many decoded bytes the ratio is not looked at: a small body of equal items is
/// legitimate, and harmless.
pub const RATIO_FREE: usize = 1 << 20;

/// The largest zstd window accepted, 8 MiB, as RFC 9659 asks of HTTP: a thread's decoder may come
/// to hold as much.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Concatenated gzip members, zstd or LZ4 frames in one body. Each costs a decoder's start, so that
/// a body of nothing but empty members would buy seconds of work; block-wise writers make one per
/// 64 KiB.
pub(super) const MEMBERS_MAX: usize = 4096;

/// No element of a Snappy block yields more: three bytes stand for 64.
const SNAPPY_RATIO_MAX: usize = 22;

/// The first chunk of every framed Snappy stream.
const SNAPPY_FRAMED_START: &[u8] = b"\xff\x06\0\0sNaPpY";

/// A framed Snappy chunk decodes to at most this.
const SNAPPY_CHUNK_MAX: usize = 64 << 10;

/// The first three bytes of every gzip member: magic number and the only compression method.
const GZIP_START: &[u8] = b"\x1f\x8b\x08";

/// Bytes that a flate decoder is given room for at once. The room is zeroed first: with all of a
/// large buffer, a body of four thousand empty members would be seconds of zeroing.
const FLATE_STEP: usize = 64 << 10;

/// Header, an empty deflate stream, trailer: no gzip member is shorter.
const GZIP_LEN_MIN: usize = 20;

/// Who pays for decoded bytes.
pub trait Meter {
    /// Charges `bytes` that are about to be allocated, or refuses them all.
    fn charge(&mut self, bytes: usize) -> Result<(), Exhausted>;
}

/// Why a body could not be inflated, by whose move it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InflateFault {
    /// The sender must make smaller requests: the decoded body passes `cap` bytes.
    TooLarge { cap: usize },
    /// The decoded body passes [`RATIO_MAX`] times the encoded one: a decompression bomb.
    Ratio,
    /// The sender's encoder is broken, or it named another encoding than it used.
    Corrupt(&'static str),
    /// The sender may try again: the memory budget has no room.
    Exhausted,
}

const ENDS_EARLY: InflateFault = InflateFault::Corrupt("the compressed body ends early");
const TOO_MANY_MEMBERS: InflateFault =
    InflateFault::Corrupt("the compressed body has more than 4096 members");

thread_local! {
    // A decoder is taken out while it works, so that one that is lost to a panic is replaced by a
    // fresh one.
    static GZIP: Cell<Option<Decompressor>> = const { Cell::new(None) };
    static ZSTD: Cell<Option<DCtx<'static>>> = const { Cell::new(None) };
}

/// Inflates the whole of `input`, which is a complete body.
///
/// At most `cap` bytes come out, and `meter` is charged for the output's capacity before each
/// allocation. Concatenated gzip members and zstd or LZ4 frames are read to the last; anything
/// behind them is a fault.
pub fn inflate(
    encoding: Encoding,
    input: &[u8],
    cap: usize,
    meter: &mut dyn Meter,
) -> Result<Vec<u8>, InflateFault> {
    let mut out = Output::new(input.len(), cap, meter);
    let decoded = decode(encoding, input, &mut out);
    if out.is_stopped() {
        out.count();
        decode(encoding, input, &mut out)?;
        out.keep()?;
        decode(encoding, input, &mut out)?;
    } else {
        decoded?;
    }
    out.finish()
}

fn decode(encoding: Encoding, input: &[u8], out: &mut Output<'_>) -> Result<(), InflateFault> {
    match encoding {
        Encoding::Identity => identity(input, out),
        // No format has a representation of zero bytes.
        _ if input.is_empty() => Err(ENDS_EARLY),
        Encoding::Gzip => gzip(input, out),
        Encoding::Zstd => zstd(input, out),
        Encoding::Snappy if input.starts_with(SNAPPY_FRAMED_START) => snappy_framed(input, out),
        Encoding::Snappy => snappy_block(input, out),
        Encoding::SnappyFramed => snappy_framed(input, out),
        Encoding::Zlib | Encoding::Deflate => zlib(input, out),
        Encoding::Lz4 => lz4::inflate(input, out),
    }
}

fn identity(input: &[u8], out: &mut Output<'_>) -> Result<(), InflateFault> {
    if input.len() > out.limit() {
        return Err(out.passed());
    }
    out.reserve(input.len())?;
    out.bytes.extend_from_slice(input);
    Ok(())
}

/// Tries the fast one-shot decoder, which must know the size; whatever it does not finish is
/// decoded member by member.
fn gzip(input: &[u8], out: &mut Output<'_>) -> Result<(), InflateFault> {
    let declared = gzip_single_size(input);
    out.start(declared)?;
    if let Some(size) = declared.filter(|&size| out.plausible(size)) {
        let mut decoder = GZIP.take().unwrap_or_default();
        out.bytes.resize(size, 0);
        let decoded = decoder.gzip_decompress(input, &mut out.bytes);
        GZIP.set(Some(decoder));
        if decoded == Ok(size) {
            return Ok(());
        }
        out.bytes.clear();
    }
    let mut rest = input;
    for _ in 0..MEMBERS_MAX {
        let used = flate(&mut Decompress::new_gzip(15), rest, out)?;
        rest = rest.get(used..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(());
        }
    }
    Err(TOO_MANY_MEMBERS)
}

/// The decoded size that a gzip body of certainly one member declares in its last four bytes,
/// modulo 2^32.
///
/// The one-shot decoder stops silently behind the first member. A second one would have to begin
/// with the same three bytes, so a body that has them nowhere but at its start loses nothing. Bytes
/// behind the member that are none, and end as it ends, go unnoticed; all others make the sizes
/// differ.
fn gzip_single_size(input: &[u8]) -> Option<usize> {
    if input.len() < GZIP_LEN_MIN || !input.starts_with(GZIP_START) {
        return None;
    }
    if memchr::memmem::find(input.get(GZIP_START.len()..)?, GZIP_START).is_some() {
        return None;
    }
    let size = u32::from_le_bytes(*input.last_chunk::<4>()?);
    usize::try_from(size).ok()
}

fn zlib(input: &[u8], out: &mut Output<'_>) -> Result<(), InflateFault> {
    out.start(None)?;
    let used = flate(&mut Decompress::new(true), input, out)?;
    if used < input.len() {
        return Err(InflateFault::Corrupt(
            "bytes follow the end of the zlib stream",
        ));
    }
    Ok(())
}

/// Decodes one gzip member or zlib stream with a fresh decoder; returns how many bytes of `input`
/// it spans.
fn flate(
    decoder: &mut Decompress,
    input: &[u8],
    out: &mut Output<'_>,
) -> Result<usize, InflateFault> {
    let read = |decoder: &Decompress| usize::try_from(decoder.total_in()).unwrap_or(usize::MAX);
    loop {
        out.room()?;
        let rest = input.get(read(decoder)..).unwrap_or_default();
        let spare = out.bytes.capacity() - out.bytes.len();
        let (mut ended, mut filled) = (false, false);
        let decoded = out.append(spare.min(FLATE_STEP), |_, room| {
            let before = decoder.total_out();
            let status = decoder.decompress(rest, room, FlushDecompress::None)?;
            let written = usize::try_from(decoder.total_out() - before).unwrap_or(usize::MAX);
            (ended, filled) = (status == Status::StreamEnd, written >= room.len());
            Ok::<_, DecompressError>(written)
        })?;
        match decoded {
            Err(_) => {
                let what = "the gzip or zlib stream is invalid";
                return Err(InflateFault::Corrupt(what));
            }
            Ok(_) if ended => return Ok(read(decoder)),
            Ok(_) if filled => {}
            Ok(_) => return Err(ENDS_EARLY),
        }
    }
}

fn zstd(input: &[u8], out: &mut Output<'_>) -> Result<(), InflateFault> {
    // A frame that declares more than may come out needs no decoding to be refused: it is too
    // large, or it lies.
    let declared = zstd_safe::get_frame_content_size(input).ok().flatten();
    let declared = declared.map(|size| usize::try_from(size).unwrap_or(usize::MAX));
    if declared.is_some_and(|size| size > out.limit()) {
        return Err(out.passed());
    }
    out.start(declared)?;
    let Some(mut decoder) = ZSTD.take().or_else(DCtx::try_create) else {
        return Err(InflateFault::Exhausted);
    };
    let result = zstd_frames(&mut decoder, input, out);
    ZSTD.set(Some(decoder));
    result.map_err(|stop| match stop {
        ZstdStop::Fault(fault) => fault,
        ZstdStop::Code(code) => InflateFault::Corrupt(zstd_safe::get_error_name(code)),
    })
}

/// Either kind of reason to stop, so that `?` serves both.
enum ZstdStop {
    Fault(InflateFault),
    Code(zstd_safe::ErrorCode),
}

fn zstd_frames(
    decoder: &mut DCtx<'static>,
    input: &[u8],
    out: &mut Output<'_>,
) -> Result<(), ZstdStop> {
    // Whatever the last body left behind is dropped first, tables and half-read frames included.
    decoder.reset(ResetDirective::SessionAndParameters)?;
    decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX))?;
    let mut source = InBuffer::around(input);
    let mut frames = 0;
    while frames < MEMBERS_MAX {
        out.room()?;
        let at = out.bytes.len();
        let mut sink = OutBuffer::around_pos(&mut out.bytes, at);
        let wanted = decoder.decompress_stream(&mut sink, &mut source)?;
        let read_all = source.pos() == input.len();
        match wanted {
            0 if read_all => return Ok(()),
            0 => frames += 1,
            _ if read_all && !out.is_full() => return Err(ENDS_EARLY.into()),
            _ => {}
        }
    }
    Err(TOO_MANY_MEMBERS.into())
}

/// The declared size is allocated at once, since a block cannot be decoded in steps: but only if
/// the block is long enough to hold that much.
fn snappy_block(input: &[u8], out: &mut Output<'_>) -> Result<(), InflateFault> {
    const INVALID: InflateFault = InflateFault::Corrupt("the snappy block is invalid");
    let size = snap::raw::decompress_len(input).map_err(|_| INVALID)?;
    if size > input.len().saturating_mul(SNAPPY_RATIO_MAX) {
        return Err(INVALID);
    }
    if size > out.limit() {
        return Err(out.passed());
    }
    out.reserve(size)?;
    out.append(size, |_, room| {
        snap::raw::Decoder::new().decompress(input, room)
    })?
    .map_err(|_| INVALID)?;
    Ok(())
}

fn snappy_framed(input: &[u8], out: &mut Output<'_>) -> Result<(), InflateFault> {
    out.start(None)?;
    let mut decoder = snap::read::FrameDecoder::new(input);
    loop {
        out.room()?;
        let spare = out.bytes.capacity() - out.bytes.len();
        match out.append(spare.min(SNAPPY_CHUNK_MAX), |_, room| decoder.read(room))? {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(fault) if fault.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(ENDS_EARLY);
            }
            Err(_) => return Err(InflateFault::Corrupt("the framed snappy stream is invalid")),
        }
    }
}

// === impl Meter ===

impl Meter for Lease {
    fn charge(&mut self, bytes: usize) -> Result<(), Exhausted> {
        self.try_grow(bytes)
    }
}

// === impl InflateFault ===

impl fmt::Display for InflateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { cap } => {
                write!(
                    f,
                    "the decompressed body is larger than {cap} bytes: send smaller requests"
                )
            }
            Self::Ratio => write!(
                f,
                "the body decompresses to over {RATIO_MAX} times its size"
            ),
            Self::Corrupt(what) => f.write_str(what),
            Self::Exhausted => write!(f, "{Exhausted}"),
        }
    }
}

impl std::error::Error for InflateFault {}

// === impl ZstdStop ===

impl From<InflateFault> for ZstdStop {
    fn from(fault: InflateFault) -> Self {
        Self::Fault(fault)
    }
}

impl From<zstd_safe::ErrorCode> for ZstdStop {
    fn from(code: zstd_safe::ErrorCode) -> Self {
        Self::Code(code)
    }
}
