//! What cannot be shown: each has an answer and a reason, and the rest of the page is as it was.

use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data};

use super::super::config::Keys;
use super::fixture::*;

/// A page with a series `good`, a metric that is not shown, and why.
fn refused(metric: Metric, reason: &str) {
    refused_by(bare(), metric, reason);
}

fn refused_by(keys: Keys, metric: Metric, reason: &str) {
    let mut exposed = Exposed::new(keys);
    exposed.take_metrics(vec![gauge("good", vec![number(1.0, &[])])]);
    let before = exposed.page();
    let taken = exposed.take_metrics(vec![metric]);
    assert_eq!(taken.dropped, 1, "{reason}");
    assert_eq!(exposed.dropped(), [(reason.to_owned(), 1.0)]);
    assert_eq!(exposed.page(), before, "{reason}");
}

#[test]
fn points_that_do_not_say_what_they_count() {
    let point = || vec![number(1.0, &[])];
    refused(sum("c", (0, true), point()), "temporality");
    refused(sum("c", (3, true), point()), "temporality");
    refused(sum("c", (DELTA, false), point()), "non_monotonic_delta");
    refused(histogram("h", 0, vec![buckets([1, 2, 3])]), "temporality");
    let point = exponential_point(0, 0, &[1]);
    refused(exponential("e", 0, vec![point]), "temporality");
}

#[test]
fn counters_that_are_none() {
    for value in [-1.0, f64::NAN, f64::NEG_INFINITY] {
        refused(counter("c", vec![number(value, &[])]), "invalid_value");
    }
    let mut empty = number(0.0, &[]);
    empty.value = None;
    refused(gauge("g", vec![empty]), "invalid_value");
}

#[test]
fn numbers_that_look_bad_and_are_not() {
    let mut exposed = Exposed::new(bare());
    exposed.take_metrics(vec![
        gauge("nan", vec![number(f64::NAN, &[])]),
        gauge("zero", vec![number(-0.0, &[])]),
        counter("none", vec![number(-0.0, &[])]),
        counter("much", vec![number(f64::INFINITY, &[])]),
    ]);
    assert_eq!(
        exposed.samples(),
        "much_total +Inf\nnan NaN\nnone_total 0\nzero 0\n"
    );
    assert!(exposed.dropped().is_empty());
}

#[test]
fn histograms_that_contradict_themselves() {
    let with =
        |change: &dyn Fn(&mut opentelemetry_proto::tonic::metrics::v1::HistogramDataPoint)| {
            let mut point = buckets([1, 2, 3]);
            change(&mut point);
            refused(histogram("h", CUMULATIVE, vec![point]), "invalid_histogram");
        };
    with(&|point| point.count = 5);
    with(&|point| point.explicit_bounds = vec![5.0, 1.0]);
    with(&|point| point.explicit_bounds = vec![1.0, 1.0]);
    with(&|point| point.explicit_bounds = vec![1.0, f64::NAN]);
    with(&|point| point.explicit_bounds = vec![1.0]);
    with(&|point| point.bucket_counts = Vec::new());
    with(&|point| point.bucket_counts = vec![u64::MAX, 1, 1]);
    let check = |scale, offset, counts: &[u64], count| {
        let mut point = exponential_point(scale, offset, counts);
        point.count = count;
        let reason = if scale < -4 {
            "scale"
        } else {
            "invalid_histogram"
        };
        refused(exponential("e", CUMULATIVE, vec![point]), reason);
    };
    check(-5, 0, &[1], 1);
    check(0, 0, &[1], 2);
    check(0, 3_000, &[1], 1);
    check(0, i32::MIN, &[1], 1);
}

#[test]
fn names_that_nothing_is_left_of() {
    let point = || vec![number(1.0, &[])];
    refused(gauge("", point()), "invalid_name");
    refused(gauge("...", point()), "invalid_name");
    for key in ["", "...", "__name__"] {
        refused(
            gauge("g", vec![number(1.0, &[(key, "x")])]),
            "invalid_label",
        );
    }
    let mut point = buckets([1, 2, 3]);
    point.attributes = attributes(&[("le", "x")]);
    refused(histogram("h", CUMULATIVE, vec![point]), "invalid_label");
    let mut metric = summary("s", &[]);
    if let Some(Data::Summary(summary)) = &mut metric.data {
        summary.data_points[0].attributes = attributes(&[("quantile", "x")]);
    }
    refused(metric, "invalid_label");
    let mut metric = gauge("g", vec![number(1.0, &[])]);
    metric.data = None;
    let mut exposed = Exposed::new(bare());
    assert_eq!(
        exposed.take_metrics(vec![metric]).dropped,
        0,
        "it has no points"
    );
}

#[test]
fn one_name_has_one_type() {
    let mut exposed = Exposed::new(bare());
    let point = |value| vec![number(value, &[])];
    exposed.take_metrics(vec![
        gauge("a.b", point(1.0)),
        histogram("a_b", CUMULATIVE, vec![buckets([1, 2, 3])]),
        sum("a-b", (CUMULATIVE, false), point(2.0)),
    ]);
    assert_eq!(exposed.samples(), "a_b 1\n");
    let expected = [
        ("duplicate".to_owned(), 1.0),
        ("type_conflict".to_owned(), 1.0),
    ];
    assert_eq!(exposed.dropped(), expected);
}

#[test]
fn samples_of_a_histogram_are_not_another_family() {
    for (first, second) in [("h", "h_count"), ("h_count", "h")] {
        let mut exposed = Exposed::new(bare());
        let of = |name: &str| match name {
            "h" => histogram("h", CUMULATIVE, vec![buckets([1, 2, 3])]),
            name => gauge(name, vec![number(1.0, &[])]),
        };
        exposed.take_metrics(vec![of(first)]);
        let before = exposed.page();
        exposed.take_metrics(vec![of(second)]);
        assert_eq!(exposed.page(), before);
        assert_eq!(exposed.dropped(), [("name_conflict".to_owned(), 1.0)]);
    }
    refused(
        gauge("target_info", vec![number(1.0, &[])]),
        "name_conflict",
    );
}

#[test]
fn attributes_that_have_the_same_name_then() {
    let mut exposed = Exposed::new(bare());
    let point = number(1.0, &[("b_c", "2"), ("b.c", "1"), ("a", "x")]);
    exposed.take_metrics(vec![gauge("g", vec![point])]);
    assert_eq!(exposed.samples(), "g{a=\"x\",b_c=\"1;2\"} 1\n");
    let labelled = Keys {
        const_labels: [("env".to_owned(), "prod".to_owned())].into(),
        ..bare()
    };
    let point = number(1.0, &[("env", "x")]);
    refused_by(labelled, gauge("g", vec![point]), "label_conflict");
}

#[test]
fn two_metrics_that_are_one_series_do_not_take_turns() {
    let mut exposed = Exposed::new(bare());
    let metrics = || {
        vec![
            counter("a.b", vec![number(100.0, &[("k.1", "x")])]),
            counter("a_b", vec![number(1.0, &[("k.1", "x")])]),
            counter("a.b", vec![number(2.0, &[("k_1", "x")])]),
        ]
    };
    for _ in 0..2 {
        exposed.take_metrics(metrics());
        assert_eq!(exposed.samples(), "a_b_total{k_1=\"x\"} 100\n");
    }
    assert_eq!(exposed.dropped(), [("duplicate".to_owned(), 4.0)]);
}

#[test]
fn points_from_the_future_are_not_shown_with_their_time() {
    let point = || {
        let mut point = number(1.0, &[]);
        point.time_unix_nano = (2_000 + 601) * 1_000_000_000;
        vec![point]
    };
    let timed = || Keys {
        send_timestamps: true,
        ..bare()
    };
    refused_by(timed(), gauge("g", point()), "future");
    let mut exposed = Exposed::new(bare());
    exposed.take_metrics(vec![gauge("g", point())]);
    assert_eq!(exposed.samples(), "g 1\n");
}

#[test]
fn more_label_sets_than_there_is_room_for() {
    const KEPT: usize = 100;
    let mut exposed = Exposed::bounded(bare(), KEPT);
    // Ten million of them would do the same; it is the first that decide.
    for batch in 0..100 {
        let point = |at: u64| number(1.0, &[("id", &format!("{batch}-{at}"))]);
        let points: Vec<_> = (0..100).map(point).collect();
        exposed.take_metrics(vec![
            gauge("g", points.clone()),
            sum("d", (DELTA, true), points),
        ]);
    }
    assert_eq!(exposed.store.len(), KEPT, "the first batch is all gauges");
    assert_eq!(exposed.samples().lines().count(), KEPT);
    let dropped = (2 * 100 * 100 - KEPT) as f64;
    assert_eq!(exposed.dropped(), [("limit".to_owned(), dropped)]);
}

#[test]
fn deltas_that_there_is_no_room_for_add_up() {
    let mut exposed = Exposed::bounded(bare(), 1);
    let mut overflowed = 0;
    for round in 0..3 {
        let points: Vec<_> = ["a", "b", "c"]
            .map(|id| {
                let mut point = number(2.0, &[("id", id)]);
                point.start_time_unix_nano = (START + round) * 1_000_000_000;
                point.time_unix_nano = (START + round + 1) * 1_000_000_000;
                point
            })
            .into();
        let taken = exposed.take_metrics(vec![sum("d", (DELTA, true), points)]);
        assert_eq!(taken.dropped, 0);
        overflowed += taken.overflowed;
    }
    assert_eq!(
        exposed.samples(),
        "d_total{id=\"a\"} 6\nd_total{otel_metric_overflow=\"true\"} 12\n"
    );
    assert_eq!(overflowed, 6);
}
