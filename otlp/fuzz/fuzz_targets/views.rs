//! Views never panic, whatever they look at.
#![no_main]

use libfuzzer_sys::fuzz_target;
use otlp_fuzz::{Input, walk};

fuzz_target!(|bytes: &[u8]| {
    if let Some(input) = Input::new(bytes) {
        let _ = walk(input.signal, &input.request);
    }
});
