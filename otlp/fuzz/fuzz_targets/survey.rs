//! The survey never panics, and counts what the views show.
#![no_main]

use libfuzzer_sys::fuzz_target;
use otlp::ITEM_COST_MIN;
use otlp_fuzz::{Input, count};

fuzz_target!(|bytes: &[u8]| {
    let Some(input) = Input::new(bytes) else {
        return;
    };
    let Some(census) = input.census() else { return };
    assert!(census.cost >= input.request.len() as u64);
    assert!(census.cost >= (census.items * ITEM_COST_MIN) as u64);
    let counted = count(input.signal, &input.request);
    assert!(counted.is_err() || counted == Ok(census.items));
});
