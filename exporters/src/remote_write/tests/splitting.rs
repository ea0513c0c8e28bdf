//! Requests of limited size, and the order of samples in them.

use std::collections::HashMap;

use opentelemetry_proto::tonic::metrics::v1 as proto;

use super::super::encode::Version;
use super::fixture::*;

fn at(seconds: u64, value: f64, labels: &[(&str, &str)]) -> proto::NumberDataPoint {
    let mut point = number(value, labels);
    point.time_unix_nano = seconds * 1_000_000_000;
    point
}

#[test]
fn samples_of_a_series_are_in_the_order_of_their_times() {
    let points = [1_012, 1_010, 1_011, 1_013].map(|time| at(time, time as f64, &[("a", "1")]));
    let other = at(1_009, 9.0, &[("a", "1")]);
    let metrics = vec![gauge("g", points.into()), gauge("g", vec![other])];
    assert_eq!(
        Bench::new("").of(metrics),
        "g{a=\"1\"} 9.0 @1009000\ng{a=\"1\"} 1010.0 @1010000\ng{a=\"1\"} 1011.0 @1011000\n\
         g{a=\"1\"} 1012.0 @1012000\ng{a=\"1\"} 1013.0 @1013000\n"
    );
}

#[test]
fn what_is_sent_twice_is_written_once() {
    let bench = Bench::new("");
    let points = || vec![number(1.0, &[("a", "1")])];
    let metrics = vec![
        gauge("g", points()),
        gauge("g", points()),
        histogram(
            "h",
            CUMULATIVE,
            vec![buckets([1, 0, 0]), buckets([1, 0, 0])],
        ),
        exponential("e", CUMULATIVE, vec![exponential_point(0, 0, &[1]); 2]),
    ];
    let shown = bench.of(metrics);
    assert_eq!(shown.lines().count(), 1 + 5 + 1, "{shown}");
    assert!(bench.dropped().is_empty());
}

#[test]
fn requests_hold_no_more_than_they_may_and_no_series_is_in_two() {
    for version in ["prometheus.WriteRequest", "io.prometheus.write.v2.Request"] {
        let mut points = Vec::new();
        for time in [1_010, 1_011] {
            for pod in 0..200 {
                let mut point = buckets([1, 2, 3]);
                point.time_unix_nano = time * 1_000_000_000;
                point.attributes = attributes(&[("pod", &format!("pod-{pod}"))]);
                points.push(point);
            }
        }
        let metrics = vec![
            histogram("h", CUMULATIVE, points),
            gauge("large", vec![number(1.0, &[("text", &"x".repeat(5_000))])]),
        ];
        let bench = Bench::new(&format!(
            "protobuf_message: {version}\nmax_batch_size_bytes: 4000"
        ));
        let requests = bench.requests(&request(&[], "lib", metrics));
        assert!(requests.len() > 10, "{version}");
        let version = match version {
            "prometheus.WriteRequest" => Version::V1,
            _ => Version::V2,
        };
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut groups = 0;
        for (number, request) in requests.iter().enumerate() {
            let size: usize = request.body.iter().map(Vec::len).sum();
            assert!(size <= 4_000 || request.groups.len() == 1, "{size} bytes");
            assert_eq!(request.groups.start, groups, "none is left out");
            groups = request.groups.end;
            let shown = lines(request, version);
            for line in shown.lines().filter(|line| !line.starts_with(' ')) {
                let series = line.split_once('}').unwrap().0.to_owned();
                let first = *seen.entry(series).or_insert(number);
                assert_eq!(first, number, "{line}");
            }
        }
        assert_eq!((groups, seen.len()), (201, 200 * 5 + 1));
        let sent: u64 = requests.iter().map(|request| request.totals.samples).sum();
        assert_eq!(sent, 2 * 200 * 5 + 1);
    }
}
