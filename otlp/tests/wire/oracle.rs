//! What prost says.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use otlp::Signal;
use prost::Message;

/// One item with all that encloses it. A metric has the one point.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Single {
    pub resource: Option<Resource>,
    pub resource_schema_url: String,
    pub scope: Option<InstrumentationScope>,
    pub scope_schema_url: String,
    pub item: Item,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    Span(Span),
    LogRecord(LogRecord),
    Metric(Metric),
}

impl Single {
    pub(crate) fn item_attributes(&mut self) -> &mut Vec<KeyValue> {
        match &mut self.item {
            Item::Span(span) => &mut span.attributes,
            Item::LogRecord(record) => &mut record.attributes,
            Item::Metric(metric) => match metric.data.as_mut().unwrap() {
                Data::Gauge(points) => &mut points.data_points[0].attributes,
                Data::Sum(points) => &mut points.data_points[0].attributes,
                Data::Histogram(points) => &mut points.data_points[0].attributes,
                Data::ExponentialHistogram(points) => &mut points.data_points[0].attributes,
                Data::Summary(points) => &mut points.data_points[0].attributes,
            },
        }
    }

    /// As bytes, in which NaN equals itself.
    pub(crate) fn encoded(&self) -> Vec<Vec<u8>> {
        vec![
            self.resource
                .as_ref()
                .map(Message::encode_to_vec)
                .unwrap_or(vec![0]),
            self.resource_schema_url.clone().into_bytes(),
            self.scope
                .as_ref()
                .map(Message::encode_to_vec)
                .unwrap_or(vec![0]),
            self.scope_schema_url.clone().into_bytes(),
            match &self.item {
                Item::Span(span) => span.encode_to_vec(),
                Item::LogRecord(record) => record.encode_to_vec(),
                Item::Metric(metric) => metric.encode_to_vec(),
            },
        ]
    }
}

/// All items of a request, in order.
pub(crate) fn singles(signal: Signal, request: &[u8]) -> Vec<Single> {
    match signal {
        Signal::Traces => {
            let request = ExportTraceServiceRequest::decode(request).unwrap();
            request.resource_spans.into_iter().flat_map(spans).collect()
        }
        Signal::Logs => {
            let request = ExportLogsServiceRequest::decode(request).unwrap();
            request
                .resource_logs
                .into_iter()
                .flat_map(log_records)
                .collect()
        }
        Signal::Metrics => {
            let request = ExportMetricsServiceRequest::decode(request).unwrap();
            request
                .resource_metrics
                .into_iter()
                .flat_map(points)
                .collect()
        }
    }
}

/// The same as comparable bytes.
pub(crate) fn encoded_singles(signal: Signal, request: &[u8]) -> Vec<Vec<Vec<u8>>> {
    singles(signal, request)
        .iter()
        .map(Single::encoded)
        .collect()
}

/// The request as prost would write it: fields in order, everything merged, nothing unknown.
pub(crate) fn canonical(signal: Signal, request: &[u8]) -> Bytes {
    match signal {
        Signal::Traces => ExportTraceServiceRequest::decode(request)
            .unwrap()
            .encode_to_vec(),
        Signal::Logs => ExportLogsServiceRequest::decode(request)
            .unwrap()
            .encode_to_vec(),
        Signal::Metrics => ExportMetricsServiceRequest::decode(request)
            .unwrap()
            .encode_to_vec(),
    }
    .into()
}

fn spans(group: ResourceSpans) -> impl Iterator<Item = Single> {
    let ResourceSpans {
        resource,
        scope_spans,
        schema_url,
    } = group;
    scope_spans.into_iter().flat_map(
        move |ScopeSpans {
                  scope,
                  spans,
                  schema_url: inner,
              }| {
            let (resource, schema_url) = (resource.clone(), schema_url.clone());
            spans.into_iter().map(move |span| Single {
                resource: resource.clone(),
                resource_schema_url: schema_url.clone(),
                scope: scope.clone(),
                scope_schema_url: inner.clone(),
                item: Item::Span(span),
            })
        },
    )
}

fn log_records(group: ResourceLogs) -> impl Iterator<Item = Single> {
    let ResourceLogs {
        resource,
        scope_logs,
        schema_url,
    } = group;
    scope_logs.into_iter().flat_map(
        move |ScopeLogs {
                  scope,
                  log_records,
                  schema_url: inner,
              }| {
            let (resource, schema_url) = (resource.clone(), schema_url.clone());
            log_records.into_iter().map(move |record| Single {
                resource: resource.clone(),
                resource_schema_url: schema_url.clone(),
                scope: scope.clone(),
                scope_schema_url: inner.clone(),
                item: Item::LogRecord(record),
            })
        },
    )
}

fn points(group: ResourceMetrics) -> impl Iterator<Item = Single> {
    let ResourceMetrics {
        resource,
        scope_metrics,
        schema_url,
    } = group;
    scope_metrics.into_iter().flat_map(
        move |ScopeMetrics {
                  scope,
                  metrics,
                  schema_url: inner,
              }| {
            let (resource, schema_url) = (resource.clone(), schema_url.clone());
            metrics
                .into_iter()
                .flat_map(single_points)
                .map(move |metric| Single {
                    resource: resource.clone(),
                    resource_schema_url: schema_url.clone(),
                    scope: scope.clone(),
                    scope_schema_url: inner.clone(),
                    item: Item::Metric(metric),
                })
        },
    )
}

/// The metric once for each of its points.
fn single_points(metric: Metric) -> Vec<Metric> {
    let count = match &metric.data {
        None => 0,
        Some(Data::Gauge(points)) => points.data_points.len(),
        Some(Data::Sum(points)) => points.data_points.len(),
        Some(Data::Histogram(points)) => points.data_points.len(),
        Some(Data::ExponentialHistogram(points)) => points.data_points.len(),
        Some(Data::Summary(points)) => points.data_points.len(),
    };
    let single = |at: usize| {
        let mut metric = metric.clone();
        match metric.data.as_mut().unwrap() {
            Data::Gauge(points) => points.data_points = vec![points.data_points.remove(at)],
            Data::Sum(points) => points.data_points = vec![points.data_points.remove(at)],
            Data::Histogram(points) => points.data_points = vec![points.data_points.remove(at)],
            Data::ExponentialHistogram(points) => {
                points.data_points = vec![points.data_points.remove(at)];
            }
            Data::Summary(points) => points.data_points = vec![points.data_points.remove(at)],
        }
        metric
    };
    (0..count).map(single).collect()
}
