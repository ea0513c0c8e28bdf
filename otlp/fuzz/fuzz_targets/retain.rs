//! What is kept is counted and can be surveyed again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use otlp::{retain, survey};
use otlp_fuzz::{Input, count};

fuzz_target!(|bytes: &[u8]| {
    let Some(Input {
        signal,
        request,
        choice,
    }) = Input::new(bytes)
    else {
        return;
    };
    let mut seen = 0;
    let retained = retain(signal, &request, |_| {
        seen += 1;
        Ok(choice >> (seen % 8) & 1 == 1)
    });
    if let (Ok(Some((retained, kept))), Ok(_)) = (retained, survey(signal, &request)) {
        assert!(kept <= seen && retained.len() <= request.len() + 16);
        assert_eq!(count(signal, &retained), Ok(kept));
    }
});
