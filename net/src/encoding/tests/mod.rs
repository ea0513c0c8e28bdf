//! Names and levels; the other files hold what each of their first lines says.

mod broken;
mod limits;
mod offload;
mod round_trip;

use std::io::Write;

use flate2::Compression;
use ledger::Exhausted;
use lz4_flex::frame::FrameInfo;

use super::*;

const ALL: [Encoding; 8] = [
    Encoding::Identity,
    Encoding::Gzip,
    Encoding::Zstd,
    Encoding::Snappy,
    Encoding::SnappyFramed,
    Encoding::Zlib,
    Encoding::Deflate,
    Encoding::Lz4,
];
const MIB: usize = 1 << 20;

/// Counts what it is charged, up to a limit.
struct Purse {
    charged: usize,
    limit: usize,
}

impl Meter for Purse {
    fn charge(&mut self, bytes: usize) -> Result<(), Exhausted> {
        if self.charged + bytes > self.limit {
            return Err(Exhausted);
        }
        self.charged += bytes;
        Ok(())
    }
}

/// Inflates with memory to spare; also says what was charged.
fn inflate_charged(
    encoding: Encoding,
    input: &[u8],
    cap: usize,
) -> (Result<Vec<u8>, InflateFault>, usize) {
    let mut purse = Purse {
        charged: 0,
        limit: usize::MAX,
    };
    let result = inflate(encoding, input, cap, &mut purse);
    if let Ok(bytes) = &result {
        assert_eq!(
            purse.charged,
            bytes.capacity(),
            "{encoding:?} is charged by capacity"
        );
    }
    (result, purse.charged)
}

fn inflated(encoding: Encoding, input: &[u8]) -> Result<Vec<u8>, InflateFault> {
    inflate_charged(encoding, input, 64 * MIB).0
}

fn deflated(encoding: Encoding, body: &[u8]) -> Vec<u8> {
    deflate(encoding, encoding.level(None).unwrap(), [body].into_iter()).unwrap()
}

fn is_corrupt<T>(result: &Result<T, InflateFault>) -> bool {
    matches!(result, Err(InflateFault::Corrupt(_)))
}

/// Bytes that shrink like telemetry: repeated keys, changing ids and counters.
fn telemetry(len: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(len + 100);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    while body.len() < len {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        body.extend_from_slice(&state.to_le_bytes());
        let path = state >> 53;
        write!(
            body,
            "GET /api/v1/items/{path} http.request.method url.scheme https"
        )
        .unwrap();
    }
    body.truncate(len);
    body
}

/// Bytes that do not shrink.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 88172645463325252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..len.div_ceil(8))
        .flat_map(|_| next())
        .take(len)
        .collect()
}

fn gzip_by(body: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new()
        .filename("traces.pb")
        .comment("from elsewhere")
        .extra([1, 2, 3])
        .write(Vec::new(), Compression::new(level));
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zlib_by(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// A frame of undeclared size with a checksum, as a streaming client writes it.
fn zstd_by(body: &[u8], window_log: u32) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.window_log(window_log).unwrap();
    body.chunks(10_000)
        .for_each(|chunk| encoder.write_all(chunk).unwrap());
    encoder.finish().unwrap()
}

fn snappy_framed_by(body: &[u8]) -> Vec<u8> {
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    encoder.write_all(body).unwrap();
    encoder.into_inner().unwrap()
}

fn lz4_by(body: &[u8], info: FrameInfo) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn tokens_are_read_by_protocol_and_without_regard_to_case() {
    let check = |token, grpc, http| {
        assert_eq!(Encoding::from_grpc(token), grpc, "grpc {token:?}");
        assert_eq!(Encoding::from_http(token), http, "http {token:?}");
    };
    check(
        "identity",
        Some(Encoding::Identity),
        Some(Encoding::Identity),
    );
    check("", None, Some(Encoding::Identity));
    check("GZip", Some(Encoding::Gzip), Some(Encoding::Gzip));
    check(" zstd ", Some(Encoding::Zstd), Some(Encoding::Zstd));
    check(
        "snappy",
        Some(Encoding::SnappyFramed),
        Some(Encoding::Snappy),
    );
    check("x-snappy-framed", None, Some(Encoding::SnappyFramed));
    check("zlib", None, Some(Encoding::Zlib));
    check("deflate", None, Some(Encoding::Deflate));
    check("LZ4", None, Some(Encoding::Lz4));
    check("br", None, None);
    check("gzip, zstd", None, None);
}

#[test]
fn every_name_reads_back_as_its_encoding_and_every_accepted_token_is_known() {
    for encoding in ALL {
        assert_eq!(Encoding::from_http(encoding.http_name()), Some(encoding));
        if let Some(name) = encoding.grpc_name() {
            assert_eq!(Encoding::from_grpc(name), Some(encoding));
        }
    }
    assert!(
        GRPC_ACCEPT
            .split(',')
            .all(|token| Encoding::from_grpc(token).is_some())
    );
    assert!(
        HTTP_ACCEPT
            .split(',')
            .all(|token| Encoding::from_http(token).is_some())
    );
}

#[test]
fn a_setting_means_the_format_of_its_protocol() {
    let check = |setting: &str, grpc, http| {
        let compression = setting.parse().unwrap();
        assert_eq!(Encoding::on_grpc(compression), grpc, "grpc {setting}");
        assert_eq!(Encoding::on_http(compression), http, "http {setting}");
    };
    check("none", Some(Encoding::Identity), Encoding::Identity);
    check("gzip", Some(Encoding::Gzip), Encoding::Gzip);
    check("zstd", Some(Encoding::Zstd), Encoding::Zstd);
    check("snappy", Some(Encoding::SnappyFramed), Encoding::Snappy);
    check("x-snappy-framed", None, Encoding::SnappyFramed);
    check("zlib", None, Encoding::Zlib);
    check("deflate", None, Encoding::Deflate);
    check("lz4", None, Encoding::Lz4);
}

#[test]
fn levels_have_the_limits_of_the_collector() {
    let check = |encoding: Encoding, asked, expected: Result<i32, &str>| {
        let level = encoding
            .level(asked)
            .map(Level::get)
            .map_err(|fault| fault.to_string());
        assert_eq!(
            level,
            expected.map_err(str::to_owned),
            "{encoding:?} {asked:?}"
        );
    };
    check(Encoding::Gzip, None, Ok(1));
    check(Encoding::Gzip, Some(0), Ok(1));
    check(Encoding::Gzip, Some(-1), Ok(6));
    check(Encoding::Zlib, Some(-2), Ok(1));
    check(Encoding::Deflate, Some(9), Ok(9));
    let flate = "gzip has no level 10: use -2 to 9, or leave it out";
    check(Encoding::Gzip, Some(10), Err(flate));
    check(
        Encoding::Zlib,
        Some(-3),
        Err("zlib has no level -3: use -2 to 9, or leave it out"),
    );
    for (asked, expected) in [(-5, 1), (0, 1), (2, 1), (3, 3), (6, 7), (10, 11), (99, 11)] {
        check(Encoding::Zstd, Some(asked), Ok(expected));
    }
    check(Encoding::Snappy, Some(0), Ok(0));
    check(
        Encoding::Lz4,
        Some(1),
        Err("lz4 has no levels: leave `level` out (found 1)"),
    );
    check(Encoding::Identity, Some(5), Ok(0));
}
