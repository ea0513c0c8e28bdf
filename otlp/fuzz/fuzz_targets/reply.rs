//! What back ends answer: arbitrary bytes never panic, in either format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use otlp::Signal;
use otlp::reply::{Format, PartialSuccess, Status};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, body)) = bytes.split_first() else {
        return;
    };
    let Some(signal) = Signal::ALL.get(usize::from(*kind & 3)) else {
        return;
    };
    let format = match kind & 4 {
        0 => Format::Protobuf,
        _ => Format::Json,
    };
    if let Ok(status) = Status::decode(format, body) {
        // What we pass on can be read again.
        let again = Status::decode(format, &status.encode(format));
        assert_eq!(again.map(|again| again.code), Ok(status.code));
    }
    drop(PartialSuccess::decode(*signal, format, body));
});
