//! LZ4 frames (the LZ4 Frame Format Description, version 1.6.4), decoded block by block into the
//! bounded output.
//!
//! The frame is read here and not by `lz4_flex`, whose reader takes a stream that stops between two
//! blocks for a whole one, and allocates up to 12 MiB for the block size that a frame's header
//! declares.

use std::ops::ControlFlow;

use lz4_flex::block::{DecompressError, decompress_into, decompress_into_with_dict};
use twox_hash::XxHash32;

use super::inflate::{InflateFault, MEMBERS_MAX};
use super::output::{Output, WINDOW};

const MAGIC: u32 = 0x184D_2204;

/// Frames of any content that a reader steps over have the magic numbers from this one to fifteen
/// more.
const MAGIC_SKIPPABLE: u32 = 0x184D_2A50;

/// Set in a block's length if the block is stored as it is.
const STORED: u32 = 1 << 31;

/// A byte of a block yields at most this many.
const BLOCK_RATIO_MAX: usize = 255;

/// A block gets room for this many times its size at first. Most need less, and those that need
/// more are decoded again.
const FIRST_RATIO: usize = 16;

const ENDS_EARLY: InflateFault = InflateFault::Corrupt("the lz4 frame ends early");
const INVALID: InflateFault = InflateFault::Corrupt("the lz4 frame is invalid");
const CHECKSUM: InflateFault = InflateFault::Corrupt("a checksum of the lz4 frame does not match");

/// What a frame's header says.
struct Header {
    block_max: usize,
    linked: bool,
    block_checksums: bool,
    content_checksum: bool,
    content_size: Option<u64>,
}

/// Decodes every frame of `input`.
pub(super) fn inflate(input: &[u8], out: &mut Output<'_>) -> Result<(), InflateFault> {
    out.start(None)?;
    let mut rest = input;
    for _ in 0..MEMBERS_MAX {
        match take_u32(&mut rest)? {
            MAGIC => frame(&mut rest, out)?,
            magic if magic & !0xf == MAGIC_SKIPPABLE => {
                let len = take_u32(&mut rest)?;
                take(&mut rest, usize::try_from(len).unwrap_or(usize::MAX))?;
            }
            _ => return Err(INVALID),
        }
        if rest.is_empty() {
            return Ok(());
        }
    }
    Err(InflateFault::Corrupt(
        "the lz4 body has more than 4096 frames",
    ))
}

fn frame(rest: &mut &[u8], out: &mut Output<'_>) -> Result<(), InflateFault> {
    let header = header(rest)?;
    let start = out.total();
    while block(rest, &header, start, out)?.is_continue() {
        out.forget()?;
    }
    let length = (out.total() - start) as u64;
    if header.content_size.is_some_and(|size| size != length) {
        return Err(InflateFault::Corrupt(
            "the lz4 frame is not as long as it declares",
        ));
    }
    if header.content_checksum {
        let declared = take_u32(rest)?;
        let content = out.bytes.get(out.index(start)..).unwrap_or_default();
        // A pass that counts has not kept what the sum is of.
        if !out.is_counting() && declared != XxHash32::oneshot(0, content) {
            return Err(CHECKSUM);
        }
    }
    Ok(())
}

fn header(rest: &mut &[u8]) -> Result<Header, InflateFault> {
    let from = *rest;
    let (flags, sizes) = (take_u8(rest)?, take_u8(rest)?);
    // Version 1, no dictionary, which would have to be agreed upon, and no reserved bit.
    if flags >> 6 != 1 || flags & 0b11 != 0 || sizes & 0b1000_1111 != 0 {
        return Err(INVALID);
    }
    let block_max = match sizes >> 4 {
        exponent @ 4..=7 => 1_usize << (8 + 2 * exponent),
        _ => return Err(INVALID),
    };
    let content_size = match flags & 0b1000 {
        0 => None,
        _ => take(rest, 8)?
            .first_chunk()
            .map(|&size| u64::from_le_bytes(size)),
    };
    let described = from.get(..from.len() - rest.len()).unwrap_or_default();
    let [_, checksum, ..] = XxHash32::oneshot(0, described).to_le_bytes();
    if take_u8(rest)? != checksum {
        return Err(CHECKSUM);
    }
    Ok(Header {
        block_max,
        linked: flags & 0b10_0000 == 0,
        block_checksums: flags & 0b1_0000 != 0,
        content_checksum: flags & 0b100 != 0,
        content_size,
    })
}

/// Decodes one block of the frame whose output began at `start`; breaks at the end mark.
fn block(
    rest: &mut &[u8],
    header: &Header,
    start: usize,
    out: &mut Output<'_>,
) -> Result<ControlFlow<()>, InflateFault> {
    let len = take_u32(rest)?;
    if len == 0 {
        return Ok(ControlFlow::Break(()));
    }
    let bytes = take(rest, usize::try_from(len & !STORED).unwrap_or(usize::MAX))?;
    if bytes.len() > header.block_max {
        return Err(INVALID);
    }
    if header.block_checksums && take_u32(rest)? != XxHash32::oneshot(0, bytes) {
        return Err(CHECKSUM);
    }
    if len & STORED != 0 {
        stored(bytes, out)?;
    } else {
        compressed(bytes, header, start, out)?;
    }
    Ok(ControlFlow::Continue(()))
}

fn stored(bytes: &[u8], out: &mut Output<'_>) -> Result<(), InflateFault> {
    let copy = |_: &[u8], room: &mut [u8]| {
        let fits = bytes.get(..room.len()).unwrap_or(bytes);
        room.iter_mut().zip(fits).for_each(|(to, from)| *to = *from);
        Ok::<_, DecompressError>(fits.len())
    };
    match out.append(bytes.len(), copy)? {
        Ok(copied) if copied == bytes.len() => Ok(()),
        _ => Err(out.passed()),
    }
}

fn compressed(
    bytes: &[u8],
    header: &Header,
    start: usize,
    out: &mut Output<'_>,
) -> Result<(), InflateFault> {
    let most = header
        .block_max
        .min(bytes.len().saturating_mul(BLOCK_RATIO_MAX));
    let mut room_wanted = most.min(bytes.len().saturating_mul(FIRST_RATIO));
    let start = out.index(start);
    loop {
        let mut room_got = 0;
        let decoded = out.append(room_wanted, |before, room| {
            room_got = room.len();
            if !header.linked {
                return decompress_into(bytes, room);
            }
            let frame = before.get(start..).unwrap_or_default();
            let window = frame
                .get(frame.len().saturating_sub(WINDOW)..)
                .unwrap_or_default();
            decompress_into_with_dict(bytes, room, window)
        })?;
        match decoded {
            Ok(_) if out.total() > out.limit() => return Err(out.passed()),
            Ok(_) => return Ok(()),
            Err(DecompressError::OutputTooSmall { .. }) if room_got < room_wanted => {
                return Err(out.passed());
            }
            Err(DecompressError::OutputTooSmall { .. }) if room_wanted < most => {
                room_wanted = most.min(room_wanted.saturating_mul(4));
            }
            Err(_) => return Err(INVALID),
        }
    }
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], InflateFault> {
    let (taken, after) = rest.split_at_checked(len).ok_or(ENDS_EARLY)?;
    *rest = after;
    Ok(taken)
}

fn take_u8(rest: &mut &[u8]) -> Result<u8, InflateFault> {
    let (&byte, after) = rest.split_first().ok_or(ENDS_EARLY)?;
    *rest = after;
    Ok(byte)
}

fn take_u32(rest: &mut &[u8]) -> Result<u32, InflateFault> {
    let (&bytes, after) = rest.split_first_chunk().ok_or(ENDS_EARLY)?;
    *rest = after;
    Ok(u32::from_le_bytes(bytes))
}
