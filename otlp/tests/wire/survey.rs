//! The survey counts what prost decodes, and charges a floor for what is short.

use otlp::wire::{put_len, put_varint};
use otlp::{
    ANY_VALUE_DEPTH, ELEMENT_COST_MIN, GROUP_COST_MIN, ITEM_COST_MIN, Malformed, Signal, survey,
};
use proptest::prelude::*;

use crate::any_request;
use crate::oracle::singles;

proptest! {
    #[test]
    fn as_many_items_are_counted_as_prost_decodes((signal, request) in any_request()) {
        let census = survey(signal, &request).unwrap();
        prop_assert_eq!(census.items, singles(signal, &request).len());
        prop_assert!(census.cost >= request.len() as u64);
        prop_assert!(census.cost >= (census.items * ITEM_COST_MIN) as u64);
    }
}

/// Wraps `body` into one field after the other, from the inside out.
fn nest(body: Vec<u8>, numbers: &[u32]) -> Vec<u8> {
    numbers.iter().fold(body, |body, number| {
        let mut out = Vec::new();
        put_len(&mut out, *number, &body);
        out
    })
}

#[test]
fn empty_elements_cost_their_floor() {
    let check = |signal, numbers: &[u32], items, cost: usize| {
        let request = nest(Vec::new(), numbers);
        let census = survey(signal, &request).unwrap();
        assert_eq!(
            (census.items, census.cost),
            (items, cost as u64),
            "{signal} {numbers:?}"
        );
    };
    check(Signal::Traces, &[], 0, 0);
    check(Signal::Traces, &[1], 0, 2 + GROUP_COST_MIN);
    check(Signal::Traces, &[2, 1], 0, 2 + 2 * GROUP_COST_MIN);
    check(
        Signal::Traces,
        &[2, 2, 1],
        1,
        2 + (GROUP_COST_MIN - 2) + GROUP_COST_MIN + ITEM_COST_MIN,
    );
    check(Signal::Metrics, &[2, 2, 1], 0, 3 * GROUP_COST_MIN);
    check(
        Signal::Metrics,
        &[1, 5, 2, 2, 1],
        1,
        10 + 3 * GROUP_COST_MIN - (4 + 6 + 8) + 256,
    );
}

#[test]
fn empty_elements_of_something_large_cost_their_floor() {
    const MANY: usize = 2000;
    let check = |signal, path: &[u32]| {
        let crowd = [(path[0] << 3 | 2) as u8, 0].repeat(MANY);
        let request = nest(crowd, &path[1..]);
        let cost = survey(signal, &request).unwrap().cost as usize;
        let expected = request.len() + MANY * ELEMENT_COST_MIN;
        // The few messages around them have a floor of their own.
        assert!(
            cost.abs_diff(expected) < 400,
            "{signal} {path:?}: {cost} for {expected}"
        );
    };
    for attributes in [&[1, 1, 1][..], &[3, 1, 2, 1], &[9, 2, 2, 1]] {
        check(Signal::Traces, attributes);
    }
    for events_or_links in [11, 13] {
        check(Signal::Traces, &[events_or_links, 2, 2, 1]);
    }
    // Elements of an array and of a list, exemplars, quantiles, attributes of a metric.
    check(Signal::Logs, &[1, 5, 5, 2, 2, 1]);
    check(Signal::Logs, &[1, 6, 5, 2, 2, 1]);
    check(Signal::Metrics, &[5, 1, 5, 2, 2, 1]);
    check(Signal::Metrics, &[6, 1, 11, 2, 2, 1]);
    check(Signal::Metrics, &[12, 2, 2, 1]);
}

#[test]
fn an_item_of_ordinary_length_costs_its_bytes() {
    let request = nest(
        vec![0x0a, 0x80, 0x02].into_iter().chain([7; 256]).collect(),
        &[2, 2, 1],
    );
    assert_eq!(
        survey(Signal::Logs, &request).unwrap().cost,
        request.len() as u64
    );
}

#[test]
fn framing_is_checked_down_to_the_items() {
    let check = |signal, numbers: &[u32], is_fine| {
        // A field of the innermost message claims one byte more than there is.
        let request = nest(vec![0x0a, 2, b'x'], numbers);
        assert_eq!(
            survey(signal, &request).is_ok(),
            is_fine,
            "{signal} {numbers:?}"
        );
    };
    for signal in Signal::ALL {
        check(signal, &[], false);
        check(signal, &[1], false);
        check(signal, &[2, 1], false);
    }
    check(Signal::Traces, &[2, 2, 1], true);
    check(Signal::Logs, &[2, 2, 1], true);
    check(Signal::Metrics, &[2, 2, 1], false);
    check(Signal::Metrics, &[5, 2, 2, 1], false);
    check(Signal::Metrics, &[1, 5, 2, 2, 1], true);
}

#[test]
fn a_group_that_is_no_message_is_refused() {
    let mut request = Vec::new();
    put_varint(&mut request, 1 << 3);
    put_varint(&mut request, 7);
    assert!(survey(Signal::Traces, &request).is_err());
}

/// A value with so many levels, the innermost of which makes the whole longer than 2 KiB.
fn deep_value(levels: usize, container: &[u32]) -> Vec<u8> {
    let text = nest(vec![b'x'; 4096], &[1]);
    (1..levels).fold(text, |value, _| nest(value, container))
}

#[test]
fn long_elements_may_nest_as_deep_as_the_limit_and_no_deeper() {
    const ARRAY: &[u32] = &[1, 5];
    const LIST: &[u32] = &[2, 1, 6];
    let check = |signal, place: &[u32]| {
        for container in [ARRAY, LIST] {
            let outcome = |levels| survey(signal, &nest(deep_value(levels, container), place));
            assert!(
                outcome(ANY_VALUE_DEPTH).is_ok(),
                "{signal} {place:?} {container:?}"
            );
            let too_deep = Malformed("a value nests deeper than 64 levels");
            let found = outcome(ANY_VALUE_DEPTH + 1);
            assert_eq!(found, Err(too_deep), "{signal} {place:?} {container:?}");
        }
    };
    for signal in Signal::ALL {
        check(signal, &[2, 1, 1, 1]); // resource
        check(signal, &[2, 3, 1, 2, 1]); // scope
    }
    check(Signal::Traces, &[2, 9, 2, 2, 1]);
    check(Signal::Traces, &[2, 3, 11, 2, 2, 1]); // event
    check(Signal::Traces, &[2, 4, 13, 2, 2, 1]); // link
    check(Signal::Logs, &[2, 6, 2, 2, 1]);
    check(Signal::Logs, &[5, 2, 2, 1]); // body
    check(Signal::Metrics, &[2, 12, 2, 2, 1]); // metadata
    for (kind, attributes, exemplars) in [(5, 7, 5), (7, 7, 5), (9, 9, 8), (10, 1, 11)] {
        check(Signal::Metrics, &[2, attributes, 1, kind, 2, 2, 1]);
        check(Signal::Metrics, &[2, 7, exemplars, 1, kind, 2, 2, 1]);
    }
    check(Signal::Metrics, &[2, 7, 1, 11, 2, 2, 1]);
}
