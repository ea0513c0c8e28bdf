//! What the exporter `prometheus` shows to who scrapes it, over the life of a service.

mod differential;
pub(crate) mod points;

use std::io::Read;

use crate::rig::exchange::Reply;
use crate::rig::{Service, failed_start, http1};

const SERVICE: &str = "\
receivers:
  otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}
exporters:
  prometheus: {endpoint: '127.0.0.1:0', KEYS}
service:
  pipelines:
    metrics: {receivers: [otlp], exporters: [prometheus]}
";

fn service(keys: &str) -> String {
    SERVICE.replace("KEYS", keys)
}

/// A request of one counter with an exemplar, and whatever follows it.
fn counter(value: u64, others: &str) -> String {
    format!(
        r#"{{"resourceMetrics": [{{
            "resource": {{"attributes": [
                {{"key": "service.name", "value": {{"stringValue": "cart"}}}},
                {{"key": "service.instance.id", "value": {{"stringValue": "1"}}}}]}},
            "scopeMetrics": [{{"metrics": [
                {{"name": "http.requests", "description": "Requests", "sum": {{
                    "aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [{{
                        "asInt": {value}, "timeUnixNano": "1000000000",
                        "exemplars": [{{"asInt": 1, "timeUnixNano": "500000000",
                            "traceId": "0102030405060708090a0b0c0d0e0f10"}}]}}]}}}}
                {others}
            ]}}]
        }}]}}"#
    )
}

fn send(service: &Service, json: &str) -> Reply {
    let headers = [("content-type", "application/json")];
    let request = http1::request("POST", "/v1/metrics", &headers, json.as_bytes());
    let reply = http1::exchange(service.http(), &request);
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply
}

fn scrape(service: &Service, path: &str, headers: &[(&str, &str)]) -> Reply {
    let request = http1::request("GET", path, headers, b"");
    http1::exchange(service.extension("prometheus"), &request)
}

const LABELS: &str = "instance=\"1\",job=\"cart\"";

fn page(value: &str) -> String {
    format!(
        "# HELP http_requests_total Requests\n# TYPE http_requests_total counter\n\
         http_requests_total{{{LABELS}}} {value}\n\
         # HELP target_info Target metadata\n# TYPE target_info gauge\n\
         target_info{{{LABELS}}} 1\n"
    )
}

#[test]
fn what_is_acknowledged_is_on_the_page() {
    let service = Service::start(&service("without_scope_info: true"));
    assert_eq!(scrape(&service, "/metrics", &[]).text(), "");
    for value in [5, 7] {
        send(&service, &counter(value, ""));
        let reply = scrape(&service, "/metrics", &[]);
        assert_eq!(reply.text(), page(&value.to_string()));
        let kind = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
        assert_eq!(reply.header("content-type"), kind);
    }
    assert_eq!(scrape(&service, "/", &[]).status, 404);
    assert_eq!(
        scrape(&service, "/metrics?name%5B%5D=target_info", &[]).text(),
        page("7").split_inclusive('\n').skip(3).collect::<String>()
    );
    let ended = service.stop();
    assert_eq!(
        ended.account.of("exporter", "prometheus", "metrics").passed,
        2
    );
}

#[test]
fn a_scraper_gets_what_it_can_read() {
    let service = Service::start(&service(
        "enable_open_metrics: true, without_scope_info: true",
    ));
    send(&service, &counter(5, ""));
    let open_metrics = (
        "accept",
        "application/openmetrics-text;version=1.0.0,*/*;q=0.1",
    );
    let reply = scrape(&service, "/metrics", &[open_metrics]);
    let sample = format!(
        "http_requests_total{{{LABELS}}} 5.0 \
         # {{trace_id=\"0102030405060708090a0b0c0d0e0f10\"}} 1.0 0.5\n"
    );
    let text = reply.text();
    assert!(
        text.contains(&sample) && text.ends_with("# EOF\n"),
        "{text}"
    );

    let zipped = scrape(
        &service,
        "/metrics",
        &[open_metrics, ("accept-encoding", "gzip")],
    );
    assert_eq!(zipped.header("content-encoding"), "gzip");
    let mut unzipped = String::new();
    let mut reader = flate2::read::GzDecoder::new(&zipped.body[..]);
    reader.read_to_string(&mut unzipped).unwrap();
    assert_eq!(unzipped, text);

    let protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                    encoding=delimited";
    let reply = scrape(&service, "/metrics", &[("accept", protobuf)]);
    assert!(
        reply
            .header("content-type")
            .starts_with("application/vnd.google.protobuf")
    );
    let name = [&[0x0a, 19][..], b"http_requests_total"].concat();
    let mut places = reply.body.windows(name.len());
    // Behind the length of the family.
    assert_eq!(places.position(|place| place == name), Some(2));
    service.stop();
}

#[test]
fn a_sender_is_told_what_is_not_shown_and_everybody_sees_the_rest() {
    let service = Service::start(&service("without_scope_info: true"));
    let bad = r#", {"name": "bad", "sum": {"dataPoints": [{"asInt": 1}, {"asInt": 2}]}}"#;
    let reply = send(&service, &counter(5, bad));
    let told = reply.text();
    assert!(told.contains(r#""rejectedDataPoints":"2""#), "{told}");
    assert_eq!(scrape(&service, "/metrics", &[]).text(), page("5"));
    service.logs("the sender does not say whether it is cumulative or delta");
    let own = service.page();
    let labels = ["reason=\"temporality\""];
    assert_eq!(own.sum("tracegate_prometheus_points_dropped", &labels), 2);
    let ended = service.stop();
    assert_eq!(
        ended.account.of("exporter", "prometheus", "metrics").passed,
        1
    );
}

#[test]
fn a_page_outlives_a_reload_that_does_not_concern_it() {
    let yaml = service("without_scope_info: true");
    let mut service = Service::start(&yaml);
    send(&service, &counter(5, ""));
    let changed = yaml.replace("protocols: {", "ack: delivered, protocols: {");
    service.rewrite(&changed);
    service.reload().unwrap();
    assert_eq!(scrape(&service, "/metrics", &[]).text(), page("5"));
    // Two that want one port: the one that runs goes on.
    let port = service.extension("prometheus").port();
    let twice = format!("  prometheus/b: {{endpoint: '127.0.0.1:{port}'}}\nservice:");
    let yaml = yaml
        .replace("service:", &twice)
        .replace("[prometheus]", "[prometheus, prometheus/b]");
    service.rewrite(&yaml);
    service.reload().unwrap_err();
    service.logs("cannot listen on");
    assert_eq!(scrape(&service, "/metrics", &[]).text(), page("5"));
    // The account at the end is judged by what runs.
    service.rewrite(&changed);
    service.stop();
}

#[test]
fn a_changed_exporter_takes_its_port_over() {
    let before = service("without_scope_info: true");
    let mut service = Service::start(&before);
    let port = service.extension("prometheus").port();
    let fixed = before.replace(
        "prometheus: {endpoint: '127.0.0.1:0'",
        &format!("prometheus: {{namespace: ns, endpoint: '127.0.0.1:{port}'"),
    );
    service.rewrite(&fixed);
    service.reload().unwrap();
    send(&service, &counter(5, ""));
    let address = ([127, 0, 0, 1], port).into();
    let reply = http1::exchange(address, &http1::get("/metrics"));
    assert!(
        reply.text().contains("ns_http_requests_total{"),
        "{}",
        reply.text()
    );
    service.stop();
}

#[test]
fn a_scraper_must_be_let_in_where_there_is_a_door() {
    let yaml = service("without_scope_info: true, auth: {authenticator: bearertokenauth}");
    let yaml = yaml
        .replace(
            "receivers:\n",
            "extensions: {bearertokenauth: {token: secret}}\nreceivers:\n",
        )
        .replace("service:\n", "service:\n  extensions: [bearertokenauth]\n");
    let service = Service::start(&yaml);
    send(&service, &counter(5, ""));
    assert_eq!(scrape(&service, "/metrics", &[]).status, 401);
    let known = [("authorization", "Bearer secret")];
    assert_eq!(scrape(&service, "/metrics", &known).text(), page("5"));
    service.stop();
}

#[test]
fn a_port_that_is_taken_stops_the_start() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("endpoint: '{}'", other.local_addr().unwrap());
    let yaml = service("without_scope_info: true")
        .replace("endpoint: '127.0.0.1:0', w", &format!("{endpoint}, w"));
    let (code, log) = failed_start(&yaml);
    assert_ne!(code, Some(0));
    assert!(log.contains("failed to start exporter prometheus"), "{log}");
}
