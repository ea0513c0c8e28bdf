//! What is written can be read, by ourselves and by others, and the other way round.

use lz4_flex::frame::{BlockMode, BlockSize, FrameInfo};

use super::*;

#[test]
fn every_encoding_gives_back_what_it_was_given() {
    let bodies = [
        vec![],
        vec![7],
        telemetry(477),
        telemetry(250_000),
        noise(300_000),
    ];
    for encoding in ALL {
        for body in &bodies {
            for chunk in [1 + body.len(), 100_000, 1 + body.len() / 7] {
                let level = encoding.level(None).unwrap();
                let encoded = deflate(encoding, level, body.chunks(chunk)).unwrap();
                let decoded = inflated(encoding, &encoded);
                // Only the absence of anything has no encoded form to tell it from.
                let nothing = encoded.is_empty() && encoding != Encoding::Identity;
                assert!(
                    nothing || decoded.as_ref() == Ok(body),
                    "{encoding:?} {}",
                    body.len()
                );
            }
        }
    }
}

#[test]
fn every_level_gives_back_what_it_was_given() {
    let body = telemetry(50_000);
    for encoding in [Encoding::Gzip, Encoding::Zlib, Encoding::Zstd] {
        let sizes: Vec<usize> = [-2, -1, 1, 3, 6, 9]
            .map(|asked| {
                let level = encoding.level(Some(asked)).unwrap();
                let encoded = deflate(encoding, level, body.chunks(9_000)).unwrap();
                assert_eq!(
                    inflated(encoding, &encoded).as_ref(),
                    Ok(&body),
                    "{encoding:?}"
                );
                encoded.len()
            })
            .into();
        assert!(
            sizes[5] < sizes[2],
            "{encoding:?}: level 9 is smaller than level 1 in {sizes:?}"
        );
    }
}

#[test]
fn independent_readers_read_what_is_written() {
    fn read_all(mut reader: impl std::io::Read) -> Vec<u8> {
        let mut body = Vec::new();
        reader.read_to_end(&mut body).unwrap();
        body
    }
    for body in [telemetry(0), telemetry(250_000), noise(1_000_000)] {
        let by = |encoding| deflated(encoding, &body);
        let gzip = by(Encoding::Gzip);
        assert!(read_all(flate2::read::MultiGzDecoder::new(&gzip[..])) == body);
        assert!(read_all(flate2::read::ZlibDecoder::new(&by(Encoding::Zlib)[..])) == body);
        assert!(read_all(flate2::read::ZlibDecoder::new(&by(Encoding::Deflate)[..])) == body);
        assert!(zstd::stream::decode_all(&by(Encoding::Zstd)[..]).unwrap() == body);
        assert!(
            snap::raw::Decoder::new()
                .decompress_vec(&by(Encoding::Snappy))
                .unwrap()
                == body
        );
        assert!(
            read_all(snap::read::FrameDecoder::new(
                &by(Encoding::SnappyFramed)[..]
            )) == body
        );
        assert!(read_all(lz4_flex::frame::FrameDecoder::new(&by(Encoding::Lz4)[..])) == body);
    }
}

#[test]
fn what_independent_writers_write_is_read() {
    let check = |encoding, encoded: &[u8], body: &[u8]| {
        assert!(
            inflated(encoding, encoded).as_deref() == Ok(body),
            "{encoding:?}"
        );
    };
    let lz4 = || FrameInfo::new().block_size(BlockSize::Max64KB);
    for body in [
        telemetry(0),
        telemetry(90),
        telemetry(400_000),
        noise(200_000),
    ] {
        for level in [0, 1, 9] {
            check(Encoding::Gzip, &gzip_by(&body, level), &body);
        }
        check(Encoding::Zlib, &zlib_by(&body), &body);
        check(Encoding::Deflate, &zlib_by(&body), &body);
        check(Encoding::Zstd, &zstd_by(&body, 17), &body);
        check(
            Encoding::Snappy,
            &snap::raw::Encoder::new().compress_vec(&body).unwrap(),
            &body,
        );
        if !body.is_empty() {
            check(Encoding::SnappyFramed, &snappy_framed_by(&body), &body);
            check(Encoding::Snappy, &snappy_framed_by(&body), &body);
        }
        check(Encoding::Lz4, &lz4_by(&body, FrameInfo::new()), &body);
        check(
            Encoding::Lz4,
            &lz4_by(&body, lz4().block_mode(BlockMode::Linked)),
            &body,
        );
        let sized = lz4()
            .content_size(Some(body.len() as u64))
            .block_checksums(true);
        check(
            Encoding::Lz4,
            &lz4_by(&body, sized.content_checksum(true)),
            &body,
        );
        let large = FrameInfo::new().block_size(BlockSize::Max4MB);
        check(
            Encoding::Lz4,
            &lz4_by(&body, large.content_checksum(true)),
            &body,
        );
    }
}

#[test]
fn concatenated_members_and_frames_are_read_to_the_last() {
    let (first, second) = (telemetry(20_000), noise(3_000));
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9];
    let check = |encoding, parts: &[&[u8]], body: &[&[u8]]| {
        assert_eq!(
            inflated(encoding, &parts.concat()),
            Ok(body.concat()),
            "{encoding:?}"
        );
    };
    let (a, b) = (gzip_by(&first, 6), gzip_by(&second, 1));
    check(Encoding::Gzip, &[&a, &b], &[&first, &second]);
    // Equal members declare equal sizes and sums: the last four bytes alone would call them one.
    check(Encoding::Gzip, &[&a, &a], &[&first, &first]);
    let (a, b) = (zstd_by(&first, 17), deflated(Encoding::Zstd, &second));
    check(Encoding::Zstd, &[&a, &skippable, &b], &[&first, &second]);
    check(Encoding::Zstd, &[&b, &a], &[&second, &first]);
    let linked = FrameInfo::new().block_mode(BlockMode::Linked);
    let (a, b) = (lz4_by(&first, linked), deflated(Encoding::Lz4, &second));
    check(
        Encoding::Lz4,
        &[&a, &skippable, &b, &a],
        &[&first, &second, &first],
    );
}

#[test]
fn a_gzip_body_that_contains_the_magic_number_is_still_read() {
    let body = b"\x1f\x8b\x08 and more \x1f\x8b\x08".repeat(50);
    assert_eq!(inflated(Encoding::Gzip, &gzip_by(&body, 0)), Ok(body));
}
