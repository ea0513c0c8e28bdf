use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, number_data_point};
use prost::Message;
use telemetry::metrics::{Family as Shown, ITEM_BOUNDS, Metrics};

use super::encode::{Encoder, Moment};
use super::*;

const SPANS: Shown = Shown::counter("otelcol_receiver_accepted_spans", "Spans");
const RSS: Shown = Shown::gauge("otelcol_process_memory_rss", "RSS").bytes();
const UPTIME: Shown = Shown::counter("otelcol_process_uptime", "Uptime").seconds();
const SIZE: Shown = Shown::histogram("otelcol_size", "Sizes");

/// What an independent reader finds in an encoded moment: resource, scope and metrics.
fn decode(request: &[u8]) -> (Vec<(String, String)>, String, Vec<Metric>) {
    let request = ExportMetricsServiceRequest::decode(request).unwrap();
    let [resource_metrics] = request.resource_metrics.try_into().unwrap();
    let resource = resource_metrics.resource.unwrap().attributes;
    let resource = resource
        .iter()
        .map(|a| (a.key.clone(), text(a.value.as_ref())));
    let [scope_metrics] = resource_metrics.scope_metrics.try_into().unwrap();
    let scope = scope_metrics.scope.unwrap().name;
    (resource.collect(), scope, scope_metrics.metrics)
}

fn text(value: Option<&opentelemetry_proto::tonic::common::v1::AnyValue>) -> String {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    match value.and_then(|value| value.value.clone()) {
        Some(Value::StringValue(text)) => text,
        other => panic!("{other:?}"),
    }
}

fn moment(metrics: &Metrics, now: u64) -> Moment {
    Moment {
        now,
        families: metrics.collect(Level::Detailed),
    }
}

#[test]
fn every_kind_of_metric_arrives_with_its_labels_unit_and_times() {
    let metrics = Metrics::default();
    let spans = metrics.counter(&SPANS, &[("receiver", "otlp"), ("otel.signal", "traces")]);
    let (rss, sizes) = (
        metrics.gauge(&RSS, &[]),
        metrics.histogram(&SIZE, &[], ITEM_BOUNDS),
    );
    let uptime = metrics.counter(&UPTIME, &[]);
    spans.add(7);
    rss.set(4096);
    uptime.add(2);
    sizes.observe(10.0);
    sizes.observe(1e6);
    let changes = [("service.instance.id".to_owned(), Some("7".to_owned()))];
    let resource = Resource::new("tracegate", "1.2.3", changes).unwrap();
    let request = Encoder::new(&resource, 5, false).encode(&moment(&metrics, 9));
    let (resource, scope, found) = decode(&request);
    assert_eq!(resource.len(), 3);
    assert_eq!(
        resource[0],
        ("service.instance.id".to_owned(), "7".to_owned())
    );
    assert_eq!(scope, "tracegate");
    let units: Vec<_> = found
        .iter()
        .map(|m| (m.name.as_str(), m.unit.as_str()))
        .collect();
    let expected = [
        ("otelcol_process_memory_rss", "By"),
        ("otelcol_process_uptime", "s"),
        ("otelcol_receiver_accepted_spans", ""),
        ("otelcol_size", ""),
    ];
    assert_eq!(units, expected);
    let [rss, uptime, spans, sizes] = found.map_data();
    let (Data::Gauge(rss), Data::Sum(uptime), Data::Sum(spans), Data::Histogram(sizes)) =
        (rss, uptime, spans, sizes)
    else {
        panic!("other kinds");
    };
    assert_eq!(
        rss.data_points[0].value,
        Some(number_data_point::Value::AsInt(4096))
    );
    assert_eq!(
        uptime.data_points[0].value,
        Some(number_data_point::Value::AsDouble(2.0))
    );
    let point = &spans.data_points[0];
    assert_eq!(point.value, Some(number_data_point::Value::AsInt(7)));
    assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (5, 9));
    let labels = point
        .attributes
        .iter()
        .map(|a| (a.key.as_str(), text(a.value.as_ref())));
    let expected = [
        ("receiver", "otlp".to_owned()),
        ("otel.signal", "traces".to_owned()),
    ];
    assert_eq!(labels.collect::<Vec<_>>(), expected);
    assert!(spans.is_monotonic);
    assert_eq!(spans.aggregation_temporality, 2);
    let point = &sizes.data_points[0];
    assert_eq!((point.count, point.sum), (2, Some(1_000_010.0)));
    assert_eq!(point.explicit_bounds, ITEM_BOUNDS);
    assert_eq!(
        (point.bucket_counts[0], *point.bucket_counts.last().unwrap()),
        (1, 1)
    );
    assert_eq!(sizes.aggregation_temporality, 2);
}

trait MapData {
    fn map_data(self) -> [Data; 4];
}

impl MapData for Vec<Metric> {
    fn map_data(self) -> [Data; 4] {
        let data: Vec<_> = self
            .into_iter()
            .map(|metric| metric.data.unwrap())
            .collect();
        data.try_into().unwrap()
    }
}

#[test]
fn a_delta_is_what_came_since_the_last_that_arrived() {
    let metrics = Metrics::default();
    let spans = metrics.counter(&SPANS, &[]);
    let mut encoder = Encoder::new(&Resource::default(), 1, true);
    let mut check = |add: u64, now: u64, arrives: bool, expected: (i64, u64)| {
        spans.add(add);
        let moment = moment(&metrics, now);
        let (_, _, found) = decode(&encoder.encode(&moment));
        let Some(Data::Sum(sum)) = &found[0].data else {
            panic!("{found:?}");
        };
        assert_eq!(sum.aggregation_temporality, 1);
        let point = &sum.data_points[0];
        let value = number_data_point::Value::AsInt(expected.0);
        assert_eq!(
            (point.value, point.start_time_unix_nano),
            (Some(value), expected.1)
        );
        if arrives {
            encoder.delivered(moment);
        }
    };
    check(3, 10, true, (3, 1));
    check(4, 20, false, (4, 10));
    check(5, 30, true, (9, 10));
    check(0, 40, true, (0, 30));
}

#[test]
fn a_page_has_the_scope_and_chosen_attributes_on_each_series() {
    let reader = Prometheus {
        without_scope_info: false,
        with_resource_constant_labels: config::telemetry::Chosen {
            included: vec!["service.*".to_owned()],
            excluded: vec!["service.instance.id".to_owned()],
        },
        ..Prometheus::default()
    };
    let resource = Resource::new("edge", "1.2.3", []).unwrap();
    let metrics = Metrics::default();
    let spans = metrics.counter(&SPANS, &[("receiver", "otlp")]);
    spans.add(1);
    let text = metrics.render(&page(&reader, Level::Basic, &resource));
    let expected = format!(
        "otelcol_receiver_accepted_spans{{otel_scope_name=\"tracegate\",otel_scope_schema_url=\"\",\
         otel_scope_version=\"{}\",receiver=\"otlp\",service_name=\"edge\",\
         service_version=\"1.2.3\"}} 1\n",
        env!("CARGO_PKG_VERSION")
    );
    assert!(text.contains(&expected), "{text}");
}

#[test]
fn an_endpoint_without_scheme_or_path_gets_both() {
    let check = |yaml: &str, expected: &str| {
        let written: config::telemetry::Otlp = serde_json::from_str(yaml).unwrap();
        let export = export::Export::new(&written, &Metrics::default());
        assert_eq!(
            export.map(|e| e.url().to_owned()).as_deref(),
            Ok(expected),
            "{yaml}"
        );
    };
    let grpc = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    check(
        r#"{"protocol": "grpc", "endpoint": "a:4317", "insecure": true}"#,
        &format!("http://a:4317{grpc}"),
    );
    check(
        r#"{"protocol": "grpc", "endpoint": "http://a:4317"}"#,
        &format!("http://a:4317{grpc}"),
    );
    check(
        r#"{"endpoint": "http://a:4318"}"#,
        "http://a:4318/v1/metrics",
    );
    check(
        r#"{"endpoint": "http://u:secret@a:4318/x"}"#,
        "http://a:4318/x",
    );
    check(r"{}", "http://localhost:4318/v1/metrics");
}
