//! The survey never panics, and counts what the views show.
#![no_main]

use libfuzzer_sys::fuzz_target;
use otlp::view::Request;
use otlp::{ITEM_COST_MIN, Malformed};
use otlp_fuzz::Input;

fuzz_target!(|bytes: &[u8]| {
    let Some(input) = Input::new(bytes) else {
        return;
    };
    let Some(census) = input.census() else { return };
    assert!(census.cost >= input.request.len() as u64);
    assert!(census.cost >= (census.items * ITEM_COST_MIN) as u64);
    let mut items = 0;
    let walked = Request::new(input.signal, &input.request).for_each_item(|_| {
        items += 1;
        Ok::<(), Malformed>(())
    });
    assert!(walked.is_err() || items == census.items);
});
