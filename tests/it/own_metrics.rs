//! Our own metrics, pushed: what arrives is what a scrape shows.

use benches::clock;
use benches::sink::Received;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point::Value};
use prost::Message;

use crate::rig::{PATIENCE, Service, http1, load, requests};

const PIPELINE: &str = "\
receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}
exporters: {nop: }
service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}
";

/// The sum of a counter's points in one request.
fn sum(request: &Received, name: &str) -> Option<u64> {
    let request = ExportMetricsServiceRequest::decode(&request.payload[..]).unwrap();
    let metrics = request
        .resource_metrics
        .into_iter()
        .flat_map(|r| r.scope_metrics);
    let mut metrics = metrics.flat_map(|scope| scope.metrics);
    let metric = metrics.find(|metric| metric.name == name)?;
    let Some(Data::Sum(sum)) = metric.data else {
        panic!("{name} is no sum");
    };
    let values = sum.data_points.into_iter().map(|point| match point.value {
        Some(Value::AsInt(value)) => value.cast_unsigned(),
        other => panic!("{other:?}"),
    });
    Some(values.sum())
}

fn check(exporter: &str, header: &str) {
    let sink = load::keeping_sink();
    let exporter = exporter.replace("SINK", &sink.address().to_string());
    let readers = format!(
        "service.telemetry.metrics.readers=[\
         {{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: 0}}}}}}}}, \
         {{periodic: {{interval: 50, exporter: {{otlp: {exporter}}}}}}}]"
    );
    let service = Service::start_with(PIPELINE, &["--set", &readers]);
    let sent = http1::post("/v1/traces", &requests::numbered(1, 7));
    assert_eq!(http1::exchange(service.http(), &sent).status, 200);
    let names = [
        "otelcol_receiver_accepted_spans",
        "otelcol_exporter_sent_spans",
    ];
    let page = service.page();
    for name in names {
        assert_eq!(page.sum(name, &[]), 7, "{name}");
        let arrived = || {
            sink.received()
                .iter()
                .rev()
                .find_map(|request| sum(request, name))
        };
        let arrived = clock::poll(PATIENCE, || arrived().filter(|sum| *sum == 7));
        assert!(arrived.is_some(), "{name} did not arrive");
    }
    let first = &sink.received()[0];
    assert_eq!(first.headers.get("x-scope").unwrap(), "shop");
    assert_eq!(first.headers.get(header).unwrap(), "gzip");
    // What comes after the last interval is sent at the end.
    sink.forget();
    let late = http1::post("/v1/traces", &requests::numbered(2, 5));
    assert_eq!(http1::exchange(service.http(), &late).status, 200);
    service.stop();
    let last = sink.received();
    assert_eq!(sum(last.last().unwrap(), names[0]), Some(12));
}

#[test]
fn what_is_pushed_over_grpc_is_what_a_scrape_shows() {
    check(
        "{protocol: grpc, endpoint: 'http://SINK', compression: gzip, headers: [{name: x-scope, value: shop}]}",
        "grpc-encoding",
    );
}

#[test]
fn what_is_pushed_over_http_is_what_a_scrape_shows() {
    check(
        "{protocol: http/protobuf, endpoint: 'SINK', insecure: true, compression: gzip, headers_list: x-scope=shop}",
        "content-encoding",
    );
}

#[test]
fn a_back_end_that_is_away_costs_a_counter_and_nothing_else() {
    let readers = "service.telemetry.metrics.readers=[\
         {pull: {exporter: {prometheus: {host: 127.0.0.1, port: 0}}}}, \
         {periodic: {interval: 20, exporter: {otlp: {protocol: grpc, endpoint: 'http://127.0.0.1:1'}}}}]";
    let service = Service::start_with(PIPELINE, &["--set", readers]);
    let failed = || {
        let page = service.page();
        page.sum("tracegate_metrics_exports_total", &["outcome=\"failed\""])
    };
    assert!(clock::poll(PATIENCE, || (failed() > 1).then_some(())).is_some());
    let sent = http1::post("/v1/traces", &requests::numbered(1, 7));
    assert_eq!(http1::exchange(service.http(), &sent).status, 200);
    let ended = service.stop();
    assert!(
        ended.log.contains("Exporting our own metrics failed."),
        "{}",
        ended.log
    );
}
