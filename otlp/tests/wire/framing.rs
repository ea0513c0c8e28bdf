//! Fields of one message: what is read, and what is refused.

use otlp::Malformed;
use otlp::wire::{
    Field, Fields, Value, len_field_len, put_len, put_uint, put_varint, unzigzag, varint_len,
    zigzag,
};

const BOUNDARIES: [u64; 9] = [
    0,
    1,
    127,
    128,
    16_383,
    16_384,
    u32::MAX as u64,
    u64::MAX >> 1,
    u64::MAX,
];

fn fields(message: &[u8]) -> Result<Vec<(u32, Value<'_>)>, Malformed> {
    Fields::new(message)
        .map(|field| field.map(|field| (field.number, field.value)))
        .collect()
}

#[test]
fn integers_are_written_and_read_as_prost_does() {
    for value in BOUNDARIES {
        let (mut ours, mut expected) = (Vec::new(), Vec::new());
        put_varint(&mut ours, value);
        prost::encoding::encode_varint(value, &mut expected);
        assert_eq!(ours, expected);
        assert_eq!(varint_len(value), expected.len());
        let mut message = Vec::new();
        put_uint(&mut message, 7, value);
        assert_eq!(fields(&message), Ok(vec![(7, Value::Varint(value))]));
    }
}

#[test]
fn signed_integers_survive_zigzag() {
    for value in [0, -1, 1, i64::MIN, i64::MAX] {
        assert_eq!(unzigzag(zigzag(value)), value);
    }
    assert_eq!([zigzag(0), zigzag(-1), zigzag(1)], [0, 1, 2]);
}

#[test]
fn the_length_of_a_field_is_known_before_it_is_written() {
    for (number, body) in [(1, 0), (15, 127), (16, 128), (2048, 20_000)] {
        let mut message = Vec::new();
        put_len(&mut message, number, &vec![0; body]);
        assert_eq!(len_field_len(number, body), message.len());
    }
}

#[test]
fn a_field_shows_the_bytes_that_it_occupies() {
    let message = [0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x1d, 1, 2, 3, 4];
    let raw: Vec<_> = Fields::new(&message)
        .map(|field| field.unwrap().raw)
        .collect();
    assert_eq!(raw, [&message[..3], &message[3..7], &message[7..]]);
}

#[test]
fn broken_framing_is_refused_by_name() {
    let truncated = "message ends inside a field";
    let check = |message: &[u8], expected: &'static str| {
        assert_eq!(fields(message), Err(Malformed(expected)), "{message:?}");
    };
    check(&[0x80], truncated);
    check(&[0x08], truncated);
    check(&[0x08, 0xff], truncated);
    check(&[0x09, 0, 0, 0, 0, 0, 0, 0], truncated);
    check(&[0x0d, 0, 0, 0], truncated);
    check(&[0x0a, 1], truncated);
    check(
        &[
            0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
        ],
        truncated,
    );
    check(&[0x00, 0], "field number zero");
    check(
        &[0x80, 0x80, 0x80, 0x80, 0x10, 0],
        "field number out of range",
    );
    check(&[0x0b, 0x0c], "unknown wire type");
    check(&[0x0f], "unknown wire type");
    check(
        &[[0x08].as_slice(), &[0xff; 9], &[2]].concat(),
        "varint longer than 64 bits",
    );
    check(
        &[[0x08].as_slice(), &[0xff; 11]].concat(),
        "varint longer than 64 bits",
    );
}

#[test]
fn after_an_error_there_are_no_more_fields() {
    let mut fields = Fields::new(&[0x00, 0x08, 0x01]);
    assert!(fields.next().unwrap().is_err());
    assert!(fields.next().is_none());
}

#[test]
fn a_known_field_must_have_its_own_wire_type() {
    let read = |message: &'static [u8]| Fields::new(message).next().unwrap().unwrap();
    let varint = read(&[0x08, 0x01]);
    let fixed64 = read(&[0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
    let fixed32 = read(&[0x0d, 5, 0, 0, 0]);
    let bytes = read(&[0x0a, 1, b'x']);
    let shown = |field: &Field<'static>| {
        (
            field.varint().ok(),
            field.double().ok(),
            field.fixed32().ok(),
            field.bytes().ok(),
        )
    };
    assert_eq!(shown(&varint), (Some(1), None, None, None));
    assert_eq!(shown(&fixed64), (None, Some(1.0), None, None));
    assert_eq!(shown(&fixed32), (None, None, Some(5), None));
    assert_eq!(shown(&bytes), (None, None, None, Some(&b"x"[..])));
}
