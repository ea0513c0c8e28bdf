//! Arbitrary text never panics, and what is accepted is a request.
#![no_main]

use libfuzzer_sys::fuzz_target;
use otlp::{Signal, json, survey};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, body)) = bytes.split_first() else {
        return;
    };
    let Some(signal) = Signal::ALL.get(usize::from(*kind & 3)) else {
        return;
    };
    if let Ok(request) = json::decode(*signal, body) {
        assert!(survey(*signal, &request).is_ok());
        assert!(json::encode(*signal, &request).is_ok());
    }
});
