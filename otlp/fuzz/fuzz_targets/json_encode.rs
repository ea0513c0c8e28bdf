//! Whatever a request holds, its JSON is JSON, or it is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use otlp::json;
use otlp_fuzz::Input;

fuzz_target!(|bytes: &[u8]| {
    if let Some(Input {
        signal, request, ..
    }) = Input::new(bytes)
    {
        if let Ok(text) = json::encode(signal, &request) {
            assert!(std::str::from_utf8(&text).is_ok());
        }
    }
});
