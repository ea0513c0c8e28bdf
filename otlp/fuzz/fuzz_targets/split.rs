//! Pieces are within the limit and have all items between them.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use otlp::{merge, split, split_bytes, survey};
use otlp_fuzz::Input;

fuzz_target!(|bytes: &[u8]| {
    let Some(Input {
        signal,
        request,
        choice,
    }) = Input::new(bytes)
    else {
        return;
    };
    let by_items = split(signal, &request, choice);
    let by_bytes = split_bytes(signal, &request, choice * 4);
    let Ok(census) = survey(signal, &request) else {
        return;
    };
    if let Ok(pieces) = &by_items {
        assert!(pieces.iter().all(|(_, items)| *items <= choice.max(1)));
    }
    if let Ok(pieces) = &by_bytes {
        assert!(
            pieces
                .iter()
                .all(|(piece, items)| piece.len() <= choice * 4 || *items <= 1)
        );
    }
    for pieces in [by_items, by_bytes].into_iter().flatten() {
        let pieces: Vec<Bytes> = pieces.into_iter().map(|(piece, _)| piece).collect();
        assert_eq!(
            survey(signal, &merge(&pieces)).map(|found| found.items),
            Ok(census.items)
        );
    }
});
