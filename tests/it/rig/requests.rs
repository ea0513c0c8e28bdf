//! Requests made with prost: plain ones, and one of each signal in which every field is set.

use benches::payload::{Shape, Template};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary,
    SummaryDataPoint, exemplar, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use otlp::Signal;
use prost::Message;

const NOW: u64 = 1_790_000_000_123_456_789;

/// A request whose items carry the number, as the generator writes it.
pub(crate) fn numbered(number: u64, items: usize) -> Vec<u8> {
    let shape = Shape {
        signal: Signal::Traces,
        items,
        trace_items: 10,
    };
    let mut bytes = Vec::new();
    Template::new(shape).unwrap().stamp(number, NOW, &mut bytes);
    bytes
}

/// A request of one span with these attributes.
pub(crate) fn span_with(attributes: Vec<KeyValue>) -> ExportTraceServiceRequest {
    spans(vec![Span {
        attributes,
        ..span(1)
    }])
}

/// A request of these spans, all in one scope.
pub(crate) fn spans(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans {
        scope: Some(scope()),
        spans,
        schema_url: "https://opentelemetry.io/schemas/1.30.0".into(),
    }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource()),
            scope_spans,
            schema_url: "https://opentelemetry.io/schemas/1.31.0".into(),
        }],
    }
}

/// A span that has a name and what every span must have.
pub(crate) fn named(name: &str) -> Span {
    Span {
        trace_id: vec![1; 16],
        span_id: vec![1; 8],
        name: name.into(),
        start_time_unix_nano: NOW,
        end_time_unix_nano: NOW + 1,
        ..Span::default()
    }
}

/// One small span, encoded.
pub(crate) fn one_span() -> Vec<u8> {
    span_with(Vec::new()).encode_to_vec()
}

pub(crate) fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Value::StringValue(value.into()))
}

pub(crate) fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// A value that nests arrays to this depth; a plain value has depth 1.
pub(crate) fn nested(depth: usize) -> Value {
    (1..depth).fold(Value::StringValue("deep".into()), |inner, _| {
        let inner = AnyValue { value: Some(inner) };
        Value::ArrayValue(ArrayValue {
            values: vec![inner],
        })
    })
}

/// Two spans, with events, links, state, flags and every kind of value.
pub(crate) fn full_traces() -> ExportTraceServiceRequest {
    spans(vec![span(1), span(2)])
}

pub(crate) fn full_logs() -> ExportLogsServiceRequest {
    let record = |slot: u8| LogRecord {
        time_unix_nano: NOW,
        observed_time_unix_nano: NOW + 5,
        severity_number: 17,
        severity_text: "ERROR".into(),
        body: Some(AnyValue {
            value: Some(Value::KvlistValue(KeyValueList { values: every() })),
        }),
        attributes: every(),
        dropped_attributes_count: 3,
        flags: 1,
        trace_id: vec![slot; 16],
        span_id: vec![slot; 8],
        event_name: "order.refused".into(),
    };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource()),
            scope_logs: vec![ScopeLogs {
                scope: Some(scope()),
                log_records: vec![record(1), record(2)],
                schema_url: "https://opentelemetry.io/schemas/1.30.0".into(),
            }],
            schema_url: String::new(),
        }],
    }
}

/// One metric of each of the five kinds.
pub(crate) fn full_metrics() -> ExportMetricsServiceRequest {
    let kinds = [
        gauge(),
        sum(),
        histogram(),
        exponential_histogram(),
        summary(),
    ];
    let metrics = kinds.into_iter().enumerate().map(|(at, data)| Metric {
        name: format!("shop.metric.{at}"),
        description: "for a test".into(),
        unit: "ms".into(),
        metadata: vec![text("origin", "test")],
        data: Some(data),
    });
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource()),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope()),
                metrics: metrics.collect(),
                schema_url: "https://opentelemetry.io/schemas/1.30.0".into(),
            }],
            schema_url: String::new(),
        }],
    }
}

fn resource() -> Resource {
    Resource {
        attributes: vec![text("service.name", "checkout"), text("host.name", "a")],
        dropped_attributes_count: 2,
        ..Resource::default()
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "com.example.shop".into(),
        version: "1.2.3".into(),
        attributes: vec![text("layer", "http")],
        dropped_attributes_count: 1,
    }
}

fn span(slot: u8) -> Span {
    Span {
        trace_id: vec![slot; 16],
        span_id: vec![slot; 8],
        parent_span_id: vec![9; 8],
        trace_state: "vendor=1".into(),
        flags: 0x101,
        name: "GET /cart/{id}".into(),
        kind: 2,
        start_time_unix_nano: NOW,
        end_time_unix_nano: NOW + 1_000_000,
        attributes: every(),
        dropped_attributes_count: 1,
        events: vec![Event {
            time_unix_nano: NOW + 7,
            name: "exception".into(),
            attributes: every(),
            dropped_attributes_count: 4,
        }],
        dropped_events_count: 5,
        links: vec![Link {
            trace_id: vec![7; 16],
            span_id: vec![7; 8],
            trace_state: "vendor=2".into(),
            attributes: every(),
            dropped_attributes_count: 6,
            flags: 0x100,
        }],
        dropped_links_count: 7,
        status: Some(Status {
            message: "out of stock".into(),
            code: 2,
        }),
    }
}

/// An attribute of every kind, empty and nested ones included.
fn every() -> Vec<KeyValue> {
    let array = vec![
        AnyValue {
            value: Some(Value::IntValue(-1)),
        },
        AnyValue { value: None },
    ];
    let list = vec![text("inner", "ü"), pair("deep", nested(4))];
    vec![
        text("text", "value"),
        text("empty", ""),
        pair("bool", Value::BoolValue(true)),
        pair("int", Value::IntValue(i64::MIN)),
        pair("double", Value::DoubleValue(-0.5)),
        pair("bytes", Value::BytesValue(vec![0, 255])),
        pair("array", Value::ArrayValue(ArrayValue { values: array })),
        pair("list", Value::KvlistValue(KeyValueList { values: list })),
        KeyValue {
            key: "nothing".into(),
            ..KeyValue::default()
        },
    ]
}

fn exemplars() -> Vec<Exemplar> {
    vec![Exemplar {
        filtered_attributes: every(),
        time_unix_nano: NOW + 1,
        span_id: vec![4; 8],
        trace_id: vec![4; 16],
        value: Some(exemplar::Value::AsDouble(1.5)),
    }]
}

fn point(value: number_data_point::Value) -> NumberDataPoint {
    NumberDataPoint {
        attributes: every(),
        start_time_unix_nano: NOW,
        time_unix_nano: NOW + 10,
        exemplars: exemplars(),
        flags: 1,
        value: Some(value),
    }
}

fn gauge() -> Data {
    Data::Gauge(Gauge {
        data_points: vec![
            point(number_data_point::Value::AsInt(-3)),
            point(number_data_point::Value::AsDouble(0.25)),
        ],
    })
}

fn sum() -> Data {
    Data::Sum(Sum {
        data_points: vec![point(number_data_point::Value::AsInt(12))],
        aggregation_temporality: 2,
        is_monotonic: true,
    })
}

fn histogram() -> Data {
    Data::Histogram(Histogram {
        data_points: vec![HistogramDataPoint {
            attributes: every(),
            start_time_unix_nano: NOW,
            time_unix_nano: NOW + 10,
            count: 6,
            sum: Some(12.5),
            bucket_counts: vec![1, 2, 3],
            explicit_bounds: vec![0.5, 2.5],
            exemplars: exemplars(),
            flags: 1,
            min: Some(0.1),
            max: Some(9.0),
        }],
        aggregation_temporality: 1,
    })
}

fn exponential_histogram() -> Data {
    let buckets = |offset| Buckets {
        offset,
        bucket_counts: vec![1, 0, 2],
    };
    Data::ExponentialHistogram(ExponentialHistogram {
        data_points: vec![ExponentialHistogramDataPoint {
            attributes: every(),
            start_time_unix_nano: NOW,
            time_unix_nano: NOW + 10,
            count: 7,
            sum: Some(-1.0),
            scale: -2,
            zero_count: 1,
            positive: Some(buckets(-4)),
            negative: Some(buckets(3)),
            flags: 1,
            exemplars: exemplars(),
            min: Some(-2.0),
            max: Some(2.0),
            zero_threshold: 0.01,
        }],
        aggregation_temporality: 2,
    })
}

fn summary() -> Data {
    let quantile = |quantile, value| ValueAtQuantile { quantile, value };
    Data::Summary(Summary {
        data_points: vec![SummaryDataPoint {
            attributes: every(),
            start_time_unix_nano: NOW,
            time_unix_nano: NOW + 10,
            count: 4,
            sum: 8.0,
            quantile_values: vec![quantile(0.5, 1.0), quantile(0.99, 7.0)],
            flags: 1,
        }],
    })
}
