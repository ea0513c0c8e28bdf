//! What goes in comes out: every field of all three signals, through every processor and exporter.

use benches::Protocol;
use benches::sink::{Received, Sink};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, metrics_service_client,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use otlp::Signal;
use prost::Message;
use tonic::codec::CompressionEncoding;
use tonic::transport::Endpoint;

use crate::rig::http1::{self, request};
use crate::rig::{Service, block_on, load, requests};

/// Everything on the way that this build has. `resource` and `attributes` each add one attribute.
const EVERYTHING: &str = "\
receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: '127.0.0.1:0'}}}}
processors:
  memory_limiter: {check_interval: 1s, limit_mib: 1000, spike_limit_mib: 200}
  resource: {attributes: [{key: zone, value: north, action: insert}]}
  attributes: {actions: [{key: seen, value: true, action: upsert}]}
  batch: {send_batch_size: 100, timeout: 10ms}
exporters:
  otlp_grpc: {endpoint: GRPC_SINK, tls: {insecure: true}, compression: COMPRESSION}
  otlp_http: {endpoint: 'http://HTTP_SINK', compression: COMPRESSION}
service:
  pipelines:
    traces: &all
      receivers: [otlp]
      processors: [memory_limiter, resource, attributes, batch]
      exporters: [otlp_grpc, otlp_http]
    metrics: *all
    logs: *all
";

/// What the processors of [`EVERYTHING`] make of the three requests.
struct Edited {
    traces: ExportTraceServiceRequest,
    metrics: ExportMetricsServiceRequest,
    logs: ExportLogsServiceRequest,
}

fn edited() -> Edited {
    let zone = || requests::text("zone", "north");
    let mut traces = requests::full_traces();
    for group in &mut traces.resource_spans {
        group.resource.as_mut().unwrap().attributes.push(zone());
        let spans = group.scope_spans.iter_mut().flat_map(|s| &mut s.spans);
        spans.for_each(|span| see(&mut span.attributes));
    }
    let mut metrics = requests::full_metrics();
    for group in &mut metrics.resource_metrics {
        group.resource.as_mut().unwrap().attributes.push(zone());
        let metrics = group.scope_metrics.iter_mut().flat_map(|s| &mut s.metrics);
        metrics.for_each(see_points);
    }
    let mut logs = requests::full_logs();
    for group in &mut logs.resource_logs {
        group.resource.as_mut().unwrap().attributes.push(zone());
        let records = group.scope_logs.iter_mut().flat_map(|s| &mut s.log_records);
        records.for_each(|record| see(&mut record.attributes));
    }
    Edited {
        traces,
        metrics,
        logs,
    }
}

fn see(attributes: &mut Vec<KeyValue>) {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    attributes.push(requests::pair("seen", Value::BoolValue(true)));
}

fn see_points(metric: &mut opentelemetry_proto::tonic::metrics::v1::Metric) {
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    match metric.data.as_mut().unwrap() {
        Data::Gauge(gauge) => gauge
            .data_points
            .iter_mut()
            .for_each(|p| see(&mut p.attributes)),
        Data::Sum(sum) => sum
            .data_points
            .iter_mut()
            .for_each(|p| see(&mut p.attributes)),
        Data::Histogram(histogram) => {
            histogram
                .data_points
                .iter_mut()
                .for_each(|p| see(&mut p.attributes));
        }
        Data::ExponentialHistogram(histogram) => {
            histogram
                .data_points
                .iter_mut()
                .for_each(|p| see(&mut p.attributes));
        }
        Data::Summary(summary) => summary
            .data_points
            .iter_mut()
            .for_each(|p| see(&mut p.attributes)),
    }
}

fn start(compression: &str) -> (Service, [Sink; 2]) {
    let sinks = [load::keeping_sink(), load::keeping_sink()];
    let [grpc, http] = &sinks;
    let yaml = EVERYTHING
        .replace("GRPC_SINK", &grpc.address().to_string())
        .replace("HTTP_SINK", &http.address().to_string())
        .replace("COMPRESSION", compression);
    (Service::start(&yaml), sinks)
}

/// Both sinks get all three requests as the processors made them, and the books say so.
fn check(service: Service, sinks: [Sink; 2], case: &str) {
    let expected = edited();
    for sink in &sinks {
        load::until(sink, |counts| {
            counts.by_signal.iter().all(|items| *items > 0)
        });
        let received = sink.received();
        let payload = |signal| only(&received, signal);
        let traces = ExportTraceServiceRequest::decode(payload(Signal::Traces)).unwrap();
        assert_eq!(traces, expected.traces, "{case}");
        let metrics = ExportMetricsServiceRequest::decode(payload(Signal::Metrics)).unwrap();
        assert_eq!(metrics, expected.metrics, "{case}");
        let logs = ExportLogsServiceRequest::decode(payload(Signal::Logs)).unwrap();
        assert_eq!(logs, expected.logs, "{case}");
    }
    let account = service.stop().account;
    for (signal, items) in [("traces", 2), ("metrics", 6), ("logs", 2)] {
        for exporter in ["otlp_grpc", "otlp_http"] {
            assert_eq!(
                account.of("exporter", exporter, signal).passed,
                items,
                "{case}"
            );
        }
    }
}

fn only(received: &[Received], signal: Signal) -> &[u8] {
    let of: Vec<_> = received.iter().filter(|r| r.signal == signal).collect();
    assert_eq!(of.len(), 1, "{signal}");
    &of[0].payload
}

#[test]
fn every_field_of_every_signal_passes_over_grpc() {
    for (sent, exported) in [
        (None, "none"),
        (Some(CompressionEncoding::Gzip), "gzip"),
        (Some(CompressionEncoding::Zstd), "zstd"),
    ] {
        let (service, sinks) = start(exported);
        block_on(async {
            let endpoint = Endpoint::from_shared(format!("http://{}", service.grpc())).unwrap();
            let channel = endpoint.connect().await.unwrap();
            let mut traces = TraceServiceClient::new(channel.clone());
            let mut metrics = metrics_service_client::MetricsServiceClient::new(channel.clone());
            let mut logs = LogsServiceClient::new(channel);
            if let Some(encoding) = sent {
                traces = traces.send_compressed(encoding);
                metrics = metrics.send_compressed(encoding);
                logs = logs.send_compressed(encoding);
            }
            let answer = traces.export(requests::full_traces()).await.unwrap();
            assert_eq!(
                answer
                    .into_inner()
                    .partial_success
                    .unwrap_or_default()
                    .rejected_spans,
                0
            );
            metrics.export(requests::full_metrics()).await.unwrap();
            logs.export(requests::full_logs()).await.unwrap();
        });
        check(service, sinks, exported);
    }
}

#[test]
fn every_field_of_every_signal_passes_over_http() {
    let (service, sinks) = start("gzip");
    for (path, body) in [
        ("/v1/traces", requests::full_traces().encode_to_vec()),
        ("/v1/metrics", requests::full_metrics().encode_to_vec()),
        ("/v1/logs", requests::full_logs().encode_to_vec()),
    ] {
        let reply = http1::exchange(service.http(), &http1::post(path, &body));
        assert_eq!(
            (reply.status, &reply.body[..]),
            (200, &b"\n\0"[..]),
            "{path}"
        );
    }
    check(service, sinks, "http");
}

#[test]
fn json_arrives_as_the_protobuf_that_it_means() {
    let (service, [sink, other]) = start("none");
    let json = r#"{"resourceSpans":[{
        "resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},
        "scopeSpans":[{"spans":[{
            "traceId":"0102030405060708090A0b0c0d0e0f10","spanId":"0102030405060708",
            "name":"GET /","kind":"SPAN_KIND_SERVER","startTimeUnixNano":"1700000000000000001",
            "endTimeUnixNano":1700000000000000002,"unknownField":{"a":[1]},
            "attributes":[{"key":"n","value":{"intValue":"-7"}},
                {"key":"d","value":{"doubleValue":"NaN"}},
                {"key":"b","value":{"bytesValue":"AP8="}}],
            "status":{"code":2}}]}]}]}"#;
    let headers = [("content-type", "application/json")];
    let request = request("POST", "/v1/traces", &headers, json.as_bytes());
    assert_eq!(http1::exchange(service.http(), &request).status, 200);
    load::arrived(&sink, 1);
    load::arrived(&other, 1);
    let received = sink.received();
    let traces = ExportTraceServiceRequest::decode(only(&received, Signal::Traces)).unwrap();
    let span = &traces.resource_spans[0].scope_spans[0].spans[0];
    assert_eq!(span.trace_id, (1..=16).collect::<Vec<u8>>());
    assert_eq!(span.span_id, (1..=8).collect::<Vec<u8>>());
    assert_eq!((span.name.as_str(), span.kind), ("GET /", 2));
    let times = (span.start_time_unix_nano, span.end_time_unix_nano);
    assert_eq!(
        times,
        (1_700_000_000_000_000_001, 1_700_000_000_000_000_002)
    );
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    let value = |at: usize| span.attributes[at].value.clone().unwrap().value.unwrap();
    assert_eq!(value(0), Value::IntValue(-7));
    assert!(matches!(value(1), Value::DoubleValue(d) if d.is_nan()));
    assert_eq!(value(2), Value::BytesValue(vec![0, 255]));
    assert_eq!(span.status.as_ref().unwrap().code, 2);
    service.stop();
}

#[test]
fn json_is_exported_as_the_specification_writes_it() {
    let sink = load::keeping_sink();
    let yaml = EVERYTHING
        .replace("GRPC_SINK", &sink.address().to_string())
        .replace(
            "'http://HTTP_SINK', ",
            "'http://HTTP_SINK', encoding: json, ",
        )
        .replace("HTTP_SINK", &sink.address().to_string())
        .replace("COMPRESSION", "none");
    let service = Service::start(&yaml);
    let body = requests::full_traces().encode_to_vec();
    let reply = http1::exchange(service.http(), &http1::post("/v1/traces", &body));
    assert_eq!(reply.status, 200);
    load::until(&sink, |counts| counts.taken == 2);
    let received = sink.received();
    let json = received
        .iter()
        .find(|received| received.protocol == Protocol::Http);
    let json: serde_json::Value = serde_json::from_slice(&json.unwrap().payload).unwrap();
    let span = &json["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(span["traceId"], "01".repeat(16));
    assert_eq!(span["parentSpanId"], "09".repeat(8));
    assert_eq!(span["startTimeUnixNano"], "1790000000123456789");
    assert_eq!(
        (&span["kind"], &span["status"]["code"]),
        (&2.into(), &2.into())
    );
    let value = |key: &str| {
        let attributes = span["attributes"].as_array().unwrap();
        attributes
            .iter()
            .find(|attribute| attribute["key"] == key)
            .unwrap()["value"]
            .clone()
    };
    assert_eq!(
        value("int"),
        serde_json::json!({"intValue": i64::MIN.to_string()})
    );
    assert_eq!(value("double"), serde_json::json!({"doubleValue": -0.5}));
    assert_eq!(value("bytes"), serde_json::json!({"bytesValue": "AP8="}));
    assert_eq!(value("seen"), serde_json::json!({"boolValue": true}));
    service.stop();
}
