//! Pieces hold the same items in the same surroundings, within the limit; joined they are the
//! whole.

use bytes::Bytes;
use otlp::wire::{put_len, put_uint};
use otlp::{Signal, merge, split, split_bytes, survey};
use proptest::prelude::*;

use crate::any_request;
use crate::oracle::{canonical, encoded_singles};

proptest! {
    #[test]
    fn requests_one_after_the_other_are_the_merged_request(
        (signal, first) in any_request(),
        tape in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let second = crate::schema::request(signal, &tape);
        let merged = merge(&[first.clone(), second.clone()]);
        let expected = [canonical(signal, &first), canonical(signal, &second)].concat();
        prop_assert_eq!(canonical(signal, &merged), expected);
    }

    #[test]
    fn pieces_of_so_many_items_hold_the_whole(
        (signal, request) in any_request(),
        max in 0_usize..9,
    ) {
        let pieces = split(signal, &request, max).unwrap();
        check_pieces(signal, &request, &pieces)?;
        let (_, full) = pieces.split_last().unwrap();
        prop_assert!(full.iter().all(|(_, items)| *items == max.max(1)));
        prop_assert!(pieces.iter().all(|(_, items)| *items <= max.max(1)));
    }

    #[test]
    fn pieces_of_so_many_bytes_hold_the_whole(
        (signal, request) in any_request(),
        max in 0_usize..900,
    ) {
        let pieces = split_bytes(signal, &request, max).unwrap();
        check_pieces(signal, &request, &pieces)?;
        prop_assert!(pieces.iter().all(|(piece, items)| piece.len() <= max || *items <= 1));
    }
}

fn check_pieces(
    signal: Signal,
    request: &Bytes,
    pieces: &[(Bytes, usize)],
) -> Result<(), TestCaseError> {
    let mut found = Vec::new();
    for (piece, items) in pieces {
        prop_assert_eq!(survey(signal, piece).unwrap().items, *items);
        found.extend(encoded_singles(signal, piece));
    }
    prop_assert_eq!(found, encoded_singles(signal, request));
    if let [(piece, _)] = pieces {
        prop_assert!(piece.len() <= request.len());
    }
    Ok(())
}

/// Two spans in one scope of one resource, with a field that nobody knows on every level, and the
/// schema URLs behind the spans, where encoders put them.
fn request_with_unknown_fields() -> Bytes {
    let group = |numbered: &[(u32, &[u8])], unknown: u64| {
        let mut out = Vec::new();
        for (number, body) in numbered {
            put_len(&mut out, *number, body);
        }
        put_uint(&mut out, 777, unknown);
        out
    };
    let span = |name: &[u8]| group(&[(5, name)], 4);
    let (first, second) = (span(b"first"), span(b"second"));
    let scope = group(
        &[(1, b"\x0a\x01s"), (2, &first), (2, &second), (3, b"inner")],
        3,
    );
    let resource = group(&[(1, b"\x10\x05"), (2, &scope), (3, b"outer")], 2);
    group(&[(1, &resource)], 1).into()
}

#[test]
fn a_request_that_fits_is_returned_as_it_is() {
    let request = request_with_unknown_fields();
    let whole = vec![(request.clone(), 2)];
    assert_eq!(split(Signal::Traces, &request, 2).unwrap(), whole);
    assert_eq!(
        split_bytes(Signal::Traces, &request, request.len()).unwrap(),
        whole
    );
    assert_eq!(
        merge(std::slice::from_ref(&request)).as_ptr(),
        request.as_ptr()
    );
}

#[test]
fn unknown_fields_and_schema_urls_are_on_both_sides_of_a_cut() {
    let request = request_with_unknown_fields();
    let pieces = split(Signal::Traces, &request, 1).unwrap();
    let holds = |piece: &Bytes, part: &[u8]| piece.windows(part.len()).any(|w| w == part);
    let unknown = |value| {
        let mut field = Vec::new();
        put_uint(&mut field, 777, value);
        field
    };
    assert_eq!(pieces.len(), 2);
    for (piece, name) in pieces
        .iter()
        .map(|(piece, _)| piece)
        .zip([&b"first"[..], b"second"])
    {
        for part in [
            name,
            b"inner",
            b"outer",
            &unknown(2),
            &unknown(3),
            &unknown(4),
        ] {
            assert!(holds(piece, part), "{part:?}");
        }
    }
    assert!(
        holds(&pieces[1].0, &unknown(1)),
        "the request's own field is in one piece"
    );
    assert!(!holds(&pieces[0].0, &unknown(1)));
}

#[test]
fn an_item_that_is_too_large_is_alone_and_the_others_are_within_the_limit() {
    let mut scope = Vec::new();
    for length in [10, 10, 500, 10, 10] {
        let mut span = Vec::new();
        put_len(&mut span, 5, &vec![b'n'; length]);
        put_len(&mut scope, 2, &span);
    }
    let mut group = Vec::new();
    put_len(&mut group, 2, &scope);
    let mut request = Vec::new();
    put_len(&mut request, 1, &group);
    let pieces = split_bytes(Signal::Traces, &request.into(), 60).unwrap();
    let shape: Vec<_> = pieces
        .iter()
        .map(|(piece, items)| (piece.len() <= 60, *items))
        .collect();
    assert_eq!(shape, [(true, 2), (false, 1), (true, 2)]);
}

#[test]
fn a_large_resource_before_many_small_items_does_not_fill_the_memory() {
    let mut group = Vec::new();
    put_len(&mut group, 3, &vec![b'u'; 1 << 20]);
    put_len(&mut group, 2, &[0x12, 0].repeat(1000));
    let mut request = Vec::new();
    put_len(&mut request, 1, &group);
    assert!(split(Signal::Traces, &request.into(), 1).is_err());
}
