//! What it costs to inflate and deflate a request of 512 spans, in nanoseconds per span, beside the
//! plain way of each library: `cargo bench -p net --bench encoding`.

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::time::Instant;

use flate2::read::MultiGzDecoder;
use ledger::Budget;
use net::encoding::{Encoding, OFFLOAD_MIN, deflate, inflate, run};

const SPANS: usize = 512;
const CAP: usize = 64 << 20;
/// Best of this many rounds, each of so many calls.
const ROUNDS: usize = 9;
const CALLS: usize = 50;

fn main() -> io::Result<()> {
    let body = request();
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{} bytes a span, ns per span, best of {ROUNDS}",
        body.len() / SPANS
    )?;
    let mut line = |name: &str, work: &mut dyn FnMut()| {
        let best = (0..ROUNDS).map(|_| nanos(work)).fold(f64::MAX, f64::min);
        writeln!(out, "{name:44} {:7.0}", best / SPANS as f64)
    };

    let gzip = encoded(Encoding::Gzip, None, &body);
    line("inflate gzip, read_to_end", &mut || {
        drop(read_all(MultiGzDecoder::new(&gzip[..])))
    })?;
    let zstd = streamed_zstd(&body)?;
    line("inflate zstd streamed, read_to_end", &mut || {
        black_box(zstd::stream::decode_all(&zstd[..]).map_or(0, |bytes| bytes.len()));
    })?;
    let budget = Budget::new(1 << 30);
    let mut inflates = |name: &str, encoding, bytes: &[u8]| {
        line(name, &mut || {
            drop(black_box(inflate(
                encoding,
                bytes,
                CAP,
                &mut budget.lease(),
            )))
        })
    };
    inflates("inflate zstd streamed", Encoding::Zstd, &zstd)?;
    let twice = gzip.repeat(2);
    inflates("inflate gzip, two members (÷ 2)", Encoding::Gzip, &twice)?;
    for encoding in ALL {
        inflates(
            &format!("inflate {}", encoding.http_name()),
            encoding,
            &encoded(encoding, None, &body),
        )?;
    }

    for encoding in ALL {
        line(&format!("deflate {}", encoding.http_name()), &mut || {
            black_box(encoded(encoding, None, &body));
        })?;
    }
    line("deflate gzip level 6", &mut || {
        drop(black_box(encoded(Encoding::Gzip, Some(6), &body)))
    })?;
    line("deflate gzip level 1, GzEncoder", &mut || {
        drop(black_box(plain_gzip(&body)))
    })?;
    line("deflate zstd level 3", &mut || {
        drop(black_box(encoded(Encoding::Zstd, Some(3), &body)))
    })?;

    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut job = |name, bytes| {
        line(name, &mut || {
            black_box(runtime.block_on(run(bytes, || ())).is_ok());
        })
    };
    job("an empty job, in place", 0)?;
    job("an empty job, handed over", OFFLOAD_MIN)
}

const ALL: [Encoding; 7] = [
    Encoding::Gzip,
    Encoding::Zstd,
    Encoding::Snappy,
    Encoding::SnappyFramed,
    Encoding::Zlib,
    Encoding::Lz4,
    Encoding::Identity,
];

#[allow(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn nanos(work: &mut dyn FnMut()) -> f64 {
    let began = Instant::now();
    (0..CALLS).for_each(|_| work());
    began.elapsed().as_nanos() as f64 / CALLS as f64
}

fn encoded(encoding: Encoding, level: Option<i32>, body: &[u8]) -> Vec<u8> {
    // Sixteen chunks, as a batch of sixteen requests would be.
    let chunks = body.chunks(body.len() / 16 + 1);
    let level = encoding.level(level).ok();
    level
        .and_then(|level| deflate(encoding, level, chunks).ok())
        .unwrap_or_default()
}

fn plain_gzip(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

/// A frame that does not declare its size, as streaming clients send it.
fn streamed_zstd(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1)?;
    body.chunks(16_384)
        .try_for_each(|chunk| encoder.write_all(chunk))?;
    encoder.finish()
}

fn read_all(mut from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// An export request with one resource and one scope: ten attributes and an event a span, 477 bytes
/// on average.
fn request() -> Vec<u8> {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        random = random
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        random.rotate_left(29)
    };
    let spans: Vec<u8> = (0..SPANS as u64)
        .flat_map(|slot| field(2, &span(slot, &mut next)))
        .collect();
    field(1, &field(2, &spans))
}

fn span(slot: u64, next: &mut impl FnMut() -> u64) -> Vec<u8> {
    let trace_id = [next().to_le_bytes(), next().to_le_bytes()].concat();
    let start = 1_700_000_000_000_000_000 + slot * 1_000_000 + next() % 1_000_000;
    let mut span = [
        field(1, &trace_id),
        field(2, &next().to_le_bytes()),
        field(4, &[7; 8]),
        field(5, format!("GET /api/v1/items/{}", slot % 40).as_bytes()),
        [
            &[0x39][..],
            &start.to_le_bytes(),
            &[0x41],
            &(start + next() % 50_000_000).to_le_bytes(),
        ]
        .concat(),
    ]
    .concat();
    for (key, value) in [
        ("http.request.method", "GET".to_owned()),
        ("url.scheme", "https".to_owned()),
        ("url.path", format!("/api/v1/items/{}", next() % 9973)),
        ("server.address", "shop.example.internal".to_owned()),
        ("http.response.status_code", "200".to_owned()),
        (
            "user_agent.original",
            "Mozilla/5.0 (X11; Linux x86_64)".to_owned(),
        ),
        ("network.peer.port", (40_000 + next() % 20_000).to_string()),
        ("cached", "true".to_owned()),
        ("thread.name", "worker-thread-03".to_owned()),
        ("customer.tier", "standard".to_owned()),
    ] {
        span.extend(field(9, &attribute(key, &value)));
    }
    let event = field(
        3,
        &attribute("cache.key", &format!("item:{}", next() % 4099)),
    );
    span.extend(field(11, &[field(2, b"cache.lookup"), event].concat()));
    span
}

fn attribute(key: &str, value: &str) -> Vec<u8> {
    [
        field(1, key.as_bytes()),
        field(2, &field(1, value.as_bytes())),
    ]
    .concat()
}

/// A length-delimited field of the protobuf wire format.
fn field(number: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut len = body.len();
    while len >= 0x80 {
        bytes.push(len as u8 | 0x80);
        len >>= 7;
    }
    bytes.push(len as u8);
    bytes.extend_from_slice(body);
    bytes
}
