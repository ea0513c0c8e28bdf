//! Whatever the bytes are, nothing panics, and what comes out can be read again.

use bytes::Bytes;
use otlp::{ANY_VALUE_DEPTH, Census, Levels, Malformed, OwnedValue, Signal};
use proptest::prelude::*;

use crate::{any_request, walk};

/// Arbitrary bytes, and requests in which some bytes have been changed.
fn any_bytes() -> impl Strategy<Value = (Signal, Bytes)> {
    let noise = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let damaged = (any_request(), noise).prop_map(|((signal, request), noise)| {
        let mut bytes = request.to_vec();
        for (at, byte) in noise {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        (signal, bytes.into())
    });
    let arbitrary = (
        prop::sample::select(&Signal::ALL[..]),
        prop::collection::vec(any::<u8>(), 0..64),
    )
        .prop_map(|(signal, bytes)| (signal, bytes.into()));
    prop_oneof![4 => damaged, 1 => arbitrary]
}

proptest! {
    #[test]
    fn any_bytes_are_walked_without_a_panic((signal, bytes) in any_bytes()) {
        let _ = walk::request(signal, &bytes);
        let pieces = otlp::split(signal, &bytes, 2);
        let small_pieces = otlp::split_bytes(signal, &bytes, 50);
        let mut keep = false;
        let retained = otlp::retain(signal, &bytes, |_| {
            keep = !keep;
            Ok(keep)
        });
        let levels = Levels { resource: true, scope: true, item: true };
        let edited = otlp::edit(signal, &bytes, levels, |carrier| {
            carrier.attributes()?.upsert("k", &OwnedValue::from("v"));
            Ok(())
        });
        // A receiver passes on what it has surveyed, and nothing may make that worse.
        if let Ok(Census { items, .. }) = otlp::survey(signal, &bytes) {
            for pieces in [pieces, small_pieces].into_iter().flatten() {
                prop_assert_eq!(pieces.iter().map(|(_, items)| items).sum::<usize>(), items);
            }
            // An item that has grown longer is looked into by the survey, so the views count.
            if let Ok(Some((retained, kept))) = retained {
                prop_assert_eq!(walk::count(signal, &retained), Ok(kept));
                prop_assert_eq!(kept, items.div_ceil(2));
            }
            if let Ok(edited) = edited {
                prop_assert_eq!(walk::count(signal, &edited), Ok(items));
            }
        }
    }
}

#[test]
fn views_descend_as_deep_as_the_limit_and_no_deeper() {
    type Wrap = fn(OwnedValue) -> OwnedValue;
    let wraps: [Wrap; 2] = [
        |value| OwnedValue::array([value]),
        |value| OwnedValue::key_value_list([("k", value)]),
    ];
    for wrap in wraps {
        let deepest = (1..ANY_VALUE_DEPTH).fold(OwnedValue::from(1), |value, _| wrap(value));
        assert_eq!(walk::value(deepest.view().unwrap()), Ok(()));
        let too_deep = wrap(deepest);
        let found = walk::value(too_deep.view().unwrap());
        assert_eq!(found, Err(Malformed("a value nests deeper than 64 levels")));
    }
}

#[test]
fn text_that_is_not_utf_8_is_kept_and_shown_repaired() {
    let text = otlp::view::Text::new(b"caf\xe9!");
    assert_eq!(text.as_bytes(), b"caf\xe9!");
    assert_eq!(text.to_string(), "caf\u{fffd}!");
    assert_eq!(text.to_string_lossy(), "caf\u{fffd}!");
    assert!(text.to_str().is_err());
}
