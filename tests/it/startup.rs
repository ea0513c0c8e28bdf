//! From exec to the ready line: how long it takes, and who is named when it does not come.

use std::net::TcpListener;
use std::time::Duration;

use crate::rig::{Service, failed_start};

const EVERYTHING: &str = "\
receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: '127.0.0.1:0'}}}}
processors:
  memory_limiter: {check_interval: 1s, limit_percentage: 75}
  resource: {attributes: [{key: a, value: b, action: insert}]}
  batch:
exporters: {otlp: {endpoint: 'localhost:4317'}, otlphttp: {endpoint: 'https://localhost'}, debug: }
extensions: {health_check: {endpoint: '127.0.0.1:0'}}
service:
  extensions: [health_check]
  pipelines:
    traces: &all
      receivers: [otlp]
      processors: [memory_limiter, resource, batch]
      exporters: [otlp, otlphttp, debug]
    metrics: *all
    logs: *all
";

#[test]
fn it_is_ready_within_50_milliseconds() {
    /// Without optimisation, reading the configuration alone takes longer.
    const BOUND: Duration = match cfg!(debug_assertions) {
        true => Duration::from_millis(500),
        false => Duration::from_millis(50),
    };
    let starts = (0..7).map(|_| {
        let service = Service::start(EVERYTHING);
        let ready_after = service.ready_after;
        service.stop();
        ready_after
    });
    let best = starts.min().unwrap();
    assert!(best <= BOUND, "ready after {best:?} at best");
}

#[test]
fn a_start_that_fails_ends_with_1_and_names_the_component() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let page = "  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: \
        {host: 127.0.0.1, port: PORT}}}}]}}\n  pipelines:";
    for (written, broken, component) in [
        (
            "grpc: {endpoint: '127.0.0.1:0'}",
            "grpc: {endpoint: '127.0.0.1:PORT'}",
            "receiver otlp",
        ),
        (
            "http: {endpoint: '127.0.0.1:0'}",
            "http: {endpoint: '127.0.0.1:PORT'}",
            "receiver otlp",
        ),
        (
            "health_check: {endpoint: '127.0.0.1:0'}",
            "health_check: {endpoint: '127.0.0.1:PORT'}",
            "extension health_check",
        ),
        ("  pipelines:", page, "metrics"),
        (
            "'localhost:4317'",
            "'localhost:4317', tls: {ca_file: /missing}",
            "exporter otlp",
        ),
    ] {
        let yaml = EVERYTHING
            .replace(written, broken)
            .replace("PORT", &port.to_string());
        let yaml = match component {
            "metrics" => yaml,
            // The page has a port of its own unless it is what cannot start.
            _ => yaml.replace(
                "  pipelines:",
                "  telemetry: {metrics: {level: none}}\n  pipelines:",
            ),
        };
        let (code, log) = failed_start(&yaml);
        assert_eq!(code, Some(1), "{log}");
        let last = log.lines().last().unwrap();
        assert!(last.starts_with("error: "), "{log}");
        assert!(last.contains(component), "{component} is not in {last}");
        assert!(!log.contains("Everything is ready"), "{log}");
    }
}
