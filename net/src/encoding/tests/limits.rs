//! What is too large, or claims to be, stops early.

use ledger::Budget;
use lz4_flex::frame::{BlockSize, FrameInfo};

use super::*;

#[test]
fn the_cap_is_exact() {
    let body = telemetry(30_000);
    for encoding in ALL {
        let encoded = deflated(encoding, &body);
        let (at_cap, _) = inflate_charged(encoding, &encoded, body.len());
        assert_eq!(at_cap.as_ref(), Ok(&body), "{encoding:?}");
        let cap = body.len() - 1;
        let (over, charged) = inflate_charged(encoding, &encoded, cap);
        assert_eq!(over, Err(InflateFault::TooLarge { cap }), "{encoding:?}");
        assert!(charged <= body.len(), "{encoding:?} was charged {charged}");
    }
}

#[test]
fn a_bomb_stops_at_the_cap_and_one_of_high_ratio_before_it() {
    let zeros = vec![0; 8 * MIB];
    let too_large = |cap| InflateFault::TooLarge { cap };
    // Snappy cannot exceed 22 to 1, so only the cap stops it; LZ4 reaches 255, the others more.
    let check = |encoding: Encoding, cap: usize, fault| {
        let level = encoding.level(Some(9)).or(encoding.level(None)).unwrap();
        let encoded = deflate(encoding, level, [&zeros[..]].into_iter()).unwrap();
        let most = cap.min(MIB.max(encoded.len() * RATIO_MAX)) + 1;
        let (result, charged) = inflate_charged(encoding, &encoded, cap);
        assert_eq!(
            result,
            Err(fault),
            "{encoding:?} with {} bytes",
            encoded.len()
        );
        assert!(
            charged <= most,
            "{encoding:?} was charged {charged}, may be {most}"
        );
    };
    for encoding in [
        Encoding::Gzip,
        Encoding::Zlib,
        Encoding::Deflate,
        Encoding::Zstd,
    ] {
        check(encoding, 4096, too_large(4096));
        check(encoding, 7 * MIB, InflateFault::Ratio);
    }
    check(Encoding::Lz4, 3 * MIB, too_large(3 * MIB));
    check(Encoding::Lz4, 7 * MIB, InflateFault::Ratio);
    check(Encoding::Snappy, 3 * MIB, too_large(3 * MIB));
    check(Encoding::SnappyFramed, 3 * MIB, too_large(3 * MIB));
}

/// Streams that do not say how much they hold.
fn undeclared(body: &[u8]) -> Vec<(Encoding, Vec<u8>)> {
    let linked = FrameInfo::new().block_mode(lz4_flex::frame::BlockMode::Linked);
    let members = |encoding: Encoding| deflated(encoding, body).repeat(2);
    let zstd = {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.include_contentsize(false).unwrap();
        encoder.write_all(body).unwrap();
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    };
    vec![
        (Encoding::Gzip, members(Encoding::Gzip)),
        (Encoding::Zlib, zlib_by(&body.repeat(2))),
        (Encoding::Zstd, zstd),
        (Encoding::SnappyFramed, snappy_framed_by(&body.repeat(2))),
        (Encoding::Lz4, lz4_by(&body.repeat(2), linked)),
        (Encoding::Lz4, members(Encoding::Lz4)),
    ]
}

#[test]
fn a_large_body_of_no_declared_size_is_counted_first_and_then_read() {
    let body = telemetry(5 * MIB);
    for (encoding, encoded) in undeclared(&body) {
        let (result, charged) = inflate_charged(encoding, &encoded, 10 * MIB);
        assert!(result == Ok(body.repeat(2)), "{encoding:?}");
        assert!(
            charged <= 10 * MIB + 1,
            "{encoding:?} was charged {charged}"
        );
        let (result, charged) = inflate_charged(encoding, &encoded, 10 * MIB - 1);
        let cap = 10 * MIB - 1;
        assert!(
            result == Err(InflateFault::TooLarge { cap }),
            "{encoding:?}"
        );
        assert!(charged <= 8 * MIB, "{encoding:?} was charged {charged}");
    }
}

#[test]
fn the_ratio_is_not_looked_at_below_one_mebibyte() {
    let zeros = vec![0; RATIO_FREE];
    for encoding in ALL {
        assert_eq!(
            inflated(encoding, &deflated(encoding, &zeros)).map(|b| b.len()),
            Ok(MIB)
        );
    }
}

#[test]
fn a_lying_declared_size_buys_no_memory() {
    let body = telemetry(2_000);
    let mut huge_gzip = gzip_by(&body, 6);
    let isize_at = huge_gzip.len() - 4;
    huge_gzip[isize_at..].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut zero_gzip = huge_gzip.clone();
    zero_gzip[isize_at..].copy_from_slice(&[0; 4]);
    let snappy = [&[0xff, 0xff, 0xff, 0xff, 0x0f][..], &[0; 100]].concat();
    // Magic number, a single segment, an eight-byte size, then an empty last block.
    let zstd = [
        &[0x28, 0xb5, 0x2f, 0xfd, 0xe0][..],
        &[0xff; 7],
        &[0, 1, 0, 0],
    ]
    .concat();
    let check = |encoding, encoded: &[u8], most: usize, expected: fn(&InflateFault) -> bool| {
        let (result, charged) = inflate_charged(encoding, encoded, 64 * MIB);
        assert!(
            result.as_ref().is_err_and(expected),
            "{encoding:?}: {result:?}"
        );
        assert!(charged <= most, "{encoding:?} was charged {charged}");
    };
    let corrupt = |fault: &InflateFault| matches!(fault, InflateFault::Corrupt(_));
    check(Encoding::Gzip, &huge_gzip, 2 * body.len(), corrupt);
    check(Encoding::Gzip, &zero_gzip, 2 * body.len(), corrupt);
    check(Encoding::Snappy, &snappy, 0, corrupt);
    check(Encoding::Zstd, &zstd, 0, |fault| {
        *fault == InflateFault::Ratio
    });
}

#[test]
fn a_block_size_declared_by_an_lz4_frame_buys_no_memory() {
    let info = FrameInfo::new().block_size(BlockSize::Max4MB);
    let (result, charged) = inflate_charged(Encoding::Lz4, &lz4_by(b"tiny", info), 64 * MIB);
    assert_eq!(result.as_deref(), Ok(&b"tiny"[..]));
    assert!(charged <= 4096, "was charged {charged}");
}

#[test]
fn a_window_over_8_mib_is_refused() {
    let body = telemetry(300_000);
    assert_eq!(
        inflated(Encoding::Zstd, &zstd_by(&body, 23)).as_ref(),
        Ok(&body)
    );
    assert!(is_corrupt(&inflated(Encoding::Zstd, &zstd_by(&body, 24))));
}

#[test]
fn members_without_end_are_refused() {
    for (encoding, empty) in [
        (Encoding::Gzip, deflated(Encoding::Gzip, b"")),
        (Encoding::Zstd, deflated(Encoding::Zstd, b"")),
        (Encoding::Lz4, deflated(Encoding::Lz4, b"")),
    ] {
        assert_eq!(
            inflated(encoding, &empty.repeat(4096)),
            Ok(vec![]),
            "{encoding:?}"
        );
        assert!(
            is_corrupt(&inflated(encoding, &empty.repeat(4097))),
            "{encoding:?}"
        );
    }
}

#[test]
fn an_exhausted_meter_stops_every_encoding_before_it_allocates() {
    let body = telemetry(100_000);
    for encoding in ALL {
        let mut purse = Purse {
            charged: 0,
            limit: 40_000,
        };
        let result = inflate(encoding, &deflated(encoding, &body), MIB, &mut purse);
        assert_eq!(result, Err(InflateFault::Exhausted), "{encoding:?}");
    }
}

#[test]
fn a_lease_is_a_meter() {
    let budget = Budget::new(1 << 20);
    let mut lease = budget.lease();
    let encoded = deflated(Encoding::Gzip, &telemetry(10_000));
    let bytes = inflate(Encoding::Gzip, &encoded, MIB, &mut lease).unwrap();
    assert_eq!(lease.bytes(), bytes.capacity() as u64);
    drop(lease);
    assert_eq!(budget.used(), 0);
}
