//! What cannot be sent: each has an answer and a reason, and what is beside it is sent.

use opentelemetry_proto::tonic::metrics::v1 as proto;

use super::fixture::*;

/// Sent beside a good metric, of which `kept` lines more are sent, and one point is not.
fn refused_of(keys: &str, metrics: Vec<proto::Metric>, reason: &str, kept: usize) {
    let bench = Bench::new(keys);
    let good = gauge("good", vec![number(1.0, &[])]);
    let metrics = [metrics, vec![good]].concat();
    let translated = bench.translate(&request(&[], "", metrics.clone()));
    assert_eq!(translated.dropped, 1, "{reason}");
    assert_eq!(bench.dropped(), [(reason.to_owned(), 1.0)]);
    let shown = bench.of(metrics);
    assert!(shown.ends_with("good{} 1.0 @1010000\n"), "{shown}");
    assert_eq!(shown.lines().count(), 1 + kept, "{reason}: {shown}");
}

fn refused(metric: proto::Metric, reason: &str) {
    refused_of("", vec![metric], reason, 0);
}

#[test]
fn points_that_are_not_cumulative() {
    let point = || vec![number(1.0, &[])];
    refused(sum("c", (0, true), point()), "temporality");
    refused(sum("c", (3, false), point()), "temporality");
    refused(histogram("h", 0, vec![buckets([1, 2, 3])]), "temporality");
    refused(sum("c", (DELTA, true), point()), "delta");
    refused(sum("c", (DELTA, false), point()), "delta");
    refused(histogram("h", DELTA, vec![buckets([1, 2, 3])]), "delta");
    let point = exponential_point(0, 0, &[1]);
    refused(exponential("e", DELTA, vec![point]), "delta");
}

#[test]
fn counters_and_gauges_that_are_no_numbers() {
    for value in [-1.0, f64::NAN, f64::NEG_INFINITY] {
        refused(counter("c", vec![number(value, &[])]), "invalid_value");
    }
    let mut empty = number(0.0, &[]);
    empty.value = None;
    refused(gauge("g", vec![empty]), "invalid_value");
    refused(summary("s", &[(f64::NAN, 1.0)]), "invalid_value");
}

#[test]
fn times_that_no_back_end_takes() {
    let mut timeless = number(1.0, &[]);
    timeless.time_unix_nano = 0;
    refused(gauge("g", vec![timeless]), "no_time");
    // It is 2,000 s, and 10 minutes ahead are allowed for.
    let mut ahead = number(1.0, &[]);
    ahead.time_unix_nano = 2_601_000_000_000;
    refused(gauge("g", vec![ahead.clone()]), "future");
    ahead.time_unix_nano = 2_600_000_000_000;
    let bench = Bench::new("");
    assert_eq!(
        bench.of(vec![gauge("g", vec![ahead])]),
        "g{} 1.0 @2600000\n"
    );
}

#[test]
fn histograms_that_contradict_themselves() {
    let mut falling = buckets([1, 2, 3]);
    falling.explicit_bounds = vec![5.0, 1.0];
    let mut short = buckets([1, 2, 3]);
    short.bucket_counts.pop();
    let mut few = buckets([1, 2, 3]);
    few.count = 5;
    for point in [falling, short, few] {
        refused(histogram("h", CUMULATIVE, vec![point]), "invalid_histogram");
    }
    let mut many = exponential_point(0, 0, &[1]);
    many.count = 2;
    refused(
        exponential("e", CUMULATIVE, vec![many]),
        "invalid_histogram",
    );
    let coarse = exponential_point(-5, 0, &[1]);
    refused(exponential("e", CUMULATIVE, vec![coarse]), "scale");
}

#[test]
fn names_that_prometheus_cannot_take() {
    refused(gauge("...", vec![number(1.0, &[])]), "invalid_name");
    refused(
        gauge("g", vec![number(1.0, &[("____", "x")])]),
        "invalid_label",
    );
    refused(gauge("g", vec![number(1.0, &[("", "x")])]), "invalid_label");
    let mut point = buckets([1, 2, 3]);
    point.attributes = attributes(&[("le", "1")]);
    refused(histogram("h", CUMULATIVE, vec![point]), "invalid_label");
    let mut metric = metric("m", proto::metric::Data::Gauge(proto::Gauge::default()));
    metric.data = None;
    assert_eq!(Bench::new("").of(vec![metric]), "");
}

#[test]
fn a_label_that_only_buckets_have_is_free_elsewhere() {
    let bench = Bench::new("convert_explicit_histograms_to_nhcb: true");
    let mut point = buckets([1, 2, 3]);
    point.attributes = attributes(&[("le", "1")]);
    let metrics = vec![
        gauge("g", vec![number(1.0, &[("le", "1"), ("quantile", "2")])]),
        histogram("h", CUMULATIVE, vec![point]),
    ];
    let shown = bench.of(metrics);
    assert!(shown.contains("g{le=\"1\",quantile=\"2\"} 1.0"), "{shown}");
    assert!(shown.contains("h{le=\"1\"} count 6"), "{shown}");
}

#[test]
fn series_that_are_those_of_another_metric() {
    let value = |value| vec![number(value, &[])];
    // The same time and another value.
    let twice = vec![gauge("a.b", value(1.0)), gauge("a_b", value(2.0))];
    refused_of("", twice, "duplicate", 1);
    // Other types.
    let histogram = || histogram("h", CUMULATIVE, vec![buckets([1, 2, 3])]);
    refused_of(
        "",
        vec![histogram(), gauge("h_sum", value(1.0))],
        "duplicate",
        5,
    );
    refused_of(
        "",
        vec![gauge("h_sum", value(1.0)), histogram()],
        "duplicate",
        1,
    );
    refused_of(
        "",
        vec![histogram(), gauge("h_count", value(1.0))],
        "duplicate",
        5,
    );
    refused_of("", vec![histogram(), summary("h", &[])], "duplicate", 5);
    let native = exponential("e", CUMULATIVE, vec![exponential_point(0, 0, &[1])]);
    refused_of("", vec![native, gauge("e", value(1.0))], "duplicate", 1);
    // With other labels it is another series.
    let bench = Bench::new("");
    bench.of(vec![
        histogram(),
        gauge("h_sum", vec![number(1.0, &[("a", "1")])]),
    ]);
    assert!(bench.dropped().is_empty());
}
