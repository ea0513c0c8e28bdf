//! What came to a back end, in words.

use std::collections::BTreeMap;

use benches::sink::Received;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, number_data_point};
use otlp::Signal;
use prost::Message;
use serde_json::{Value, json};

use super::samples;
use crate::remote_write::back_end::WriteRequest;
use crate::rig::page::Page;

/// `AGGREGATION_TEMPORALITY_DELTA` in `metrics.proto`.
const DELTA: i32 = 1;

type Items = BTreeMap<&'static str, BTreeMap<String, f64>>;

pub(super) enum Arrivals {
    Otlp(Vec<Received>),
    Written(Page),
}

impl Arrivals {
    pub(super) fn written(requests: &[WriteRequest]) -> Self {
        Self::Written(written_page(requests))
    }

    /// Whether each request has this header.
    pub(super) fn all_have(&self, name: &str, value: &str) -> bool {
        let has = |request: &Received| {
            request
                .headers
                .get(name)
                .is_some_and(|found| found == value)
        };
        matches!(self, Self::Otlp(requests) if requests.iter().all(has))
    }

    /// Whether this text is in a request.
    pub(super) fn carry(&self, text: &str) -> bool {
        let has = |request: &Received| {
            let mut windows = request.payload.windows(text.len());
            windows.any(|window| window == text.as_bytes())
        };
        matches!(self, Self::Otlp(requests) if requests.iter().any(has))
    }

    /// By kind, and in it by name, how many there are or what the value is; of written samples those that are
    /// selected.
    pub(super) fn items(&self, expected: &Value) -> Value {
        let requests = match self {
            Self::Otlp(requests) => requests,
            Self::Written(page) => {
                let selectors = expected["series"].as_object().unwrap();
                return json!({"series": samples(page, selectors.keys())});
            }
        };
        let mut items = Items::new();
        requests.iter().for_each(|request| add(request, &mut items));
        // Whole numbers as people write them.
        let whole = |(name, value): (String, f64)| match value.fract() == 0.0 {
            true => (name, json!(value as i64)),
            false => (name, json!(value)),
        };
        let items = items.into_iter().map(|(kind, found)| {
            let found: serde_json::Map<_, _> = found.into_iter().map(whole).collect();
            (kind.to_owned(), Value::Object(found))
        });
        Value::Object(items.collect())
    }
}

fn add(request: &Received, items: &mut Items) {
    let payload = &*request.payload;
    match request.signal {
        Signal::Traces => {
            let request = ExportTraceServiceRequest::decode(payload).unwrap();
            let scopes = request
                .resource_spans
                .into_iter()
                .flat_map(|r| r.scope_spans);
            for span in scopes.flat_map(|scope| scope.spans) {
                let spans = items.entry("spans").or_default();
                *spans.entry(span.name).or_default() += 1.0;
            }
        }
        Signal::Logs => {
            let request = ExportLogsServiceRequest::decode(payload).unwrap();
            let scopes = request.resource_logs.into_iter().flat_map(|r| r.scope_logs);
            for record in scopes.flat_map(|scope| scope.log_records) {
                let body = record.body.and_then(|body| body.value).map(shown);
                let records = items.entry("log_records").or_default();
                *records.entry(body.unwrap()).or_default() += 1.0;
            }
        }
        Signal::Metrics => {
            let request = ExportMetricsServiceRequest::decode(payload).unwrap();
            let scopes = request
                .resource_metrics
                .into_iter()
                .flat_map(|r| r.scope_metrics);
            let points = items.entry("points").or_default();
            for metric in scopes.flat_map(|scope| scope.metrics) {
                add_points(metric, points);
            }
        }
    }
}

fn add_points(metric: Metric, points: &mut BTreeMap<String, f64>) {
    let (found, is_delta) = match metric.data.unwrap() {
        Data::Gauge(gauge) => (gauge.data_points, false),
        Data::Sum(sum) => (sum.data_points, sum.aggregation_temporality == DELTA),
        other => panic!("{}: {other:?}", metric.name),
    };
    for point in found {
        let value = number(&point);
        let name = format!("{}{}", metric.name, attributes(point.attributes));
        let seen = points.entry(name).or_default();
        *seen = if is_delta { *seen + value } else { value };
    }
}

fn number(point: &NumberDataPoint) -> f64 {
    match point.value.unwrap() {
        number_data_point::Value::AsInt(value) => value as f64,
        number_data_point::Value::AsDouble(value) => value,
    }
}

fn attributes(attributes: Vec<KeyValue>) -> String {
    let pair =
        |pair: KeyValue| format!("{}={}", pair.key, shown(pair.value.unwrap().value.unwrap()));
    let mut pairs: Vec<_> = attributes.into_iter().map(pair).collect();
    pairs.sort();
    match pairs.is_empty() {
        true => String::new(),
        false => format!("{{{}}}", pairs.join(",")),
    }
}

fn shown(value: Any) -> String {
    match value {
        Any::StringValue(text) => text,
        Any::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}

/// The last sample of each series, as a page for Prometheus has them.
fn written_page(requests: &[WriteRequest]) -> Page {
    let mut last = BTreeMap::new();
    for series in requests.iter().flat_map(|request| &request.timeseries) {
        let labels = series.labels.iter();
        let name = labels
            .clone()
            .find(|label| label.name == "__name__")
            .unwrap();
        let labels = labels.filter(|label| label.name != "__name__");
        let labels: Vec<_> = labels
            .map(|label| format!("{}={:?}", label.name, label.value))
            .collect();
        let sample = series.samples.last().unwrap();
        last.insert(
            format!("{}{{{}}}", name.value, labels.join(",")),
            sample.value,
        );
    }
    let lines = last
        .iter()
        .map(|(series, value)| format!("{series} {value}\n"));
    Page::of(lines.collect())
}
