//! The graph of services through the real binary: traces come in, and a page for Prometheus goes out.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use benches::clock;
use serde_json::Value;

use crate::cli::tracegate;
use crate::rig::example::{self, without_back_end};
use crate::rig::page::Page;
use crate::rig::{PATIENCE, Service, http1};

/// The configuration is that of the gallery.
const YAML: &str = include_str!("../../examples/10-service-graph/collector.yaml");

/// It is in a hurry here.
const SET: [&str; 3] = [
    "exporters.prometheus.endpoint=127.0.0.1:0",
    "connectors.service_graph.metrics_flush_interval=50ms",
    "connectors.service_graph.store.ttl=1s",
];

const REQUESTS: u64 = 60;

/// Every tenth fails.
const FAILED: u64 = REQUESTS / 10;

const TOTAL: &str = "traces_service_graph_request_total";
const FAILED_TOTAL: &str = "traces_service_graph_request_failed_total";
const SERVER_SECONDS: &str = "traces_service_graph_request_server_seconds";

fn start() -> Service {
    example::start(&without_back_end(YAML), &SET)
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
        own.sum(&family, &["connector=\"service_graph\""])
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
    service.rewrite(&without_back_end(YAML).replace("max_items: 100000", "max_items: 50000"));
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
    let taken = ended.account.spans("connector", "service_graph").taken;
    assert_eq!(taken, 5 * (REQUESTS + 1));
}

/// A service that needs no pipeline for metrics but its own.
fn plain() -> Service {
    Service::start(
        "\
receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}
connectors: {service_graph: {database_name_attributes: [db.namespace]}}
exporters: {nop: }
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [service_graph]}
    metrics: {receivers: [service_graph], exporters: [nop]}
",
    )
}

fn endpoint(service: &Service) -> String {
    format!("http://{}", service.extension("admin"))
}

#[test]
fn the_command_shows_the_graph_of_all_replicas_in_four_forms() {
    let replicas = [plain(), plain()];
    for (replica, trace) in replicas.iter().zip([1, 10]) {
        visit(replica, trace);
    }
    let [one, other] = replicas.each_ref().map(endpoint);
    let graph = |output: &str| {
        let both = ["--endpoint", &one, "--endpoint", &other];
        tracegate(&[&["graph", "--output", output], &both[..]].concat())
    };
    let seen = || {
        let body: Value = serde_json::from_str(&graph("json").out).ok()?;
        let edges = body["edges"].as_array()?.clone();
        let of_both = |edge: &Value| edge["requests"] == 2;
        (edges.len() == 4 && edges.iter().all(of_both)).then_some(edges)
    };
    let edges = clock::poll(PATIENCE, seen).unwrap();
    let failures: u64 = edges
        .iter()
        .filter_map(|edge| edge["failures"].as_u64())
        .sum();
    assert_eq!(failures, 1);
    for (output, lines) in [
        (
            "text",
            [
                "\nshop    cart     ",
                "  50.0 %  20.0 ms  20.0 ms         2\n",
            ],
        ),
        (
            "dot",
            ["digraph services {\n", "\n  \"orders\" [shape=cylinder];\n"],
        ),
        ("mermaid", ["flowchart LR\n", "[(\"orders\")]\n"]),
    ] {
        let ended = graph(output);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
        for line in lines {
            assert!(ended.out.contains(line), "{line} is not in\n{}", ended.out);
        }
    }
    // One that does not answer is named, and the rest is shown.
    let [first, second] = replicas;
    second.stop();
    let ended = graph("text");
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.contains("shop    cart"), "{}", ended.out);
    let address = other.trim_start_matches("http://");
    assert!(
        ended.err.starts_with(&format!("{address}: ")),
        "{}",
        ended.err
    );
    first.stop();
}

#[test]
fn live_shows_what_has_changed() {
    let service = plain();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tracegate"));
    let arguments = ["graph", "--live", "--output", "mermaid", "--endpoint"];
    command.args(arguments).arg(endpoint(&service));
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let (send_line, lines) = mpsc::channel();
    let out = BufReader::new(child.stdout.take().unwrap());
    let reading = std::thread::spawn(move || {
        for line in out.lines().map_while(Result::ok) {
            let _ = send_line.send(line);
        }
    });
    let next = || lines.recv_timeout(PATIENCE).unwrap();
    assert_eq!(next(), "flowchart LR");
    visit(&service, 1);
    // Nothing is shown twice: the next line begins what has changed.
    assert_eq!(next(), "flowchart LR");
    let nodes = std::iter::from_fn(|| Some(next()));
    let has_cart = |line: &String| line.contains("\"cart\"");
    assert!(nodes.take(6).any(|line| has_cart(&line)));
    child.kill().unwrap();
    child.wait().unwrap();
    reading.join().unwrap();
    service.stop();
}

#[test]
fn without_the_connector_there_is_no_graph() {
    let service = Service::start(
        "\
receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}
exporters: {nop: }
service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}
",
    );
    let ended = tracegate(&["graph", "--endpoint", &endpoint(&service)]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    assert!(
        ended.err.contains(": no service_graph runs here"),
        "{}",
        ended.err
    );
    service.stop();
}
