//! Counts of spans, events and log records through the real binary, in a file.

use std::collections::BTreeMap;

use benches::clock;
use serde_json::Value;

use crate::rig::{PATIENCE, Service, example, http1};

/// The configuration is that of the gallery.
const YAML: &str = include_str!("../../examples/14-count/collector.yaml");

const REQUESTS: u64 = 20;

const TRACES: &str = r#"{"resourceSpans":[{"resource":{"attributes":[
    {"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"spans":[
    {"traceId":"00000000000000000000000000000001","spanId":"0000000000000001","name":"get","kind":2,
     "startTimeUnixNano":"1790000000000000000","endTimeUnixNano":"1790000001000000000",
     "attributes":[{"key":"http.route","value":{"stringValue":"/cart"}}],
     "events":[{"name":"exception","timeUnixNano":"1790000000000000000"},{"name":"retry"}]},
    {"traceId":"00000000000000000000000000000001","spanId":"0000000000000002","name":"query","kind":3,
     "startTimeUnixNano":"1790000000000000000","endTimeUnixNano":"1790000001000000000"}]}]}]}"#;

const LOGS: &str = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[
    {"timeUnixNano":"1790000000000000000","body":{"stringValue":"one"}},
    {"body":{"stringValue":"two"}}]}]}]}"#;

/// Sends over a connection of its own, so that it comes to any worker.
fn send(service: &Service, path: &str, body: &str) {
    let headers = [("content-type", "application/json")];
    let request = http1::request("POST", path, &headers, body.as_bytes());
    let reply = http1::exchange(service.http(), &request);
    assert_eq!(reply.status, 200, "{}", reply.text());
}

/// The sums of all points by metric.
fn sums(lines: &str) -> BTreeMap<String, u64> {
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let mut sums = BTreeMap::new();
    // A line that is being written is none yet.
    let requests = lines
        .lines()
        .map_while(|line| serde_json::from_str::<Value>(line).ok());
    for resource in requests.flat_map(|request| list(&request, "resourceMetrics")) {
        for scope in list(&resource, "scopeMetrics") {
            for metric in list(&scope, "metrics") {
                let name = metric["name"].as_str().unwrap().to_owned();
                for point in list(&metric["sum"], "dataPoints") {
                    let count = point["asInt"].as_str().unwrap().parse::<u64>().unwrap();
                    *sums.entry(name.clone()).or_default() += count;
                }
            }
        }
    }
    sums
}

#[test]
fn every_worker_counts_and_the_sums_are_true() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.json");
    let exporter = "otlp_http:\n    endpoint: '${env:BACKEND:-http://localhost:5318}'";
    let yaml = YAML
        .replace(exporter, &format!("file: {{path: '{}'}}", path.display()))
        .replace("[otlp_http, count]", "[count]")
        .replace("[otlp_http]", "[file]");
    let service = example::start(&yaml, &[]);
    for _ in 0..REQUESTS {
        send(&service, "/v1/traces", TRACES);
        send(&service, "/v1/logs", LOGS);
    }
    let expected = [
        ("app.exceptions", REQUESTS),
        ("app.requests", REQUESTS),
        ("log.record.count", 2 * REQUESTS),
    ];
    let expected: BTreeMap<_, _> = expected
        .map(|(name, count)| (name.to_owned(), count))
        .into();
    let written = || std::fs::read_to_string(&path).unwrap_or_default();
    let look = || (sums(&written()) == expected).then_some(());
    clock::poll(PATIENCE, look).unwrap_or_else(|| panic!("{:?}", sums(&written())));
    assert!(written().contains(r#""/cart""#));
    let ended = service.stop();
    let account = |signal: &str| ended.account.of("connector", "count", signal).taken;
    assert_eq!(
        (account("traces"), account("logs")),
        (2 * REQUESTS, 2 * REQUESTS)
    );
}
