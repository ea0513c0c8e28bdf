//! A request that has become JSON and a request again has the same JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use otlp::json;
use otlp_fuzz::Input;

fuzz_target!(|bytes: &[u8]| {
    let Some(Input {
        signal, request, ..
    }) = Input::new(bytes)
    else {
        return;
    };
    let Ok(first) = json::encode(signal, &request) else {
        return;
    };
    // Ids of any length are encoded, but only ids of the right length are decoded.
    let Ok(decoded) = json::decode(signal, &first) else {
        return;
    };
    assert_eq!(json::encode(signal, &decoded).as_deref(), Ok(&first[..]));
});
