//! 2,000 points of every kind and temporality, the same each time.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary,
    SummaryDataPoint, exemplar,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::rig::requests::{pair, text};

/// Requests, each a round of the same metrics.
const ROUNDS: u64 = 20;

/// Seconds since the Unix epoch.
const BEGIN: u64 = 1_760_000_000;
const ROUND_SECONDS: u64 = 10;

const LABEL_SETS: u64 = 5;

/// Name, description and unit.
type Words = (&'static str, &'static str, &'static str);

const WORDS: [Words; 10] = [
    ("http.server.duration", "How long", "s"),
    ("system.io", "Bytes \\ and \"more\"\nlines", "By"),
    ("cpu.utilization", "", "1"),
    ("net.rate", "Rate", "By/s"),
    ("queue-length", "Items", "{item}"),
    ("a..b__c", "Odd", "ms"),
    ("1st.place", "Digits", "%"),
    ("requests.total", "Total", "{request}/min"),
    ("größe", "Not ASCII", "Cel"),
    ("plain", "Plain", ""),
];

/// A linear congruence: all that is needed is that it is the same everywhere.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        let (factor, step) = (6_364_136_223_846_793_005, 1_442_695_040_888_963_407);
        self.0 = self.0.wrapping_mul(factor).wrapping_add(step);
        (self.0 >> 33) % limit
    }
}

/// When a point of a round is, in nanoseconds.
#[derive(Clone, Copy)]
struct Span {
    start: u64,
    time: u64,
}

pub(crate) fn requests() -> Vec<ExportMetricsServiceRequest> {
    let mut draw = Draw(1);
    (0..ROUNDS).map(|round| request(round, &mut draw)).collect()
}

pub(crate) fn count(requests: &[ExportMetricsServiceRequest]) -> usize {
    let metrics = requests.iter().flat_map(|r| &r.resource_metrics);
    let metrics = metrics
        .flat_map(|r| &r.scope_metrics)
        .flat_map(|s| &s.metrics);
    metrics
        .map(|metric| match metric.data.as_ref().unwrap() {
            Data::Gauge(data) => data.data_points.len(),
            Data::Sum(data) => data.data_points.len(),
            Data::Histogram(data) => data.data_points.len(),
            Data::ExponentialHistogram(data) => data.data_points.len(),
            Data::Summary(data) => data.data_points.len(),
        })
        .sum()
}

fn request(round: u64, draw: &mut Draw) -> ExportMetricsServiceRequest {
    let resource_metrics = (0..2).map(|resource| {
        let mut attributes = vec![
            text("service.name", "shop"),
            text("service.instance.id", &format!("i-{resource}")),
            text("host.name", "h\"1\""),
            pair("process.pid", any_value::Value::IntValue(42)),
        ];
        if resource == 1 {
            attributes.push(text("service.namespace", "ns"));
        }
        ResourceMetrics {
            resource: Some(Resource {
                attributes,
                ..Resource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(InstrumentationScope {
                    name: "lib".into(),
                    version: "1.2".into(),
                    attributes: vec![text("build.id", "7")],
                    ..InstrumentationScope::default()
                }),
                metrics: metrics(round, draw),
                schema_url: "https://opentelemetry.io/schemas/1.40.0".into(),
            }],
            ..ResourceMetrics::default()
        }
    });
    ExportMetricsServiceRequest {
        resource_metrics: resource_metrics.collect(),
    }
}

/// One metric for each kind and temporality, in words of its own.
fn metrics(round: u64, draw: &mut Draw) -> Vec<Metric> {
    let mut metrics = Vec::new();
    for (at, words) in WORDS.iter().enumerate() {
        let points = |draw: &mut Draw, delta| {
            (0..LABEL_SETS)
                .map(|set| number(round, set, delta, draw))
                .collect::<Vec<_>>()
        };
        let sum = |draw: &mut Draw, temporality: i32, is_monotonic| {
            Data::Sum(Sum {
                data_points: points(draw, temporality == 1),
                aggregation_temporality: temporality,
                is_monotonic,
            })
        };
        let data = match at {
            0 => histogram(round, 2, draw),
            1 => sum(draw, 2, true),
            2 => Data::Gauge(Gauge {
                data_points: points(draw, false),
            }),
            3 => sum(draw, 2, false),
            4 => sum(draw, 1, true),
            5 => histogram(round, 1, draw),
            6 => summary(round, draw),
            7 => sum(draw, 1, false),
            8 => exponential(round, 2, draw),
            _ => exponential(round, 1, draw),
        };
        metrics.push(Metric {
            name: words.0.into(),
            description: words.1.into(),
            unit: words.2.into(),
            data: Some(data),
            ..Metric::default()
        });
    }
    metrics
}

/// Deltas follow each other, but for gaps; cumulative points come in order, but for late ones.
fn span(round: u64, delta: bool, draw: &mut Draw) -> Span {
    let second = 1_000_000_000;
    let end = (BEGIN + (round + 1) * ROUND_SECONDS) * second;
    let odd = draw.below(12) == 0;
    match (delta, odd) {
        (true, false) => Span {
            start: end - ROUND_SECONDS * second,
            time: end,
        },
        (true, true) => Span {
            start: end - second,
            time: end,
        },
        (false, false) => Span {
            start: BEGIN * second,
            time: end,
        },
        (false, true) => Span {
            start: BEGIN * second,
            time: end - 25 * second,
        },
    }
}

fn labels(set: u64) -> Vec<KeyValue> {
    let mut labels = vec![
        text(
            "http.method",
            if set.is_multiple_of(2) { "GET" } else { "PUT" },
        ),
        pair("set", any_value::Value::IntValue(set as i64)),
    ];
    if set == 3 {
        labels.push(text("_quoted", "a \"b\" \\ c\nd"));
        labels.push(pair("1st", any_value::Value::DoubleValue(0.000_000_5)));
    }
    labels
}

fn exemplars(time: u64, value: f64, draw: &mut Draw) -> Vec<Exemplar> {
    let exemplars = (0..draw.below(3)).map(|at| Exemplar {
        time_unix_nano: time - at * 1_000_000,
        trace_id: vec![at as u8 + 1; 16],
        span_id: vec![at as u8 + 1; 8],
        value: Some(exemplar::Value::AsDouble(value + at as f64)),
        ..Exemplar::default()
    });
    exemplars.collect()
}

fn number(round: u64, set: u64, delta: bool, draw: &mut Draw) -> NumberDataPoint {
    let Span { start, time } = span(round, delta, draw);
    let value = match (set, draw.below(1_000)) {
        (0, drawn) => Value::AsInt(drawn as i64 * 1_000_003),
        (1, drawn) => Value::AsDouble(drawn as f64 / 7.0),
        (2, drawn) => Value::AsDouble(drawn as f64 * 1e-9),
        (_, drawn) => Value::AsInt(drawn as i64),
    };
    NumberDataPoint {
        attributes: labels(set),
        start_time_unix_nano: start,
        time_unix_nano: time,
        value: Some(value),
        exemplars: exemplars(time, 2.5, draw),
        ..NumberDataPoint::default()
    }
}

fn histogram(round: u64, aggregation_temporality: i32, draw: &mut Draw) -> Data {
    let points = (0..LABEL_SETS).map(|set| {
        let Span { start, time } = span(round, aggregation_temporality == 1, draw);
        let bounds = vec![0.005, 0.1, 1.0, 2.5, 1e6];
        let counts: Vec<u64> = (0..6).map(|_| draw.below(50)).collect();
        // Where the bounds change the sum begins anew.
        let changed = set == 4 && round >= 10;
        HistogramDataPoint {
            attributes: labels(set),
            start_time_unix_nano: start,
            time_unix_nano: time,
            count: counts.iter().sum(),
            sum: Some(draw.below(1_000_000) as f64 / 8.0),
            explicit_bounds: if changed {
                bounds.iter().map(|bound| bound * 2.0).collect()
            } else {
                bounds
            },
            bucket_counts: counts,
            exemplars: exemplars(time, 0.1, draw),
            ..HistogramDataPoint::default()
        }
    });
    Data::Histogram(Histogram {
        data_points: points.collect(),
        aggregation_temporality,
    })
}

fn exponential(round: u64, aggregation_temporality: i32, draw: &mut Draw) -> Data {
    let points = (0..LABEL_SETS).map(|set| {
        let Span { start, time } = span(round, aggregation_temporality == 1, draw);
        let mut buckets = |offset| Buckets {
            offset,
            bucket_counts: (0..8).map(|_| draw.below(9)).collect(),
        };
        let (positive, negative) = (buckets(-4), buckets(3));
        let zero_count = draw.below(5);
        let counts = positive.bucket_counts.iter().chain(&negative.bucket_counts);
        ExponentialHistogramDataPoint {
            attributes: labels(set),
            start_time_unix_nano: start,
            time_unix_nano: time,
            count: counts.sum::<u64>() + zero_count,
            sum: Some(draw.below(1_000_000) as f64 / 8.0),
            scale: draw.below(14) as i32 - 3,
            zero_count,
            positive: Some(positive),
            negative: Some(negative),
            ..ExponentialHistogramDataPoint::default()
        }
    });
    Data::ExponentialHistogram(ExponentialHistogram {
        data_points: points.collect(),
        aggregation_temporality,
    })
}

fn summary(round: u64, draw: &mut Draw) -> Data {
    let points = (0..LABEL_SETS).map(|set| {
        let Span { start, time } = span(round, false, draw);
        let quantiles = [0.99, 0.5, 0.0];
        let quantile_values = quantiles.iter().map(|quantile| ValueAtQuantile {
            quantile: *quantile,
            value: draw.below(1_000) as f64 / 3.0,
        });
        SummaryDataPoint {
            attributes: labels(set),
            start_time_unix_nano: start,
            time_unix_nano: time,
            quantile_values: quantile_values.collect(),
            count: draw.below(1_000),
            sum: draw.below(1_000_000) as f64,
            ..SummaryDataPoint::default()
        }
    });
    Data::Summary(Summary {
        data_points: points.collect(),
    })
}
