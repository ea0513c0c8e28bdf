//! Bodies that unfold to far more than was sent.

use std::io::{Read, Write};

use benches::grpc::{INVALID_ARGUMENT, RESOURCE_EXHAUSTED};
use flate2::write::{DeflateEncoder, GzEncoder};
use flate2::{Compression, FlushCompress};

use super::{Row, besiege};

const MIB: usize = 1 << 20;

/// What each bomb unfolds to.
const UNFOLDED: usize = 1 << 30;

#[test]
fn a_compression_bomb_is_refused_before_it_unfolds() {
    let bomb = |name, body, http, grpc| {
        Row::protobuf(name, body, 413, RESOURCE_EXHAUSTED).coded(http, grpc)
    };
    besiege([
        bomb("a gzip bomb", gzip(UNFOLDED), "gzip", Some("gzip")),
        bomb("a zlib bomb", zlib(UNFOLDED), "deflate", None),
        bomb("a zlib bomb by its name", zlib(UNFOLDED), "zlib", None),
        bomb("a zstd bomb", zstd(UNFOLDED), "zstd", Some("zstd")),
        bomb("a snappy bomb", snappy_block(128 * MIB), "snappy", None),
        bomb(
            "framed snappy",
            snappy_framed(128 * MIB),
            "x-snappy-framed",
            Some("snappy"),
        ),
        bomb(
            "framed snappy by the name of the block",
            snappy_framed(128 * MIB),
            "snappy",
            None,
        ),
        bomb("an lz4 bomb", lz4(256 * MIB), "lz4", None),
        bomb(
            "gzip members",
            gzip(64 * MIB).repeat(8),
            "gzip",
            Some("gzip"),
        ),
        bomb(
            "zstd frames",
            zstd(64 * MIB).repeat(8),
            "zstd",
            Some("zstd"),
        ),
        bomb(
            "an lz4 bomb in frames",
            lz4(64 * MIB).repeat(4),
            "lz4",
            None,
        ),
    ]);
}

#[test]
fn a_bomb_within_a_bomb_is_unfolded_once() {
    // Noise around it keeps the outer ratio low, so that the inner one is what is seen.
    let hidden = |bomb: Vec<u8>| gzip_of(&[bomb, noise(MIB)].concat());
    let nested = hidden(gzip(64 * MIB));
    let bad = |name, body: &[u8], http, grpc| {
        Row::protobuf(name, body.to_vec(), 400, INVALID_ARGUMENT).coded(http, grpc)
    };
    besiege([
        bad("gzip in gzip", &nested, "gzip", Some("gzip")),
        bad(
            "zstd in gzip",
            &hidden(zstd(UNFOLDED)),
            "gzip",
            Some("gzip"),
        ),
        bad("two codings in one header", &nested, "gzip, gzip", None),
        bad("an unknown coding", &nested, "br", None),
    ]);
}

#[test]
fn a_body_that_only_costs_a_decoder_its_time_is_refused() {
    let bad = |name, body: Vec<u8>, coding| {
        Row::protobuf(name, body, 400, INVALID_ARGUMENT).coded(coding, Some(coding))
    };
    // A skippable frame of no bytes, RFC 8878 §3.1.2.
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0];
    let empty = zstd::stream::encode_all(&[][..], 1).unwrap();
    besiege([
        bad("empty gzip members", gzip_of(&[]).repeat(100_000), "gzip"),
        bad("empty zstd frames", empty.repeat(200_000), "zstd"),
        bad("skippable zstd frames", skippable.repeat(400_000), "zstd"),
        bad("a zstd window of 128 MiB", zstd_window(27), "zstd"),
        bad("a zstd window of 2 GiB", zstd_window(31), "zstd"),
        bad("noise named gzip", noise(4 * MIB), "gzip"),
        bad("noise named zstd", noise(4 * MIB), "zstd"),
        bad("empty stored blocks", stored(2 * MIB), "gzip"),
    ]);
}

fn zeros(bytes: usize) -> impl Read {
    std::io::repeat(0).take(bytes as u64)
}

fn gzip_of(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// A bare deflate stream of zeros: one MiB is deflated, and the block repeated.
fn deflated(bytes: usize) -> Vec<u8> {
    let mut encoder = flate2::Compress::new(Compression::new(9), false);
    let mut block = Vec::with_capacity(MIB);
    encoder
        .compress_vec(&vec![0; MIB], &mut block, FlushCompress::Full)
        .unwrap();
    let mut stream = block.repeat(bytes / MIB);
    let mut end = DeflateEncoder::new(Vec::new(), Compression::new(1));
    end.write_all(&[]).unwrap();
    stream.extend(end.finish().unwrap());
    stream
}

fn gzip(bytes: usize) -> Vec<u8> {
    let mut body = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    body.extend(deflated(bytes));
    let mut sum = flate2::Crc::new();
    let zeros = vec![0; MIB];
    (0..bytes / MIB).for_each(|_| sum.update(&zeros));
    body.extend(sum.sum().to_le_bytes());
    body.extend((bytes as u32).to_le_bytes());
    body
}

/// Its checksum is wrong, which nobody may come to see.
fn zlib(bytes: usize) -> Vec<u8> {
    [&[0x78, 0xda][..], &deflated(bytes), &[0; 4]].concat()
}

fn zstd(bytes: usize) -> Vec<u8> {
    zstd::stream::encode_all(zeros(bytes), 1).unwrap()
}

/// The start of a frame whose window is two to this power, and a block of a million zeros.
/// Source: RFC 8878 §3.1.1.
fn zstd_window(log: u8) -> Vec<u8> {
    let descriptor = (log - 10) << 3;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, descriptor];
    for last in [0, 1] {
        // A run-length block of 128 KiB.
        let header = (128_u32 << 10) << 3 | 1 << 1 | last;
        frame.extend(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

/// One literal and copies of 64 bytes of what came just before: three bytes each.
fn snappy_block(bytes: usize) -> Vec<u8> {
    let copies = bytes / 64;
    let mut block = Vec::new();
    otlp::wire::put_varint(&mut block, (copies * 64 + 1) as u64);
    block.extend([0, 0]);
    block.extend([0xfe, 1, 0].repeat(copies));
    block
}

fn snappy_framed(bytes: usize) -> Vec<u8> {
    const CHUNK: usize = 64 << 10;
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    encoder.write_all(&vec![0; CHUNK]).unwrap();
    let one = encoder.into_inner().unwrap();
    // The first ten bytes name the format; a chunk follows.
    let (start, chunk) = one.split_at(10);
    [start, &chunk.repeat(bytes / CHUNK)].concat()
}

/// A frame of independent blocks of 4 MiB.
fn lz4(bytes: usize) -> Vec<u8> {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    const BLOCK: usize = 4 * MIB;
    let info = FrameInfo::new()
        .block_size(BlockSize::Max4MB)
        .block_mode(BlockMode::Independent);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(&vec![0; BLOCK]).unwrap();
    let frame = encoder.finish().unwrap();
    // Seven bytes of header, four of the end.
    let (start, rest) = frame.split_at(7);
    let (block, end) = rest.split_at(rest.len() - 4);
    [start, &block.repeat(bytes / BLOCK), end].concat()
}

/// A gzip member of nothing but empty stored blocks.
fn stored(bytes: usize) -> Vec<u8> {
    let mut body = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    body.extend([0, 0, 0, 0xff, 0xff].repeat(bytes / 5));
    body
}

/// Bytes without a pattern.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = |_| {
        // Knuth's generator; the upper bits are the good ones.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    (0..bytes).map(next).collect()
}
