//! Metrics for tests.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{
    self as proto, Metric, ResourceMetrics, ScopeMetrics, metric::Data,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

/// Of every point unless its test says otherwise, in seconds since the Unix epoch.
pub(crate) const START: u64 = 1_000;
pub(crate) const TIME: u64 = 1_010;

pub(crate) const DELTA: i32 = 1;
pub(crate) const CUMULATIVE: i32 = 2;

pub(crate) fn request(
    resource: &[(&str, &str)],
    scope: &str,
    metrics: Vec<Metric>,
) -> ExportMetricsServiceRequest {
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes: attributes(resource),
                ..Resource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(InstrumentationScope {
                    name: scope.into(),
                    ..InstrumentationScope::default()
                }),
                metrics,
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

pub(crate) fn attributes(pairs: &[(&str, &str)]) -> Vec<KeyValue> {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    let pairs = pairs.iter().map(|(key, value)| KeyValue {
        key: (*key).into(),
        value: Some(AnyValue {
            value: Some(Value::StringValue((*value).into())),
        }),
        ..KeyValue::default()
    });
    pairs.collect()
}

pub(crate) fn metric(name: &str, data: Data) -> Metric {
    Metric {
        name: name.into(),
        description: "Help".into(),
        data: Some(data),
        ..Metric::default()
    }
}

pub(crate) fn number(value: f64, labels: &[(&str, &str)]) -> proto::NumberDataPoint {
    proto::NumberDataPoint {
        attributes: attributes(labels),
        start_time_unix_nano: START * 1_000_000_000,
        time_unix_nano: TIME * 1_000_000_000,
        value: Some(proto::number_data_point::Value::AsDouble(value)),
        ..proto::NumberDataPoint::default()
    }
}

pub(crate) fn gauge(name: &str, data_points: Vec<proto::NumberDataPoint>) -> Metric {
    metric(name, Data::Gauge(proto::Gauge { data_points }))
}

pub(crate) fn sum(
    name: &str,
    (aggregation_temporality, is_monotonic): (i32, bool),
    data_points: Vec<proto::NumberDataPoint>,
) -> Metric {
    metric(
        name,
        Data::Sum(proto::Sum {
            data_points,
            aggregation_temporality,
            is_monotonic,
        }),
    )
}

pub(crate) fn counter(name: &str, data_points: Vec<proto::NumberDataPoint>) -> Metric {
    sum(name, (CUMULATIVE, true), data_points)
}

/// With the bounds 1 and 5, and a sum that is ten times the count.
pub(crate) fn buckets(counts: [u64; 3]) -> proto::HistogramDataPoint {
    let count: u64 = counts.iter().sum();
    proto::HistogramDataPoint {
        start_time_unix_nano: START * 1_000_000_000,
        time_unix_nano: TIME * 1_000_000_000,
        count,
        sum: Some(count as f64 * 10.0),
        bucket_counts: counts.to_vec(),
        explicit_bounds: vec![1.0, 5.0],
        ..proto::HistogramDataPoint::default()
    }
}

pub(crate) fn histogram(
    name: &str,
    aggregation_temporality: i32,
    data_points: Vec<proto::HistogramDataPoint>,
) -> Metric {
    metric(
        name,
        Data::Histogram(proto::Histogram {
            data_points,
            aggregation_temporality,
        }),
    )
}

/// Positive buckets from this offset on, and a sum that is ten times the count.
pub(crate) fn exponential_point(
    scale: i32,
    offset: i32,
    counts: &[u64],
) -> proto::ExponentialHistogramDataPoint {
    let count: u64 = counts.iter().sum();
    proto::ExponentialHistogramDataPoint {
        start_time_unix_nano: START * 1_000_000_000,
        time_unix_nano: TIME * 1_000_000_000,
        count,
        sum: Some(count as f64 * 10.0),
        scale,
        positive: Some(proto::exponential_histogram_data_point::Buckets {
            offset,
            bucket_counts: counts.to_vec(),
        }),
        ..proto::ExponentialHistogramDataPoint::default()
    }
}

pub(crate) fn exponential(
    name: &str,
    aggregation_temporality: i32,
    data_points: Vec<proto::ExponentialHistogramDataPoint>,
) -> Metric {
    metric(
        name,
        Data::ExponentialHistogram(proto::ExponentialHistogram {
            data_points,
            aggregation_temporality,
        }),
    )
}

pub(crate) fn summary(name: &str, quantiles: &[(f64, f64)]) -> Metric {
    let quantiles = quantiles.iter();
    let quantile_values = quantiles
        .map(|&(quantile, value)| proto::summary_data_point::ValueAtQuantile { quantile, value });
    let point = proto::SummaryDataPoint {
        time_unix_nano: TIME * 1_000_000_000,
        count: 7,
        sum: 21.5,
        quantile_values: quantile_values.collect(),
        ..proto::SummaryDataPoint::default()
    };
    metric(
        name,
        Data::Summary(proto::Summary {
            data_points: vec![point],
        }),
    )
}
