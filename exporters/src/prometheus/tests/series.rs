//! What is shown after which points.

use std::time::Duration;

use super::fixture::*;

/// The same point at another time, in seconds since the Unix epoch.
fn between<P>(mut point: P, start: u64, time: u64, set: impl FnOnce(&mut P, u64, u64)) -> P {
    set(&mut point, start * 1_000_000_000, time * 1_000_000_000);
    point
}

macro_rules! at {
    ($point:expr, $start:expr, $time:expr) => {
        between($point, $start, $time, |point, start, time| {
            point.start_time_unix_nano = start;
            point.time_unix_nano = time;
        })
    };
}

#[test]
fn every_kind_of_metric_has_its_type() {
    let mut exposed = Exposed::new(bare());
    let taken = exposed.take_metrics(vec![
        gauge("g", vec![number(1.5, &[("a", "x")])]),
        counter("c", vec![number(2.0, &[])]),
        sum("u", (CUMULATIVE, false), vec![number(-3.0, &[])]),
        histogram("h", CUMULATIVE, vec![buckets([1, 2, 3])]),
        exponential("e", CUMULATIVE, vec![exponential_point(0, 0, &[4])]),
        summary("s", &[(0.5, 1.0), (0.99, 9.5)]),
    ]);
    assert_eq!(taken.dropped, 0);
    assert_eq!(
        exposed.page(),
        "\
# HELP c_total Help
# TYPE c_total counter
c_total 2
# HELP e Help
# TYPE e histogram
e_bucket{le=\"+Inf\"} 4
e_sum 40
e_count 4
# HELP g Help
# TYPE g gauge
g{a=\"x\"} 1.5
# HELP h Help
# TYPE h histogram
h_bucket{le=\"1\"} 1
h_bucket{le=\"5\"} 3
h_bucket{le=\"+Inf\"} 6
h_sum 60
h_count 6
# HELP s Help
# TYPE s summary
s{quantile=\"0.5\"} 1
s{quantile=\"0.99\"} 9.5
s_sum 21.5
s_count 7
# HELP u Help
# TYPE u gauge
u -3
"
    );
}

#[test]
fn a_gauge_that_nobody_knew_the_type_of_is_untyped() {
    let mut exposed = Exposed::new(bare());
    let mut metric = gauge("g", vec![number(1.0, &[])]);
    metric.metadata = attributes(&[("prometheus.type", "unknown")]);
    exposed.take_metrics(vec![metric]);
    assert!(exposed.page().contains("# TYPE g untyped\n"));
}

#[test]
fn the_newest_point_is_shown() {
    let mut exposed = Exposed::new(bare());
    for (time, value, shown) in [(1_010, 1.0, "1"), (1_020, 2.0, "2"), (1_020, 3.0, "3")] {
        exposed.take_metrics(vec![gauge("g", vec![at!(number(value, &[]), START, time)])]);
        assert_eq!(exposed.samples(), format!("g {shown}\n"));
    }
    let older = at!(number(4.0, &[]), START, 1_019);
    assert_eq!(
        exposed.take_metrics(vec![gauge("g", vec![older])]).dropped,
        1
    );
    assert_eq!(exposed.samples(), "g 3\n");
    assert_eq!(exposed.dropped(), [("out_of_order".to_owned(), 1.0)]);
}

#[test]
fn deltas_of_a_sum_add_up_where_one_begins_at_the_end_of_the_other() {
    let mut exposed = Exposed::new(bare());
    for (start, time, shown) in [
        (1_000, 1_010, "2"),
        (1_010, 1_020, "4"),
        (1_020, 1_025, "6"),
        // A gap: counting has begun anew.
        (1_030, 1_040, "2"),
        (1_040, 1_050, "4"),
        // So it has where the sender repeats himself.
        (1_040, 1_050, "2"),
    ] {
        let point = at!(number(2.0, &[]), start, time);
        exposed.take_metrics(vec![sum("c", (DELTA, true), vec![point])]);
        assert_eq!(exposed.samples(), format!("c_total {shown}\n"), "{start}");
    }
}

#[test]
fn deltas_of_whole_numbers_stay_exact() {
    use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
    let mut exposed = Exposed::new(bare());
    for (start, time) in [(1_000, 1_010), (1_010, 1_020), (1_020, 1_030)] {
        let mut point = at!(number(0.0, &[]), start, time);
        point.value = Some(Value::AsInt((1 << 53) + 1));
        exposed.take_metrics(vec![sum("c", (DELTA, true), vec![point])]);
    }
    assert_eq!(exposed.samples(), "c_total 2.702159776422298e+16\n");
}

#[test]
fn deltas_of_a_histogram_add_up_begin_anew_or_are_refused() {
    let mut exposed = Exposed::new(bare());
    let mut take = |start, time, counts| {
        let point = at!(buckets(counts), start, time);
        exposed.take_metrics(vec![histogram("h", DELTA, vec![point])]);
        exposed.samples()
    };
    let page = |below_1, below_5, count| {
        format!(
            "h_bucket{{le=\"1\"}} {below_1}\nh_bucket{{le=\"5\"}} {below_5}\n\
             h_bucket{{le=\"+Inf\"}} {count}\nh_sum {}\nh_count {count}\n",
            count * 10
        )
    };
    assert_eq!(take(1_000, 1_010, [1, 2, 3]), page(1, 3, 6));
    assert_eq!(take(1_010, 1_020, [1, 1, 1]), page(2, 5, 9));
    // It overlaps with what has been counted.
    assert_eq!(take(1_015, 1_025, [1, 1, 1]), page(2, 5, 9));
    assert_eq!(take(1_030, 1_040, [0, 1, 0]), page(0, 1, 1));
    assert_eq!(exposed.dropped(), [("misaligned".to_owned(), 1.0)]);
}

#[test]
fn deltas_of_an_exponential_histogram_meet_at_the_coarser_scale() {
    let mut exposed = Exposed::new(bare());
    let first = at!(exponential_point(1, 0, &[1, 2]), 1_000, 1_010);
    let second = at!(exponential_point(0, -1, &[4, 0, 5]), 1_010, 1_020);
    exposed.take_metrics(vec![exponential("e", DELTA, vec![first, second])]);
    assert_eq!(
        exposed.samples(),
        "e_bucket{le=\"+Inf\"} 12\ne_sum 120\ne_count 12\n"
    );
    assert!(exposed.dropped().is_empty());
}

#[test]
fn a_series_whose_sender_falls_silent_disappears() {
    let mut exposed = Exposed::new(bare());
    let point = |value: f64| gauge("g", vec![number(value, &[("a", &value.to_string())])]);
    exposed.take_metrics(vec![point(1.0), counter("c", vec![number(1.0, &[])])]);
    exposed.now += Duration::from_secs(299);
    exposed.take_metrics(vec![point(2.0)]);
    assert_eq!(exposed.samples().lines().count(), 3);
    exposed.now += Duration::from_secs(2);
    // Whether anybody has swept or not.
    for _ in 0..2 {
        assert_eq!(exposed.samples(), "g{a=\"2\"} 2\n");
        exposed.sweep();
    }
    assert_eq!(exposed.store.len(), 1);
    exposed.now += Duration::from_secs(301);
    exposed.sweep();
    assert_eq!((exposed.store.len(), exposed.page()), (0, String::new()));
}

#[test]
fn a_series_that_comes_back_begins_anew() {
    let mut exposed = Exposed::new(bare());
    exposed.take_metrics(vec![gauge("g", vec![number(1.0, &[])])]);
    exposed.now += Duration::from_secs(301);
    let older = at!(number(2.0, &[]), 1, 2);
    assert_eq!(
        exposed.take_metrics(vec![gauge("g", vec![older])]).dropped,
        0
    );
    assert_eq!(exposed.samples(), "g 2\n");
}

#[test]
fn a_sender_can_say_that_a_series_has_ended() {
    let mut exposed = Exposed::new(bare());
    let mut ended = number(0.0, &[("a", "1")]);
    exposed.take_metrics(vec![gauge(
        "g",
        vec![ended.clone(), number(0.0, &[("a", "2")])],
    )]);
    (ended.flags, ended.value) = (1, None);
    assert_eq!(
        exposed.take_metrics(vec![gauge("g", vec![ended])]).dropped,
        0
    );
    assert_eq!(exposed.samples(), "g{a=\"2\"} 0\n");
}

#[test]
fn nothing_moves_while_a_page_is_written() {
    let mut exposed = Exposed::new(bare());
    exposed.take_metrics(vec![gauge("g", vec![number(1.0, &[])])]);
    exposed.store.enter();
    exposed.now += Duration::from_secs(1_000);
    exposed.sweep();
    assert_eq!(exposed.store.len(), 1);
    exposed.store.leave();
    exposed.sweep();
    assert_eq!(exposed.store.len(), 0);
}

#[test]
fn memory_is_charged_and_given_back() {
    let mut exposed = Exposed::new(bare());
    let before = exposed.budget().used();
    exposed.take_metrics(vec![histogram("h", CUMULATIVE, vec![buckets([1, 2, 3])])]);
    assert!(exposed.budget().used() > before + 200);
    exposed.now += Duration::from_secs(301);
    exposed.sweep();
    assert_eq!(exposed.budget().used(), before);
}
