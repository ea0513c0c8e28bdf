//! The same series in every format.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::metrics::v1::{Exemplar, exemplar};
use prost::Message;

use super::super::config::Keys;
use super::super::page::{Escaping, Format, Version};
use super::fixture::*;

const OPEN_METRICS: Format = Format::OpenMetrics(Version::V1_0_0);

/// Of the trace 0101…, at a time in milliseconds since the Unix epoch.
fn exemplar(value: f64, time: u64) -> Exemplar {
    Exemplar {
        time_unix_nano: time * 1_000_000,
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        value: Some(exemplar::Value::AsDouble(value)),
        ..Exemplar::default()
    }
}

const TRACE: &str = "span_id=\"0202020202020202\",trace_id=\"01010101010101010101010101010101\"";

fn open_metrics(
    keys: Keys,
    metrics: Vec<opentelemetry_proto::tonic::metrics::v1::Metric>,
) -> String {
    let mut exposed = Exposed::new(keys);
    assert_eq!(exposed.take_metrics(metrics).dropped, 0);
    String::from_utf8(exposed.page_in(OPEN_METRICS, Escaping::Underscores)).unwrap()
}

#[test]
fn open_metrics_shows_exemplars_of_counters_and_buckets() {
    let mut count = number(3.0, &[("a", "b\"")]);
    count.exemplars = vec![exemplar(1.0, 1_001_000), exemplar(2.0, 1_002_500)];
    let mut point = buckets([1, 2, 3]);
    point.exemplars = vec![
        exemplar(0.5, 1_001_000),
        exemplar(1.0, 1_002_000),
        exemplar(7.5, 0),
    ];
    let mut measured = number(1.0, &[]);
    measured.exemplars = vec![exemplar(1.0, 1_001_000)];
    let page = open_metrics(
        bare(),
        vec![
            counter("c", vec![count]),
            gauge("g", vec![measured]),
            histogram("h", CUMULATIVE, vec![point]),
        ],
    );
    assert_eq!(
        page,
        format!(
            "\
# HELP c Help
# TYPE c counter
c_total{{a=\"b\\\"\"}} 3.0 # {{{TRACE}}} 2.0 1002.5
# HELP g Help
# TYPE g gauge
g 1.0
# HELP h Help
# TYPE h histogram
h_bucket{{le=\"1.0\"}} 1 # {{{TRACE}}} 1.0 1002.0
h_bucket{{le=\"5.0\"}} 3
h_bucket{{le=\"+Inf\"}} 6 # {{{TRACE}}} 7.5
h_sum 60.0
h_count 6
# EOF
"
        )
    );
}

#[test]
fn open_metrics_shows_times_and_when_counting_began_where_asked_to() {
    let keys = Keys {
        send_timestamps: true,
        enable_open_metrics: true,
        created_samples: true,
        ..bare()
    };
    let page = open_metrics(
        keys,
        vec![
            counter("c", vec![number(3.0, &[("a", "b")])]),
            gauge("g", vec![number(3.0, &[])]),
            histogram("h", CUMULATIVE, vec![buckets([1, 0, 0])]),
        ],
    );
    assert_eq!(
        page,
        "\
# HELP c Help
# TYPE c counter
c_total{a=\"b\"} 3.0 1010.0
c_created{a=\"b\"} 1000.0
# HELP g Help
# TYPE g gauge
g 3.0 1010.0
# HELP h Help
# TYPE h histogram
h_bucket{le=\"1.0\"} 1 1010.0
h_bucket{le=\"5.0\"} 1 1010.0
h_bucket{le=\"+Inf\"} 1 1010.0
h_sum 10.0 1010.0
h_count 1 1010.0
h_created 1000.0
# EOF
"
    );
}

#[test]
fn open_metrics_does_not_know_a_counter_by_another_name() {
    let keys = Keys {
        add_metric_suffixes: false,
        ..bare()
    };
    let page = open_metrics(keys, vec![counter("c", vec![number(1.0, &[])])]);
    assert_eq!(page, "# HELP c Help\n# TYPE c unknown\nc 1.0\n# EOF\n");
}

#[test]
fn exemplars_stay_until_there_are_newer_ones() {
    let mut exposed = Exposed::new(bare());
    let mut point = number(1.0, &[]);
    point.exemplars = vec![exemplar(1.0, 1_001_000)];
    exposed.take_metrics(vec![counter("c", vec![point])]);
    exposed.take_metrics(vec![counter("c", vec![number(2.0, &[])])]);
    let page = exposed.page_in(OPEN_METRICS, Escaping::Underscores);
    let page = String::from_utf8(page).unwrap();
    assert!(
        page.contains(&format!("c_total 2.0 # {{{TRACE}}} 1.0 1001.0\n")),
        "{page}"
    );
}

#[test]
fn help_and_values_are_escaped() {
    let mut exposed = Exposed::new(bare());
    let mut metric = gauge("g", vec![number(1.0, &[("a", "x\\\n\"")])]);
    metric.description = "a \\ \n \"".into();
    exposed.take_metrics(vec![metric]);
    assert_eq!(
        exposed.page(),
        "# HELP g a \\\\ \\n \"\n# TYPE g gauge\ng{a=\"x\\\\\\n\\\"\"} 1\n"
    );
    let page = exposed.page_in(OPEN_METRICS, Escaping::Underscores);
    assert!(page.starts_with(b"# HELP g a \\\\ \\n \\\"\n"));
}

#[test]
fn names_are_quoted_for_who_reads_them_and_escaped_for_who_does_not() {
    let keys = Keys {
        translation_strategy: Some(crate::translation::Strategy::NoTranslation),
        ..bare()
    };
    let mut exposed = Exposed::new(keys);
    exposed.take_metrics(vec![
        gauge("a.b", vec![number(1.0, &[("c.d", "x"), ("c_d", "y")])]),
        gauge("a_b", vec![number(2.0, &[])]),
        histogram("h.x", CUMULATIVE, vec![buckets([1, 0, 0])]),
    ]);
    let page = exposed.page_in(Format::Text, Escaping::AllowUtf8);
    assert_eq!(
        String::from_utf8(page).unwrap(),
        "\
# HELP \"a.b\" Help
# TYPE \"a.b\" gauge
{\"a.b\",\"c.d\"=\"x\",c_d=\"y\"} 1
# HELP a_b Help
# TYPE a_b gauge
a_b 2
# HELP \"h.x\" Help
# TYPE \"h.x\" histogram
{\"h.x_bucket\",le=\"1\"} 1
{\"h.x_bucket\",le=\"5\"} 1
{\"h.x_bucket\",le=\"+Inf\"} 1
{\"h.x_sum\"} 10
{\"h.x_count\"} 1
"
    );
    // Labels and families that have the same name then would spoil the whole page.
    let page = exposed.page_in(Format::Text, Escaping::Underscores);
    let page = String::from_utf8(page).unwrap();
    let samples: Vec<_> = page.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(samples[0], "a_b{c_d=\"x;y\"} 1");
    assert_eq!(samples[1], "h_x_bucket{le=\"1\"} 1");
}

/// `io.prometheus.client`, as far as the tests look at it.
mod client {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct LabelPair {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        #[prost(string, tag = "2")]
        pub(super) value: String,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Timestamp {
        #[prost(int64, tag = "1")]
        pub(super) seconds: i64,
        #[prost(int32, tag = "2")]
        pub(super) nanos: i32,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Exemplar {
        #[prost(message, repeated, tag = "1")]
        pub(super) label: Vec<LabelPair>,
        #[prost(double, tag = "2")]
        pub(super) value: f64,
        #[prost(message, optional, tag = "3")]
        pub(super) timestamp: Option<Timestamp>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Value {
        #[prost(double, tag = "1")]
        pub(super) value: f64,
        #[prost(message, optional, tag = "2")]
        pub(super) exemplar: Option<Exemplar>,
        #[prost(message, optional, tag = "3")]
        pub(super) created: Option<Timestamp>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Pair {
        #[prost(double, tag = "1")]
        pub(super) quantile: f64,
        #[prost(double, tag = "2")]
        pub(super) value: f64,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Summary {
        #[prost(uint64, tag = "1")]
        pub(super) count: u64,
        #[prost(double, tag = "2")]
        pub(super) sum: f64,
        #[prost(message, repeated, tag = "3")]
        pub(super) quantile: Vec<Pair>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Bucket {
        #[prost(uint64, tag = "1")]
        pub(super) cumulative_count: u64,
        #[prost(double, tag = "2")]
        pub(super) upper_bound: f64,
        #[prost(message, optional, tag = "3")]
        pub(super) exemplar: Option<Exemplar>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Span {
        #[prost(sint32, tag = "1")]
        pub(super) offset: i32,
        #[prost(uint32, tag = "2")]
        pub(super) length: u32,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Histogram {
        #[prost(uint64, tag = "1")]
        pub(super) count: u64,
        #[prost(double, tag = "2")]
        pub(super) sum: f64,
        #[prost(message, repeated, tag = "3")]
        pub(super) bucket: Vec<Bucket>,
        #[prost(sint32, optional, tag = "5")]
        pub(super) schema: Option<i32>,
        #[prost(double, tag = "6")]
        pub(super) zero_threshold: f64,
        #[prost(uint64, tag = "7")]
        pub(super) zero_count: u64,
        #[prost(message, repeated, tag = "9")]
        pub(super) negative_span: Vec<Span>,
        #[prost(sint64, repeated, packed = "false", tag = "10")]
        pub(super) negative_delta: Vec<i64>,
        #[prost(message, repeated, tag = "12")]
        pub(super) positive_span: Vec<Span>,
        #[prost(sint64, repeated, packed = "false", tag = "13")]
        pub(super) positive_delta: Vec<i64>,
        #[prost(message, optional, tag = "15")]
        pub(super) created: Option<Timestamp>,
        #[prost(message, repeated, tag = "16")]
        pub(super) exemplars: Vec<Exemplar>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Metric {
        #[prost(message, repeated, tag = "1")]
        pub(super) label: Vec<LabelPair>,
        #[prost(message, optional, tag = "2")]
        pub(super) gauge: Option<Value>,
        #[prost(message, optional, tag = "3")]
        pub(super) counter: Option<Value>,
        #[prost(message, optional, tag = "4")]
        pub(super) summary: Option<Summary>,
        #[prost(int64, tag = "6")]
        pub(super) timestamp_ms: i64,
        #[prost(message, optional, tag = "7")]
        pub(super) histogram: Option<Histogram>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Family {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        #[prost(string, tag = "2")]
        pub(super) help: String,
        #[prost(int32, tag = "3")]
        pub(super) kind: i32,
        #[prost(message, repeated, tag = "4")]
        pub(super) metric: Vec<Metric>,
    }
}

fn families(page: &[u8]) -> BTreeMap<String, client::Family> {
    let mut rest = page;
    let mut families = BTreeMap::new();
    while !rest.is_empty() {
        let family = client::Family::decode_length_delimited(&mut rest).unwrap();
        families.insert(family.name.clone(), family);
    }
    families
}

#[test]
fn protobuf_has_all_of_it_and_native_histograms() {
    let keys = Keys {
        send_timestamps: true,
        ..bare()
    };
    let mut exposed = Exposed::new(keys);
    let mut count = number(3.0, &[("a", "b\"")]);
    count.exemplars = vec![exemplar(2.0, 1_002_500)];
    let mut point = buckets([1, 2, 3]);
    point.exemplars = vec![exemplar(0.5, 1_001_000)];
    // Finer than native histograms are: two buckets each become one.
    let mut fine = exponential_point(9, 7, &[1, 1, 0, 4, 0, 0, 0, 0, 0, 0, 2]);
    fine.exemplars = vec![exemplar(0.5, 1_001_000), exemplar(0.5, 0)];
    (fine.zero_count, fine.count) = (5, 13);
    exposed.take_metrics(vec![
        counter("c", vec![count]),
        gauge("g", vec![number(1.5, &[])]),
        histogram("h", CUMULATIVE, vec![point]),
        exponential("e", CUMULATIVE, vec![fine]),
        summary("s", &[(0.5, 2.0)]),
    ]);
    let page = exposed.page_in(Format::Protobuf, Escaping::Underscores);
    let families = families(&page);
    let kinds: Vec<_> = families
        .iter()
        .map(|(name, f)| (&name[..], f.kind))
        .collect();
    assert_eq!(
        kinds,
        [("c_total", 0), ("e", 4), ("g", 1), ("h", 4), ("s", 2)]
    );
    let metric = |name: &str| families[name].metric[0].clone();
    let created = Some(client::Timestamp {
        seconds: 1_000,
        nanos: 0,
    });

    let c = metric("c_total");
    assert_eq!((&c.label[0].name[..], &c.label[0].value[..]), ("a", "b\""));
    assert_eq!(
        (c.timestamp_ms, families["c_total"].help.as_str()),
        (1_010_000, "Help")
    );
    let c = c.counter.unwrap();
    assert_eq!((c.value, &c.created), (3.0, &created));
    let shown = c.exemplar.unwrap();
    assert_eq!((shown.value, shown.label.len()), (2.0, 2));
    assert_eq!(shown.timestamp.unwrap().nanos, 500_000_000);

    assert_eq!(metric("g").gauge.unwrap().value, 1.5);
    let s = metric("s").summary.unwrap();
    assert_eq!((s.count, s.sum, s.quantile[0].value), (7, 21.5, 2.0));

    let h = metric("h").histogram.unwrap();
    let buckets: Vec<_> = h
        .bucket
        .iter()
        .map(|b| (b.upper_bound, b.cumulative_count))
        .collect();
    assert_eq!(
        (buckets, h.count, h.schema),
        (vec![(1.0, 1), (5.0, 3)], 6, None)
    );
    assert!(h.bucket[0].exemplar.is_some() && h.created == created);

    let e = metric("e").histogram.unwrap();
    assert_eq!((e.count, e.sum, e.zero_count), (13, 80.0, 5));
    assert_eq!((e.schema, e.zero_threshold), (Some(8), 1e-128));
    let spans: Vec<_> = e
        .positive_span
        .iter()
        .map(|s| (s.offset, s.length))
        .collect();
    // Fine buckets 7 to 17 are coarse ones 3 to 8, called 4 to 9 here.
    assert_eq!(spans, [(4, 6)]);
    assert_eq!(e.positive_delta, [1, 0, 3, -4, 0, 2]);
    assert_eq!((e.exemplars.len(), e.bucket.len()), (1, 0));
    assert_eq!(e.created, created);
}
