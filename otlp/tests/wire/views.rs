//! Views show what prost decodes, field by field.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::logs::v1 as logs;
use opentelemetry_proto::tonic::metrics::v1 as metrics;
use opentelemetry_proto::tonic::metrics::v1::exemplar::Value as ExemplarValue;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as NumberValue;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1 as trace;
use otlp::view::{
    AnyValue, Attributes, ExponentialHistogramPoint, HistogramPoint, ItemView, LogRecord, Metric,
    Number, NumberPoint, Request, ResourceGroup, Scope, Span, SummaryPoint, Text,
};
use otlp::{MetricKind, Signal};
use proptest::prelude::*;
use prost::Message;

use crate::any_request;

proptest! {
    #[test]
    fn a_view_shows_every_field_as_prost_decodes_it((signal, request) in any_request()) {
        // Entities are the one part of OTLP that the views do not show.
        match signal {
            Signal::Traces => {
                let mut expected = ExportTraceServiceRequest::decode(request.clone()).unwrap();
                expected.resource_spans.iter_mut().for_each(|r| forget_entities(&mut r.resource));
                check(&traces(&request), &expected)?;
            }
            Signal::Metrics => {
                let mut expected = ExportMetricsServiceRequest::decode(request.clone()).unwrap();
                expected.resource_metrics.iter_mut().for_each(|r| forget_entities(&mut r.resource));
                check(&metrics(&request), &expected)?;
            }
            Signal::Logs => {
                let mut expected = ExportLogsServiceRequest::decode(request.clone()).unwrap();
                expected.resource_logs.iter_mut().for_each(|r| forget_entities(&mut r.resource));
                check(&logs(&request), &expected)?;
            }
        }
    }
}

fn check<M: Message + std::fmt::Debug>(ours: &M, expected: &M) -> Result<(), TestCaseError> {
    // NaN equals itself when encoded.
    if ours.encode_to_vec() != expected.encode_to_vec() {
        prop_assert_eq!(format!("{ours:#?}"), format!("{expected:#?}"));
    }
    Ok(())
}

fn forget_entities(resource: &mut Option<Resource>) {
    if let Some(resource) = resource {
        resource.entity_refs.clear();
    }
}

fn all<T, U>(
    elements: impl Iterator<Item = Result<T, otlp::Malformed>>,
    convert: impl Fn(T) -> U,
) -> Vec<U> {
    elements.map(|element| convert(element.unwrap())).collect()
}

fn traces(request: &[u8]) -> ExportTraceServiceRequest {
    let groups = Request::new(Signal::Traces, request).resource_groups();
    let resource_spans = all(groups, |group| trace::ResourceSpans {
        resource: resource(&group),
        schema_url: text(group.schema_url),
        scope_spans: all(group.scope_groups(), |group| trace::ScopeSpans {
            scope: group.scope.map(scope),
            schema_url: text(group.schema_url),
            spans: all(group.items(), |item| span(item.span().unwrap().unwrap())),
        }),
    });
    ExportTraceServiceRequest { resource_spans }
}

fn logs(request: &[u8]) -> ExportLogsServiceRequest {
    let groups = Request::new(Signal::Logs, request).resource_groups();
    let resource_logs = all(groups, |group| logs::ResourceLogs {
        resource: resource(&group),
        schema_url: text(group.schema_url),
        scope_logs: all(group.scope_groups(), |group| logs::ScopeLogs {
            scope: group.scope.map(scope),
            schema_url: text(group.schema_url),
            log_records: all(group.items(), |item| {
                log_record(item.log_record().unwrap().unwrap())
            }),
        }),
    });
    ExportLogsServiceRequest { resource_logs }
}

fn metrics(request: &[u8]) -> ExportMetricsServiceRequest {
    let groups = Request::new(Signal::Metrics, request).resource_groups();
    let resource_metrics = all(groups, |group| metrics::ResourceMetrics {
        resource: resource(&group),
        schema_url: text(group.schema_url),
        scope_metrics: all(group.scope_groups(), |group| metrics::ScopeMetrics {
            scope: group.scope.map(scope),
            schema_url: text(group.schema_url),
            metrics: all(group.metrics(), metric),
        }),
    });
    ExportMetricsServiceRequest { resource_metrics }
}

fn text(text: Text<'_>) -> String {
    text.to_str().unwrap().to_owned()
}

fn resource(group: &ResourceGroup<'_>) -> Option<Resource> {
    group.resource.map(|resource| Resource {
        attributes: attributes(resource.attributes()),
        dropped_attributes_count: resource.dropped_attributes_count,
        entity_refs: Vec::new(),
    })
}

fn scope(scope: Scope<'_>) -> common::InstrumentationScope {
    common::InstrumentationScope {
        name: text(scope.name),
        version: text(scope.version),
        attributes: attributes(scope.attributes()),
        dropped_attributes_count: scope.dropped_attributes_count,
    }
}

fn attributes(attributes: Attributes<'_>) -> Vec<common::KeyValue> {
    all(attributes, |attribute| common::KeyValue {
        key: text(attribute.key),
        value: attribute
            .has_value()
            .then(|| any_value(attribute.value().unwrap())),
        ..Default::default()
    })
}

fn any_value(value: AnyValue<'_>) -> common::AnyValue {
    use common::any_value::Value;
    let value = match value {
        AnyValue::Empty => None,
        AnyValue::String(value) => Some(Value::StringValue(text(value))),
        AnyValue::Bool(value) => Some(Value::BoolValue(value)),
        AnyValue::Int(value) => Some(Value::IntValue(value)),
        AnyValue::Double(value) => Some(Value::DoubleValue(value)),
        AnyValue::Bytes(value) => Some(Value::BytesValue(value.to_vec())),
        AnyValue::Array(values) => Some(Value::ArrayValue(common::ArrayValue {
            values: all(values, any_value),
        })),
        AnyValue::KeyValueList(values) => Some(Value::KvlistValue(common::KeyValueList {
            values: attributes(values),
        })),
    };
    common::AnyValue { value }
}

fn span(span: Span<'_>) -> trace::Span {
    trace::Span {
        trace_id: span.trace_id.to_vec(),
        span_id: span.span_id.to_vec(),
        trace_state: text(span.trace_state),
        parent_span_id: span.parent_span_id.to_vec(),
        flags: span.flags,
        name: text(span.name),
        kind: span.kind,
        start_time_unix_nano: span.start_time_unix_nano,
        end_time_unix_nano: span.end_time_unix_nano,
        attributes: attributes(span.attributes()),
        dropped_attributes_count: span.dropped_attributes_count,
        events: all(span.events(), |event| trace::span::Event {
            time_unix_nano: event.time_unix_nano,
            name: text(event.name),
            attributes: attributes(event.attributes()),
            dropped_attributes_count: event.dropped_attributes_count,
        }),
        dropped_events_count: span.dropped_events_count,
        links: all(span.links(), |link| trace::span::Link {
            trace_id: link.trace_id.to_vec(),
            span_id: link.span_id.to_vec(),
            trace_state: text(link.trace_state),
            attributes: attributes(link.attributes()),
            dropped_attributes_count: link.dropped_attributes_count,
            flags: link.flags,
        }),
        dropped_links_count: span.dropped_links_count,
        status: span.status.map(|status| trace::Status {
            message: text(status.message),
            code: status.code,
        }),
    }
}

fn log_record(record: LogRecord<'_>) -> logs::LogRecord {
    logs::LogRecord {
        time_unix_nano: record.time_unix_nano,
        observed_time_unix_nano: record.observed_time_unix_nano,
        severity_number: record.severity_number,
        severity_text: text(record.severity_text),
        body: record.body().unwrap().map(any_value),
        attributes: attributes(record.attributes()),
        dropped_attributes_count: record.dropped_attributes_count,
        flags: record.flags,
        trace_id: record.trace_id.to_vec(),
        span_id: record.span_id.to_vec(),
        event_name: text(record.event_name),
    }
}

fn metric(metric: Metric<'_>) -> metrics::Metric {
    metrics::Metric {
        name: text(metric.name),
        description: text(metric.description),
        unit: text(metric.unit),
        metadata: attributes(metric.metadata()),
        data: metric.kind.map(|kind| points(kind, &metric)),
    }
}

fn points(kind: MetricKind, metric: &Metric<'_>) -> Data {
    let (mut numbers, mut histograms, mut exponential, mut summaries) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for item in metric.points() {
        match item.unwrap().read().unwrap() {
            ItemView::NumberPoint(point) => numbers.push(number_point(point)),
            ItemView::HistogramPoint(point) => histograms.push(histogram_point(point)),
            ItemView::ExponentialHistogramPoint(point) => {
                exponential.push(exponential_point(point))
            }
            ItemView::SummaryPoint(point) => summaries.push(summary_point(point)),
            ItemView::Span(_) | ItemView::LogRecord(_) => panic!("no item of a metric"),
        }
    }
    let aggregation_temporality = metric.aggregation_temporality;
    match kind {
        MetricKind::Gauge => Data::Gauge(metrics::Gauge {
            data_points: numbers,
        }),
        MetricKind::Sum => Data::Sum(metrics::Sum {
            data_points: numbers,
            aggregation_temporality,
            is_monotonic: metric.is_monotonic,
        }),
        MetricKind::Histogram => Data::Histogram(metrics::Histogram {
            data_points: histograms,
            aggregation_temporality,
        }),
        MetricKind::ExponentialHistogram => {
            Data::ExponentialHistogram(metrics::ExponentialHistogram {
                data_points: exponential,
                aggregation_temporality,
            })
        }
        MetricKind::Summary => Data::Summary(metrics::Summary {
            data_points: summaries,
        }),
    }
}

fn number_point(point: NumberPoint<'_>) -> metrics::NumberDataPoint {
    metrics::NumberDataPoint {
        attributes: attributes(point.attributes()),
        start_time_unix_nano: point.start_time_unix_nano,
        time_unix_nano: point.time_unix_nano,
        exemplars: exemplars(point.exemplars()),
        flags: point.flags,
        value: point.value.map(|value| match value {
            Number::Double(value) => NumberValue::AsDouble(value),
            Number::Int(value) => NumberValue::AsInt(value),
        }),
    }
}

fn histogram_point(point: HistogramPoint<'_>) -> metrics::HistogramDataPoint {
    metrics::HistogramDataPoint {
        attributes: attributes(point.attributes()),
        start_time_unix_nano: point.start_time_unix_nano,
        time_unix_nano: point.time_unix_nano,
        count: point.count,
        sum: point.sum,
        bucket_counts: all(point.bucket_counts(), |count| count),
        explicit_bounds: all(point.explicit_bounds(), |bound| bound),
        exemplars: exemplars(point.exemplars()),
        flags: point.flags,
        min: point.min,
        max: point.max,
    }
}

fn exponential_point(
    point: ExponentialHistogramPoint<'_>,
) -> metrics::ExponentialHistogramDataPoint {
    let buckets = |buckets: otlp::view::Buckets<'_>| Buckets {
        offset: buckets.offset,
        bucket_counts: all(buckets.bucket_counts(), |count| count),
    };
    metrics::ExponentialHistogramDataPoint {
        attributes: attributes(point.attributes()),
        start_time_unix_nano: point.start_time_unix_nano,
        time_unix_nano: point.time_unix_nano,
        count: point.count,
        sum: point.sum,
        scale: point.scale,
        zero_count: point.zero_count,
        positive: point.positive.map(buckets),
        negative: point.negative.map(buckets),
        flags: point.flags,
        exemplars: exemplars(point.exemplars()),
        min: point.min,
        max: point.max,
        zero_threshold: point.zero_threshold,
    }
}

fn summary_point(point: SummaryPoint<'_>) -> metrics::SummaryDataPoint {
    metrics::SummaryDataPoint {
        attributes: attributes(point.attributes()),
        start_time_unix_nano: point.start_time_unix_nano,
        time_unix_nano: point.time_unix_nano,
        count: point.count,
        sum: point.sum,
        quantile_values: all(point.quantile_values(), |quantile| ValueAtQuantile {
            quantile: quantile.quantile,
            value: quantile.value,
        }),
        flags: point.flags,
    }
}

fn exemplars<'a>(
    exemplars: otlp::view::Repeated<'a, otlp::view::Exemplar<'a>>,
) -> Vec<metrics::Exemplar> {
    all(exemplars, |exemplar| metrics::Exemplar {
        filtered_attributes: attributes(exemplar.filtered_attributes()),
        time_unix_nano: exemplar.time_unix_nano,
        span_id: exemplar.span_id.to_vec(),
        trace_id: exemplar.trace_id.to_vec(),
        value: exemplar.value.map(|value| match value {
            Number::Double(value) => ExemplarValue::AsDouble(value),
            Number::Int(value) => ExemplarValue::AsInt(value),
        }),
    })
}
