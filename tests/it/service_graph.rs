//! The graph of services through the real binary: traces come in, and a page for Prometheus goes out.

use benches::clock;
use serde_json::Value;

use crate::rig::page::Page;
use crate::rig::{PATIENCE, Service, http1};

/// The configuration is that of the sample.
const SAMPLE: &str = include_str!("fixtures/samples/service-graph.yaml");

/// The same in a hurry, with a receiver for JSON.
const ARGUMENTS: [&str; 6] = [
    "--set",
    "receivers.otlp.protocols.http.endpoint=127.0.0.1:0",
    "--set",
    "connectors.servicegraph.metrics_flush_interval=50ms",
    "--set",
    "connectors.servicegraph.store.ttl=1s",
];

const REQUESTS: u64 = 60;

/// Every tenth fails.
const FAILED: u64 = REQUESTS / 10;

const TOTAL: &str = "traces_service_graph_request_total";
const FAILED_TOTAL: &str = "traces_service_graph_request_failed_total";
const SERVER_SECONDS: &str = "traces_service_graph_request_server_seconds";

fn yaml() -> String {
    // No back end for traces is here.
    let exporter = "otlp_grpc: {endpoint: \"127.0.0.1:5317\", tls: {insecure: true}}";
    let yaml = SAMPLE.replace(exporter, "debug: ");
    let yaml = yaml.replace("[otlp_grpc]", "[debug]");
    assert!(!yaml.contains("otlp_grpc"), "{yaml}");
    yaml
}

fn start() -> Service {
    Service::start_with(&yaml(), &ARGUMENTS)
}

/// Sends one span of a service, on a connection of its own, so that the halves of a request come to any worker.
fn send(service: &Service, name: &str, span: &str) {
    let body = format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name",
        "value":{{"stringValue":"{name}"}}}}]}},"scopeSpans":[{{"spans":[{span}]}}]}}]}}"#
    );
    let headers = [("content-type", "application/json")];
    let request = http1::request("POST", "/v1/traces", &headers, body.as_bytes());
    let reply = http1::exchange(service.http(), &request);
    assert_eq!(reply.status, 200, "{}", reply.text());
}

fn span(trace: u64, (id, parent): (u64, u64), kind: u8, rest: &str) -> String {
    let parent = match parent {
        0 => String::new(),
        parent => format!(r#""parentSpanId":"{parent:016x}","#),
    };
    format!(
        r#"{{"traceId":"{trace:032x}","spanId":"{id:016x}",{parent}"kind":{kind},"name":"work",
        "startTimeUnixNano":"1000000000","endTimeUnixNano":"1020000000"{rest}}}"#
    )
}

/// A visit: user → shop → cart → a database, and shop → an outsider.
fn visit(service: &Service, trace: u64) {
    let status = match trace.is_multiple_of(10) {
        true => r#","status":{"code":2}"#,
        false => "",
    };
    let attribute = |key: &str, value: &str| {
        format!(r#","attributes":[{{"key":"{key}","value":{{"stringValue":"{value}"}}}}]"#)
    };
    send(service, "cart", &span(trace, (3, 2), 2, status));
    let query = span(trace, (4, 3), 3, &attribute("db.namespace", "orders"));
    send(service, "cart", &query);
    send(service, "shop", &span(trace, (1, 0), 2, ""));
    send(service, "shop", &span(trace, (2, 1), 3, ""));
    let outside = span(
        trace,
        (5, 1),
        3,
        &attribute("server.address", "pay.example"),
    );
    send(service, "shop", &outside);
}

/// The page once it tells of so many requests.
fn page_of(service: &Service, requests: u64) -> Page {
    let look = || {
        let page = Page::fetch(service.extension("prometheus"));
        (page.sum(TOTAL, &[]) >= requests).then_some(page)
    };
    clock::poll(PATIENCE, look).unwrap()
}

/// What the admin extension tells of the one graph.
fn graph_of(service: &Service) -> Value {
    let admin = service.extension("admin");
    let question = format!("GET /api/v1/service-graph HTTP/1.1\r\nhost: {admin}\r\n\r\n");
    let reply = http1::exchange(admin, question.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    let mut body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["graphs"].as_array().unwrap().len(), 1, "{body}");
    body["graphs"][0].take()
}

#[test]
fn the_halves_of_requests_find_each_other_on_whatever_connection_they_come() {
    let mut service = start();
    (0..REQUESTS).for_each(|trace| visit(&service, trace));
    let page = page_of(&service, 4 * REQUESTS);
    let of = |client: &str, server: &str, connection: &str, family: &str| {
        let labels = [
            format!("client=\"{client}\""),
            format!("server=\"{server}\""),
            format!("connection_type=\"{connection}\""),
        ];
        page.sum(family, &labels.each_ref().map(String::as_str))
    };
    assert_eq!(of("shop", "cart", "", TOTAL), REQUESTS);
    assert_eq!(of("shop", "cart", "", FAILED_TOTAL), FAILED);
    let count = format!("{SERVER_SECONDS}_count");
    assert_eq!(of("shop", "cart", "", &count), REQUESTS);
    assert_eq!(of("cart", "orders", "database", TOTAL), REQUESTS);
    assert_eq!(of("user", "shop", "virtual_node", TOTAL), REQUESTS);
    let outside = of("shop", "pay.example", "virtual_node", TOTAL);
    assert_eq!(outside, REQUESTS);

    let own = service.page();
    let edges = |name: &str| {
        let family = format!("otelcol_connector_servicegraph_{name}");
        own.sum(&family, &["connector=\"servicegraph\""])
    };
    assert_eq!(edges("total_edges"), 4 * REQUESTS);
    assert_eq!(edges("dropped_spans"), 0);

    let graph = graph_of(&service);
    let edges = graph["edges"].as_array().unwrap();
    let edge = edges
        .iter()
        .find(|edge| edge["client"] == "shop" && edge["server"] == "cart");
    let edge = edge.unwrap();
    assert_eq!(
        (&edge["requests"], &edge["failures"]),
        (&REQUESTS.into(), &FAILED.into())
    );
    assert_eq!(edge["latency"]["server"]["p95_ms"], 20.0);
    assert!(edge["rate"].as_f64().unwrap() > 0.0, "{edge}");
    assert_eq!(
        (edges.len(), graph["nodes"].as_array().unwrap().len()),
        (4, 5)
    );

    // Series and start times go on in a reload.
    service.rewrite(&yaml().replace("max_items: 100000", "max_items: 50000"));
    service.reload().unwrap();
    visit(&service, REQUESTS);
    let page = page_of(&service, 4 * (REQUESTS + 1));
    assert_eq!(page.sum(TOTAL, &["server=\"cart\""]), REQUESTS + 1);

    let edges = graph_of(&service)["edges"].clone();
    assert!(
        edges
            .as_array()
            .unwrap()
            .iter()
            .all(|edge| edge["requests"] == REQUESTS + 1)
    );
    let ended = service.stop();
    let taken = ended.account.spans("connector", "servicegraph").taken;
    assert_eq!(taken, 5 * (REQUESTS + 1));
}
