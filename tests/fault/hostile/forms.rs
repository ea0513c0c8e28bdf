//! Requests in HTTP/1.1 that two servers would read in two ways, or that never end.

use std::io::Write;
use std::time::Duration;

use super::{SOON, Siege};
use crate::rig::http1::{self, Connection};
use crate::rig::requests;

const HEAD: &str =
    "POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-protobuf\r\n";

/// A request that is hidden in another one, and would be answered with 404.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nhost: a\r\n\r\n";

/// Statuses of all answers on one connection, until the server closes it.
fn answers(service: &crate::rig::Service, bytes: &[u8]) -> Vec<u16> {
    let mut connection = Connection::open(service.http());
    // A server that has had enough closes while we send.
    let _ = connection.send(bytes);
    let Ok(first) = connection.reply() else {
        return Vec::new();
    };
    // What is hidden behind the first request would be answered right after it.
    connection.finish();
    let said = connection.rest();
    let said = String::from_utf8_lossy(&said);
    let status = |answer: &str| answer.get(..3).unwrap().parse().unwrap();
    let others = said.split("HTTP/1.1 ").skip(1).map(status);
    std::iter::once(first.status).chain(others).collect()
}

/// A name, what is sent, and the answers that are right.
type Form<'a> = (&'a str, Vec<u8>, &'a [&'a [u16]]);

fn check(rows: &[Form<'_>]) {
    let siege = Siege::begin();
    for (name, bytes, expected) in rows {
        siege.attack(name, SOON, |service| {
            let answers = answers(service, bytes);
            assert!(expected.contains(&&answers[..]), "{name}: {answers:?}");
        });
    }
    siege.end();
}

#[test]
fn a_body_whose_end_is_in_doubt_hides_no_request() {
    let span = requests::one_span();
    let chunked = format!("0\r\n\r\n{HIDDEN}");
    let row =
        |fields: &str, body: &[u8]| [HEAD.as_bytes(), fields.as_bytes(), b"\r\n", body].concat();
    let length = |text: &str| row(&format!("content-length: {text}\r\n"), HIDDEN.as_bytes());
    let coding = |text: &str| {
        row(
            &format!("transfer-encoding: {text}\r\n"),
            chunked.as_bytes(),
        )
    };
    let two = |one: usize, other: usize| {
        row(
            &format!("content-length: {one}\r\ncontent-length: {other}\r\n"),
            &span,
        )
    };
    let bad: &[&[u16]] = &[&[400]];
    // The chunks count, as RFC 9112 §6.3 says; what follows them is not read as a request.
    let once: &[&[u16]] = &[&[400], &[200]];
    let both = format!(
        "content-length: {}\r\ntransfer-encoding: chunked\r\n",
        chunked.len()
    );
    let old =
        HEAD.replace("HTTP/1.1", "HTTP/1.0") + "transfer-encoding: chunked\r\n\r\n" + &chunked;
    let spaced = row("transfer-encoding : chunked\r\n", chunked.as_bytes());
    check(&[
        ("two lengths", two(span.len(), 0), bad),
        ("two lengths, the shorter first", two(0, span.len()), bad),
        ("a length with a sign", length("+0"), bad),
        ("a negative length", length("-1"), bad),
        ("a length in hex", length("0x10"), bad),
        ("a list of lengths", length("0, 5"), bad),
        ("a length that is no number", length("none"), bad),
        (
            "a length beyond 64 bits",
            length("99999999999999999999"),
            &[&[400], &[413]],
        ),
        ("a length and chunks", row(&both, chunked.as_bytes()), once),
        ("an unknown transfer coding", coding("gzip"), bad),
        ("chunks that are not last", coding("chunked, identity"), bad),
        ("a space before the colon", spaced, bad),
        ("chunks in HTTP/1.0", old.into_bytes(), &[&[400], &[200]]),
        (
            "a folded field",
            row("x: a\r\n b\r\ncontent-length: 0\r\n", b""),
            bad,
        ),
        (
            "a chunk longer than 64 bits",
            chunk("fffffffffffffffff"),
            bad,
        ),
        ("a chunk of no number", chunk("x"), bad),
        ("a chunk with a sign", chunk("+0"), bad),
    ]);
}

#[test]
fn lines_and_fields_have_an_end() {
    let post = http1::post("/v1/traces", &requests::one_span());
    let with = |field: &[u8]| {
        let end = post.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        [&post[..end], field, &post[end..]].concat()
    };
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").into_bytes();
    let mib = 1 << 20;
    let too_long: &[&[u16]] = &[&[431], &[414], &[400], &[]];
    let bad: &[&[u16]] = &[&[400]];
    let ok: &[&[u16]] = &[&[200]];
    check(&[
        ("a request line without end", vec![b'A'; 4 * mib], too_long),
        (
            "a path of 4 MiB",
            get(&format!("/{}", "a".repeat(4 * mib))),
            too_long,
        ),
        (
            "a path of 60 KiB",
            get(&format!("/{}", "a".repeat(60 << 10))),
            &[&[404]],
        ),
        (
            "a field of 4 MiB",
            with(&[b"x: ", &vec![b'a'; 4 * mib][..], b"\r\n"].concat()),
            too_long,
        ),
        (
            "a name of 4 MiB",
            with(&[&vec![b'a'; 4 * mib][..], b": x\r\n"].concat()),
            too_long,
        ),
        (
            "a hundred thousand fields",
            with(&b"x: y\r\n".repeat(100_000)),
            too_long,
        ),
        ("empty lines without end", b"\r\n".repeat(mib), too_long),
        ("a field that is not UTF-8", with(b"x: \xff\xfe\r\n"), ok),
        ("a name that is not ASCII", with(b"x\xff: y\r\n"), bad),
        ("a NUL in a field", with(b"x: a\0b\r\n"), bad),
        ("a return within a field", with(b"x: a\rb\r\n"), bad),
        (
            "a coding that is not UTF-8",
            with(b"content-encoding: \xff\r\n"),
            bad,
        ),
        (
            "a method of our own",
            HIDDEN.replace("GET /hidden", "SEIZE /v1/traces").into(),
            &[&[405]],
        ),
        (
            "a version of our own",
            HIDDEN.replace("1.1", "9.9").into(),
            bad,
        ),
        ("HTTP/0.9", b"GET /v1/traces\r\n\r\n".to_vec(), bad),
        (
            "the start of TLS",
            b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".repeat(9),
            bad,
        ),
        (
            "an export in another's place",
            with(b"expect: 200-maybe\r\n"),
            &[&[200], &[417]],
        ),
    ]);
}

#[test]
fn requests_whose_answers_are_never_read_wait_in_the_network() {
    let siege = Siege::begin();
    siege.attack("pipelining", SOON + Duration::from_secs(5), |service| {
        let ask = http1::get("/v1/traces").repeat(1000);
        let mut stream = std::net::TcpStream::connect(service.http()).unwrap();
        stream
            .set_write_timeout(Some(Duration::from_secs(1)))
            .unwrap();
        // Once both buffers are full nothing goes on, and nothing is held but them.
        let stuck = (0..100_000).find_map(|_| stream.write_all(&ask).err());
        assert!(stuck.is_some(), "somebody holds 100 million answers");
    });
    siege.end();
}

fn chunk(size: &str) -> Vec<u8> {
    format!("{HEAD}transfer-encoding: chunked\r\n\r\n{size}\r\n{HIDDEN}").into_bytes()
}
