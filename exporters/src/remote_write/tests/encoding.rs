//! What every kind of metric becomes, and how it is called.

use opentelemetry_proto::tonic::metrics::v1::{self as proto, metric::Data};

use super::fixture::*;

const V2: &str = "protobuf_message: io.prometheus.write.v2.Request\n";

/// The lines of metrics in version 1.
fn check(keys: &str, metrics: Vec<proto::Metric>, expected: &str) {
    assert_eq!(Bench::new(keys).of(metrics), expected, "{keys}");
}

fn exemplar(value: f64, trace: u8, attributes: &[(&str, &str)]) -> proto::Exemplar {
    proto::Exemplar {
        time_unix_nano: 1_009_500_000_000,
        value: Some(proto::exemplar::Value::AsDouble(value)),
        trace_id: if trace > 0 {
            vec![trace; 16]
        } else {
            Vec::new()
        },
        span_id: if trace > 0 {
            vec![trace; 8]
        } else {
            Vec::new()
        },
        filtered_attributes: super::fixture::attributes(attributes),
    }
}

const IDS: &str = "span_id=\"0101010101010101\",trace_id=\"01010101010101010101010101010101\"";

#[test]
fn numbers_are_samples() {
    let mut speed = gauge("speed", vec![number(-1.5, &[("b", "2"), ("a.x", "1")])]);
    speed.unit = "m/s".into();
    let metrics = || {
        vec![
            speed.clone(),
            counter("requests", vec![number(7.0, &[])]),
            sum("level", (CUMULATIVE, false), vec![number(f64::NAN, &[])]),
        ]
    };
    check(
        "",
        metrics(),
        "speed_meters_per_second{a_x=\"1\",b=\"2\"} -1.5 @1010000\n\
         requests_total{} 7.0 @1010000\n\
         level{} NaN @1010000\n",
    );
    check(
        V2,
        metrics(),
        "speed_meters_per_second{a_x=\"1\",b=\"2\"} -1.5 @1010000 since 0\n\
         \x20 # 2 \"Help\" \"meters_per_second\"\n\
         requests_total{} 7.0 @1010000 since 1000000\n\
         \x20 # 1 \"Help\" \"\"\n\
         level{} NaN @1010000 since 0\n\
         \x20 # 2 \"Help\" \"\"\n",
    );
}

#[test]
fn a_histogram_has_a_series_for_each_bucket_with_its_exemplars() {
    let mut point = buckets([1, 2, 3]);
    point.exemplars = vec![
        exemplar(0.5, 1, &[]),
        exemplar(7.0, 1, &[]),
        exemplar(0.25, 0, &[]),
    ];
    let with_labels = proto::HistogramDataPoint {
        attributes: attributes(&[("__a", "1"), ("m", "2"), ("z", "3"), ("A", "0")]),
        sum: None,
        ..buckets([4, 0, 0])
    };
    check(
        "",
        vec![histogram("h", CUMULATIVE, vec![point, with_labels])],
        &format!(
            "h_count{{}} 6.0 @1010000\n\
             h_sum{{}} 60.0 @1010000\n\
             h_bucket{{le=\"1\"}} 1.0 @1010000\n\
             \x20 # {{{IDS}}} 0.5 @1009500\n\
             h_bucket{{le=\"5\"}} 3.0 @1010000\n\
             h_bucket{{le=\"+Inf\"}} 6.0 @1010000\n\
             \x20 # {{{IDS}}} 7.0 @1009500\n\
             h_count{{A=\"0\",key_a=\"1\",m=\"2\",z=\"3\"}} 4.0 @1010000\n\
             h_bucket{{A=\"0\",key_a=\"1\",le=\"1\",m=\"2\",z=\"3\"}} 4.0 @1010000\n\
             h_bucket{{A=\"0\",key_a=\"1\",le=\"5\",m=\"2\",z=\"3\"}} 4.0 @1010000\n\
             h_bucket{{A=\"0\",key_a=\"1\",le=\"+Inf\",m=\"2\",z=\"3\"}} 4.0 @1010000\n"
        ),
    );
}

#[test]
fn a_histogram_may_be_a_native_one_of_custom_buckets() {
    let native = "h{} count 6 sum 60.0 schema -53 zero 0.0 0 +[(0, 3)] [1, 1, 1] -[] [] \
                  bounds [1.0, 5.0] @1010000";
    let metric = || vec![histogram("h", CUMULATIVE, vec![buckets([1, 2, 3])])];
    let keys = "convert_explicit_histograms_to_nhcb: true\n";
    check(keys, metric(), &format!("{native}\n"));
    check(
        &format!("{keys}keep_classic_histograms: true"),
        metric(),
        &format!(
            "h_count{{}} 6.0 @1010000\nh_sum{{}} 60.0 @1010000\n\
             h_bucket{{le=\"1\"}} 1.0 @1010000\nh_bucket{{le=\"5\"}} 3.0 @1010000\n\
             h_bucket{{le=\"+Inf\"}} 6.0 @1010000\n{native}\n"
        ),
    );
    // What is counted and in no bucket lies above them all.
    let mut short = buckets([1, 0, 0]);
    short.count = 9;
    check(
        keys,
        vec![histogram("h", CUMULATIVE, vec![short])],
        "h{} count 9 sum 10.0 schema -53 zero 0.0 0 +[(0, 3)] [1, -1, 8] -[] [] bounds [1.0, 5.0] \
         @1010000\n",
    );
    // Also where the sender has written the last bound.
    let mut infinite = buckets([1, 2, 0]);
    (infinite.count, infinite.explicit_bounds) = (9, vec![1.0, f64::INFINITY]);
    check(
        keys,
        vec![histogram("h", CUMULATIVE, vec![infinite])],
        "h{} count 9 sum 30.0 schema -53 zero 0.0 0 +[(0, 2)] [1, 7] -[] [] bounds [1.0] @1010000\n",
    );
}

#[test]
fn an_exponential_histogram_is_a_native_one() {
    let mut point = exponential_point(0, 1, &[4, 0, 0, 0, 2]);
    point.exemplars = vec![exemplar(3.0, 1, &[])];
    let metric = || vec![exponential("e", CUMULATIVE, vec![point.clone()])];
    let native = "e{} count 6 sum 60.0 schema 0 zero 1e-128 0 +[(2, 1), (3, 1)] [4, -2] -[] [] \
                  bounds [] @1010000";
    let seen = format!("  # {{{IDS}}} 3.0 @1009500\n");
    check("", metric(), &format!("{native}\n{seen}"));
    check(
        V2,
        metric(),
        &format!("{native} since 1000000\n{seen}  # 3 \"Help\" \"\"\n"),
    );
    // Too fine for Prometheus: two buckets become one.
    let fine = exponential_point(9, 0, &[1, 2]);
    check(
        "",
        vec![exponential("e", CUMULATIVE, vec![fine])],
        "e{} count 3 sum 30.0 schema 8 zero 1e-128 0 +[(1, 1)] [3] -[] [] bounds [] @1010000\n",
    );
}

#[test]
fn a_summary_has_a_series_for_each_quantile() {
    check(
        "",
        vec![summary("s", &[(0.5, 0.25), (0.99, 2.0)])],
        "s_count{} 7.0 @1010000\ns_sum{} 21.5 @1010000\n\
         s{quantile=\"0.5\"} 0.25 @1010000\ns{quantile=\"0.99\"} 2.0 @1010000\n",
    );
}

#[test]
fn what_has_ended_is_marked_as_prometheus_marks_it() {
    let mut gone = number(1.0, &[]);
    (gone.flags, gone.value) = (1, None);
    let mut buckets = buckets([0, 0, 0]);
    buckets.flags = 1;
    let mut native = exponential_point(0, 0, &[]);
    native.flags = 1;
    let metrics = vec![
        gauge("g", vec![gone]),
        histogram("h", CUMULATIVE, vec![buckets]),
        exponential("e", CUMULATIVE, vec![native]),
    ];
    let bench = Bench::new("");
    let requests = bench.requests(&request(&[], "", metrics));
    let decoded: super::oracle::v1::WriteRequest =
        prost::Message::decode(&*requests[0].body.concat()).unwrap();
    // No comparison tells one NaN from another.
    const STALE: u64 = 0x7ff0_0000_0000_0002;
    let mut marks = 0;
    for series in decoded.timeseries {
        let numbers = series.samples.iter().map(|sample| sample.value);
        let sums = series.histograms.iter().map(|native| native.sum);
        for value in numbers.chain(sums) {
            assert_eq!(value.to_bits(), STALE, "{:?}", series.labels);
            marks += 1;
        }
    }
    assert_eq!(marks, 1 + 5 + 1, "the number, five series of h, and e");
    assert!(bench.dropped().is_empty());
}

#[test]
fn an_exemplar_keeps_its_attributes_if_there_is_room_for_all() {
    let long = "x".repeat(80);
    let mut point = number(1.0, &[]);
    point.exemplars = vec![
        exemplar(1.0, 1, &[("http.route", "/a"), ("trace_id", "other")]),
        exemplar(2.0, 1, &[("a", &long)]),
        exemplar(3.0, 0, &[("a", "b")]),
    ];
    check(
        "",
        vec![counter("c", vec![point])],
        &format!(
            "c_total{{}} 1.0 @1010000\n\
             \x20 # {{http_route=\"/a\",{IDS}}} 1.0 @1009500\n\
             \x20 # {{{IDS}}} 2.0 @1009500\n\
             \x20 # {{a=\"b\"}} 3.0 @1009500\n"
        ),
    );
}

#[test]
fn metadata_are_sent_where_they_are_asked_for() {
    let mut c = counter(
        "c",
        vec![number(1.0, &[("a", "1")]), number(2.0, &[("a", "2")])],
    );
    c.unit = "By".into();
    check(
        "send_metadata: true",
        vec![c, histogram("h", CUMULATIVE, vec![buckets([0, 0, 1])])],
        "c_bytes_total{a=\"1\"} 1.0 @1010000\n\
         c_bytes_total{a=\"2\"} 2.0 @1010000\n\
         h_count{} 1.0 @1010000\nh_sum{} 10.0 @1010000\n\
         h_bucket{le=\"1\"} 0.0 @1010000\nh_bucket{le=\"5\"} 0.0 @1010000\n\
         h_bucket{le=\"+Inf\"} 1.0 @1010000\n\
         # c_bytes_total 1 \"Help\" \"bytes\"\n\
         # h 3 \"Help\" \"\"\n",
    );
}

#[test]
fn types_that_otlp_has_not_are_taken_from_the_metadata() {
    let noted = |mut metric: proto::Metric, kind: &str| {
        metric.metadata = attributes(&[("prometheus.type", kind)]);
        metric
    };
    let level = |name| sum(name, (CUMULATIVE, false), vec![number(1.0, &[])]);
    let metrics = vec![
        noted(gauge("u", vec![number(1.0, &[])]), "unknown"),
        noted(level("i"), "info"),
        noted(level("s"), "stateset"),
    ];
    let shown = Bench::new("send_metadata: true").of(metrics);
    let described: Vec<_> = shown.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(
        described,
        [
            "# u 0 \"Help\" \"\"",
            "# i 6 \"Help\" \"\"",
            "# s 7 \"Help\" \"\""
        ]
    );
}

const SHOP: [(&str, &str); 5] = [
    ("service.namespace", "shop"),
    ("service.name", "cart"),
    ("service.instance.id", "i-1"),
    ("host..name", "h"),
    ("_zone", "z"),
];

#[test]
fn labels_are_those_of_the_collector() {
    let metrics = || {
        vec![gauge(
            "g",
            vec![number(1.0, &[("host..name", "p"), ("empty", "")])],
        )]
    };
    let check = |keys: &str, scope: &str, expected: &str| {
        let shown = Bench::new(keys).lines(&request(&SHOP, scope, metrics()));
        assert_eq!(shown, expected, "{keys}");
    };
    let target = "target_info{_zone=\"z\",host__name=\"h\",instance=\"i-1\",job=\"shop/cart\"} 1.0 \
                  @1010000\n";
    check(
        "",
        "lib",
        &format!(
            "g{{host_name=\"p\",instance=\"i-1\",job=\"shop/cart\",otel_scope_name=\"lib\"}} 1.0 \
             @1010000\n{target}"
        ),
    );
    check(
        "disable_scope_info: true\ntarget_info: {enabled: false}",
        "lib",
        "g{host_name=\"p\",instance=\"i-1\",job=\"shop/cart\"} 1.0 @1010000\n",
    );
    // What is said of the point wins over external labels, and the resource over the point.
    check(
        "external_labels: {host.name: x, __replica__: r, job: mine}\n\
         resource_to_telemetry_conversion: {enabled: true, exclude_service_attributes: true}\n\
         target_info: {enabled: false}",
        "",
        "g{__replica__=\"r\",host_name=\"h\",instance=\"i-1\",job=\"shop/cart\",key_zone=\"z\"} 1.0 \
         @1010000\n",
    );
    check(
        "resource_constant_labels: {included: [service.*]}\nnamespace: my-shop\n\
         target_info: {enabled: false}",
        "",
        "my-shop_g{host_name=\"p\",instance=\"i-1\",job=\"shop/cart\",service_instance_id=\"i-1\",\
         service_name=\"cart\",service_namespace=\"shop\"} 1.0 @1010000\n",
    );
    check(
        &format!("{V2}translation_strategy: NoTranslation"),
        "",
        "g{host..name=\"p\",instance=\"i-1\",job=\"shop/cart\"} 1.0 @1010000 since 0\n\
         \x20 # 2 \"Help\" \"\"\n\
         target_info{_zone=\"z\",host..name=\"h\",instance=\"i-1\",job=\"shop/cart\"} 1.0 @1010000 \
         since 0\n\
         \x20 # 2 \"Target metadata\" \"\"\n",
    );
}

#[test]
fn attributes_that_get_the_same_name_share_a_label() {
    let labels = [("a.b", "1"), ("a_b", "2"), ("a-b", "1"), ("__name__", "x")];
    check(
        "",
        vec![gauge("g", vec![number(1.0, &labels)])],
        "g{a_b=\"1;2\"} 1.0 @1010000\n",
    );
}

#[test]
fn a_resource_is_told_of_as_of_its_newest_point_and_never_goes_back() {
    let bench = Bench::new("");
    let at = |seconds: u64| {
        let mut point = number(1.0, &[]);
        point.time_unix_nano = seconds * 1_000_000_000;
        let shown = bench.lines(&request(&SHOP, "", vec![gauge("g", vec![point])]));
        shown.lines().find_map(|line| {
            let of_target = line.starts_with("target_info");
            of_target.then(|| line.rsplit_once('@').unwrap().1.to_owned())
        })
    };
    assert_eq!(at(1_010).as_deref(), Some("1010000"));
    assert_eq!(at(1_005), None, "it would be refused with all beside it");
    // As when it is sent again.
    assert_eq!(at(1_010).as_deref(), Some("1010000"));
    assert_eq!(at(1_020).as_deref(), Some("1020000"));
}

#[test]
fn a_resource_of_which_nothing_is_known_is_not_told_of() {
    for resource in [&[][..], &[("host.name", "h")], &[("service.name", "cart")]] {
        let metrics = vec![gauge("g", vec![number(1.0, &[])])];
        let shown = Bench::new("").lines(&request(resource, "", metrics));
        assert!(!shown.contains("target_info"), "{shown}");
    }
}

#[test]
fn version_2_writes_each_text_once() {
    let points = (0..50).map(|at| number(1.0, &[("pod", &format!("p{at}")), ("zone", "north")]));
    let requests =
        Bench::new(V2).requests(&request(&SHOP, "lib", vec![gauge("g", points.collect())]));
    let decoded: super::oracle::v2::Request =
        prost::Message::decode(&*requests[0].body.concat()).unwrap();
    assert_eq!(
        decoded
            .symbols
            .iter()
            .filter(|text| *text == "north")
            .count(),
        1
    );
    let mut symbols = decoded.symbols.clone();
    symbols.sort();
    symbols.dedup();
    assert_eq!(symbols.len(), decoded.symbols.len());
    assert_eq!(requests[0].totals.series, 51);
}

#[test]
fn metrics_without_points_are_nothing() {
    let empty = metric("g", Data::Gauge(proto::Gauge::default()));
    assert!(
        Bench::new("")
            .requests(&request(&SHOP, "", vec![empty]))
            .is_empty()
    );
}
