//! Lengths that lie. Nothing is reserved for what is only declared.

use benches::grpc::{INVALID_ARGUMENT, RESOURCE_EXHAUSTED};

use super::{EXPORT, Row, SOON, Siege, besiege};
use crate::rig::http1::Connection;
use crate::rig::http2::{self, framed};
use crate::rig::{block_on, requests};

#[test]
fn a_length_in_a_body_is_not_believed() {
    let bad = |name, body: &[u8]| Row::protobuf(name, body.to_vec(), 400, INVALID_ARGUMENT);
    let coded = |name, body: &[u8], http, grpc| bad(name, body).coded(http, grpc);
    let large = |name, body: &[u8], http, grpc| {
        Row::protobuf(name, body.to_vec(), 413, RESOURCE_EXHAUSTED).coded(http, grpc)
    };
    let resource = |inner: &[u8]| [&[0x0a, inner.len() as u8], inner].concat();
    besiege([
        bad("a field longer than the body", &[0x0a, 0x7f]),
        bad("a field of 4 GiB", &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        bad(
            "a field of 2^63 bytes",
            &[&[0x0a][..], &[0xff; 9], &[0x7f]].concat(),
        ),
        bad(
            "a length of ten bytes and more",
            &[&[0x0a][..], &[0xff; 12]].concat(),
        ),
        bad(
            "a length that never ends",
            &[&[0x0a][..], &[0x80; 4096]].concat(),
        ),
        bad("a tag that never ends", &[0x80; 4096]),
        bad("field number zero", &[0x02, 0x00]),
        bad("an unknown wire type", &[0x0e, 0x00]),
        bad("a group that ends without a start", &[0x0c]),
        bad(
            "a scope longer than its resource",
            &resource(&[0x12, 0x10, 0x0a]),
        ),
        bad("half a fixed number", &resource(&[0x11, 0x00])),
        coded(
            "a snappy block of 4 GiB",
            &[0xff, 0xff, 0xff, 0xff, 0x0f, 0],
            "snappy",
            None,
        ),
        coded(
            "a snappy chunk of 16 MiB",
            &snappy_chunk(),
            "x-snappy-framed",
            Some("snappy"),
        ),
        large(
            "a zstd frame of 1 TiB",
            &zstd_of(1 << 40),
            "zstd",
            Some("zstd"),
        ),
        large(
            "a zstd frame of 60 MiB",
            &zstd_of(60 << 20),
            "zstd",
            Some("zstd"),
        ),
        coded("an lz4 frame of 1 TiB", &lz4_of(1 << 40), "lz4", None),
        coded("an lz4 block of 2 GiB", &lz4_block(), "lz4", None),
        coded(
            "a gzip trailer of 4 GiB",
            &gzip_of_4gib(),
            "gzip",
            Some("gzip"),
        ),
    ]);
}

#[test]
fn a_message_is_as_long_as_it_is_whatever_its_prefix_says() {
    let siege = Siege::begin();
    let body = requests::one_span();
    for (name, length) in [
        ("4 GiB", u32::MAX),
        ("one byte more", body.len() as u32 + 1),
        ("one byte less", body.len() as u32 - 1),
        ("nothing", 0),
    ] {
        siege.attack(name, SOON, |service| {
            let mut message = framed(false, &body);
            message[1..5].copy_from_slice(&length.to_be_bytes());
            let reply = block_on(http2::call(service.grpc(), EXPORT, message));
            assert_eq!(reply.grpc_status(), INVALID_ARGUMENT, "{name}: {reply:?}");
        });
    }
    for (name, message) in [
        ("no prefix", body[..4].to_vec()),
        ("two messages", framed(false, &body).repeat(2)),
        (
            "a flag that is none",
            [&[7][..], &framed(false, &body)[1..]].concat(),
        ),
    ] {
        siege.attack(name, SOON, |service| {
            let reply = block_on(http2::call(service.grpc(), EXPORT, message));
            assert_eq!(reply.grpc_status(), INVALID_ARGUMENT, "{name}: {reply:?}");
        });
    }
    siege.end();
}

#[test]
fn a_declared_content_length_takes_no_memory() {
    let siege = Siege::begin();
    // Larger than any request may be: refused without waiting for it, or held open at no cost.
    siege.attack("content-length", SOON, |service| {
        let held: Vec<_> = (0..100)
            .map(|_| {
                let mut connection = Connection::open(service.http());
                let head = head("content-length: 60000000");
                connection.send(&[&head[..], b"\x0a"].concat()).unwrap();
                connection
            })
            .collect();
        // The last one has been read when another client is answered on the same workers.
        siege.within_bounds("content-length");
        drop(held);
    });
    siege.attack("chunks", SOON, |service| {
        let held: Vec<_> = [b"ffffffffffffffff\r\n\x0a".as_slice(), b"fffffff\r\n\x0a"]
            .into_iter()
            .cycle()
            .take(100)
            .map(|chunk| {
                let mut connection = Connection::open(service.http());
                let head = head("transfer-encoding: chunked");
                connection.send(&[&head[..], chunk].concat()).unwrap();
                connection
            })
            .collect();
        drop(held);
    });
    siege.end();
}

fn head(field: &str) -> Vec<u8> {
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-protobuf\r\n\
         {field}\r\n\r\n"
    );
    head.into_bytes()
}

/// A frame of a single segment that says how many bytes it holds, and holds none.
/// Source: RFC 8878 §3.1.1.
fn zstd_of(bytes: u64) -> Vec<u8> {
    let start = [0x28, 0xb5, 0x2f, 0xfd, 0xe0];
    [&start[..], &bytes.to_le_bytes()].concat()
}

/// A stream whose second chunk says that it is as long as three bytes can say.
fn snappy_chunk() -> Vec<u8> {
    [b"\xff\x06\0\0sNaPpY".as_slice(), &[0, 0xff, 0xff, 0xff, 0]].concat()
}

/// A frame with a content size, whose checksum of the header is wrong too.
fn lz4_of(bytes: u64) -> Vec<u8> {
    let start = [0x04, 0x22, 0x4d, 0x18, 0x68, 0x70];
    [&start[..], &bytes.to_le_bytes(), &[0, 0, 0, 0, 0]].concat()
}

/// A valid header, then a block of 2^31 - 1 bytes.
fn lz4_block() -> Vec<u8> {
    let info = lz4_flex::frame::FrameInfo::new();
    let mut frame = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    std::io::Write::write_all(&mut frame, b"x").unwrap();
    let frame = frame.finish().unwrap();
    [&frame[..7], &[0xff, 0xff, 0xff, 0x7f, 0]].concat()
}

/// An empty member whose trailer says that it was 4 GiB.
fn gzip_of_4gib() -> Vec<u8> {
    let mut body = Vec::new();
    benches::coding::Coding::Gzip
        .encode(b"\x0a\0", 1, &mut body)
        .unwrap();
    let end = body.len() - 4;
    body[end..].copy_from_slice(&u32::MAX.to_le_bytes());
    body
}
