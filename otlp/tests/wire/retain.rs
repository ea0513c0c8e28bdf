//! Dropping items is what it is in prost.

use otlp::{Signal, retain, survey};
use proptest::prelude::*;

use crate::any_request;
use crate::oracle::{canonical, encoded_singles};

proptest! {
    #[test]
    fn the_items_that_are_kept_stay_in_their_surroundings(
        (signal, request) in any_request(),
        pattern in any::<u64>(),
    ) {
        let is_kept = |at: usize| pattern >> (at % 64) & 1 == 1;
        let expected: Vec<_> = encoded_singles(signal, &request)
            .into_iter()
            .enumerate()
            .filter_map(|(at, single)| is_kept(at).then_some(single))
            .collect();
        let mut seen = 0;
        let retained = retain(signal, &request, |_| {
            seen += 1;
            Ok(is_kept(seen - 1))
        });
        match retained.unwrap() {
            None => prop_assert!(expected.is_empty()),
            Some((retained, kept)) => {
                prop_assert_eq!(kept, expected.len());
                prop_assert_eq!(encoded_singles(signal, &retained), expected);
                prop_assert!(survey(signal, &retained).unwrap().items == kept);
            }
        }
    }

    #[test]
    fn a_request_that_keeps_everything_is_returned_as_it_is((signal, request) in any_request()) {
        if let Some((retained, _)) = retain(signal, &request, |_| Ok(true)).unwrap() {
            prop_assert_eq!(retained.as_ptr(), request.as_ptr());
        }
    }

    #[test]
    fn what_surrounds_an_item_is_shown_with_it((signal, request) in any_request()) {
        let mut names = Vec::new();
        retain(signal, &request, |entry| {
            let scope = entry.scope.scope.unwrap_or_default().name.to_string();
            names.push((scope, entry.metric.map(|metric| metric.name.to_string())));
            Ok(true)
        })
        .unwrap();
        let expected: Vec<_> = crate::oracle::singles(signal, &request)
            .into_iter()
            .map(|single| {
                let metric = match single.item {
                    crate::oracle::Item::Metric(metric) => Some(metric.name),
                    _ => None,
                };
                (single.scope.unwrap_or_default().name, metric)
            })
            .collect();
        prop_assert_eq!(names, expected);
    }
}

#[test]
fn emptied_metrics_scopes_and_resources_are_left_out() {
    // Two resources with one point each; the second has two scopes, of which one is empty.
    let point = [0x2a, 4, 0x0a, 2, 0x40, 1];
    let mut metric = vec![0x0a, 1, b'm'];
    metric.extend(point);
    let mut scope = vec![0x12, metric.len() as u8];
    scope.extend(&metric);
    let mut group = vec![0x12, scope.len() as u8];
    group.extend(&scope);
    let mut request = vec![0x0a, group.len() as u8];
    request.extend(&group);
    let first = request.clone();
    request.extend([0x0a, group.len() as u8 + 2]);
    request.extend(&group);
    request.extend([0x12, 0]);
    let mut seen = 0;
    let retained = retain(Signal::Metrics, &request.into(), |_| {
        seen += 1;
        Ok(seen == 1)
    });
    let (retained, kept) = retained.unwrap().unwrap();
    assert_eq!(kept, 1);
    assert_eq!(retained, first);
    assert_eq!(canonical(Signal::Metrics, &retained), first);
}
