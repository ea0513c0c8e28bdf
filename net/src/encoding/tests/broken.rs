//! What is broken is refused, and leaves nothing behind.

use lz4_flex::frame::{BlockSize, FrameInfo};
use proptest::prelude::*;

use super::*;

#[test]
fn a_body_cut_anywhere_is_refused() {
    let body = telemetry(700);
    for encoding in ALL.into_iter().skip(1) {
        let encoded = deflated(encoding, &body);
        for cut in 0..encoded.len() {
            let result = inflated(encoding, &encoded[..cut]);
            // The framed Snappy format has no end mark: it may be cut behind its ten-byte start.
            let unmarked = encoding == Encoding::SnappyFramed && cut == 10;
            assert!(
                unmarked || is_corrupt(&result),
                "{encoding:?} cut at {cut}: {result:?}"
            );
        }
    }
}

#[test]
fn an_lz4_frame_cut_between_blocks_is_refused() {
    let info = FrameInfo::new().block_size(BlockSize::Max64KB);
    let encoded = lz4_by(&noise(150_000), info);
    // Header of seven bytes, then a block of 64 KiB that is stored with its four-byte length.
    let cut = 7 + 4 + (64 << 10);
    let fault = InflateFault::Corrupt("the lz4 frame ends early");
    assert_eq!(inflated(Encoding::Lz4, &encoded[..cut]), Err(fault));
}

#[test]
fn bytes_behind_the_end_are_refused() {
    let body = telemetry(700);
    for encoding in ALL.into_iter().skip(1) {
        for garbage in [
            &b"\0"[..],
            b"\x1f\x8b",
            b"garbage that is longer",
            &[0xff; 40],
        ] {
            let encoded = [&deflated(encoding, &body), garbage].concat();
            let result = inflated(encoding, &encoded);
            assert!(is_corrupt(&result), "{encoding:?} {garbage:?}: {result:?}");
        }
    }
}

#[test]
fn a_changed_bit_is_noticed_where_the_format_has_a_checksum() {
    let body = telemetry(300);
    for encoding in [
        Encoding::Gzip,
        Encoding::Zlib,
        Encoding::SnappyFramed,
        Encoding::Lz4,
    ] {
        let encoded = deflated(encoding, &body);
        for bit in 0..encoded.len() * 8 {
            let mut changed = encoded.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let result = inflated(encoding, &changed);
            // A gzip header has bytes without meaning, and a framed chunk may become one that is
            // skipped.
            let harmless = result
                .as_ref()
                .is_ok_and(|bytes| *bytes == body || bytes.is_empty());
            assert!(
                harmless || result.is_err(),
                "{encoding:?} bit {bit}: {result:?}"
            );
        }
    }
}

#[test]
fn a_decoder_is_clean_after_any_kind_of_fault() {
    let (one, two) = (telemetry(60_000), noise(5_000));
    for encoding in ALL.into_iter().skip(1) {
        let good = deflated(encoding, &one);
        let other = deflated(encoding, &two);
        let mut flipped = good.clone();
        flipped[good.len() / 2] ^= 0x55;
        let faulty: [&[u8]; 5] = [
            &good[..good.len() / 2],
            &flipped,
            &good[..good.len() - 1],
            b"not this",
            &other[1..],
        ];
        for broken in faulty {
            let _ = inflated(encoding, broken);
            assert_eq!(inflated(encoding, &good).as_ref(), Ok(&one), "{encoding:?}");
            let _ = inflate_charged(encoding, &good, 1000);
            assert_eq!(
                inflated(encoding, &other).as_ref(),
                Ok(&two),
                "{encoding:?}"
            );
            let _ = inflate(
                encoding,
                &good,
                MIB,
                &mut Purse {
                    charged: 0,
                    limit: 9_000,
                },
            );
            assert_eq!(inflated(encoding, &good).as_ref(), Ok(&one), "{encoding:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_bytes_never_panic_and_never_pass_the_cap(
        input in proptest::collection::vec(any::<u8>(), 0..400),
        start in 0..ALL.len(),
    ) {
        // A valid beginning leads deeper into each decoder than noise would.
        let beginning = deflated(ALL[start], b"beginning");
        for encoding in ALL {
            for bytes in [input.clone(), [&beginning[..beginning.len() / 2], &input].concat()] {
                let (result, charged) = inflate_charged(encoding, &bytes, 5_000);
                prop_assert!(charged <= 5_001);
                prop_assert!(result.is_err() || result.unwrap().len() <= 5_000);
            }
        }
    }

    #[test]
    fn a_damaged_body_never_panics(
        len in 0..3_000_usize,
        at in any::<prop::sample::Index>(),
        with in proptest::collection::vec(any::<u8>(), 1..9),
    ) {
        for encoding in ALL {
            let mut encoded = deflated(encoding, &telemetry(len));
            let at = at.index(encoded.len() + 1);
            encoded.splice(at..encoded.len().min(at + with.len()), with.iter().copied());
            let (_, charged) = inflate_charged(encoding, &encoded, 10_000);
            prop_assert!(charged <= 10_001);
        }
    }

    #[test]
    fn any_list_of_chunks_is_one_body(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..9),
    ) {
        for encoding in ALL {
            let level = encoding.level(None).unwrap();
            let encoded = deflate(encoding, level, chunks.iter().map(Vec::as_slice)).unwrap();
            let body = chunks.concat();
            if !body.is_empty() {
                prop_assert_eq!(inflated(encoding, &encoded), Ok(body));
            }
        }
    }
}
