//! What a connector makes of pairs of spans, with the time as an argument.

use std::fmt::Write as _;
use std::sync::Arc;

use ledger::Budget;
use otlp::{Signal, json};
use pipeline::component::{Answer, Flush, Outbox, Processor, Query};
use pipeline::{Batch, Now};
use serde_json::{Value, json};
use telemetry::metrics::Page;

use crate::fixture::{self, SECOND, build, build_at, host_of, lines, problems, take, text, tick};

fn connector(yaml: &str) -> Box<dyn Processor> {
    build("service_graph", yaml, &Budget::new(1 << 30))
}

/// A span: `trace/id<parent kind milliseconds`, such as `1/b<a server 20`, with more fields in JSON.
#[derive(Clone)]
struct Span(String);

fn span(text: &str) -> Span {
    with(text, "")
}

fn failed(text: &str) -> Span {
    with(text, r#","status":{"code":2}"#)
}

fn attributed(text: &str, attributes: &[(&str, &str)]) -> Span {
    let attributes = attributes
        .iter()
        .map(|(key, value)| fixture::text(key, value));
    let attributes: Vec<_> = attributes.collect();
    with(
        text,
        &format!(r#","attributes":[{}]"#, attributes.join(",")),
    )
}

/// A span that links to others, each `trace/id`.
fn linked(text: &str, links: &[&str]) -> Span {
    let link = |link: &&str| {
        let (trace, id) = link.split_once('/').unwrap();
        let id = u64::from_str_radix(id, 16).unwrap();
        format!(r#"{{"traceId":"{trace:0>32}","spanId":"{id:016x}"}}"#)
    };
    let links: Vec<_> = links.iter().map(link).collect();
    with(text, &format!(r#","links":[{}]"#, links.join(",")))
}

fn with(text: &str, rest: &str) -> Span {
    let [ids, kind, millis] = text.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{text}");
    };
    let (trace, ids) = ids.split_once('/').unwrap();
    let (id, parent) = ids.split_once('<').unwrap_or((ids, ""));
    let kinds = ["", "internal", "server", "client", "producer", "consumer"];
    let kind = kinds.iter().position(|known| *known == kind).unwrap();
    let parent = match parent {
        "" => String::new(),
        parent => format!(r#""parentSpanId":"{parent:0>16}","#),
    };
    let nanos = millis.parse::<u64>().unwrap() * 1_000_000;
    Span(format!(
        r#"{{"traceId":"{trace:0>32}","spanId":"{id:0>16}",{parent}"kind":{kind},
        "startTimeUnixNano":"1000","endTimeUnixNano":"{}"{rest}}}"#,
        1000 + nanos
    ))
}

/// A request of one resource.
fn batch(resource: &[(&str, &str)], spans: &[Span]) -> Batch {
    let attributes: Vec<_> = resource
        .iter()
        .map(|(key, value)| text(key, value))
        .collect();
    let spans: Vec<_> = spans.iter().map(|span| span.0.as_str()).collect();
    let request = format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{}]}},"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
        attributes.join(","),
        spans.join(",")
    );
    let bytes = json::decode(Signal::Traces, request.as_bytes()).expect("it is OTLP/JSON");
    Batch::new(Signal::Traces, bytes.into(), spans.len() as u64)
}

fn of(service: &str, spans: &[Span]) -> Batch {
    batch(&[("service.name", service)], spans)
}

/// The counts of requests that are sent at second 61, each `client→server connection failed count`, of what was taken
/// at second 1.
fn counted(yaml: &str, batches: Vec<Batch>) -> Vec<String> {
    let mut connector = connector(yaml);
    for batch in batches {
        assert_eq!(take(&mut connector, batch, 1), [""; 0]);
    }
    counts(&tick(&mut connector, 61))
}

fn counts(lines: &[String]) -> Vec<String> {
    let totals = lines.iter().filter(|line| line.contains("request_total"));
    let told = totals.map(|line| {
        let (attributes, value) = line
            .split_once(" traces_service_graph_request_total ")
            .unwrap();
        let attributes = attributes.trim_start_matches("{}{").trim_end_matches('}');
        let count = value.split(' ').nth(1).unwrap();
        let mut told = String::new();
        for attribute in attributes.split(',') {
            let (name, value) = attribute.split_once('=').unwrap();
            let _ = match name {
                "client" => write!(told, "{value}"),
                "server" => write!(told, "→{value}"),
                "connection_type" if value.is_empty() => Ok(()),
                "connection_type" => write!(told, " {value}"),
                "failed" if value == "Bool(true)" => write!(told, " failed"),
                "failed" => Ok(()),
                _ => write!(told, " {attribute}"),
            };
        }
        format!("{told} {count}")
    });
    let mut told: Vec<_> = told.collect();
    told.sort_unstable();
    told
}

#[test]
fn a_clients_span_and_its_servers_are_one_request_whichever_comes_first() {
    let client = of("shop", &[span("1/a client 30")]);
    let server = of("cart", &[span("1/b<a server 20")]);
    let expected = |series: &str| {
        [
            format!("{series}_client 1..61 n=1 sum=0.03 [0, 0, 0, 0, 0, 1]s"),
            format!("{series}_server 1..61 n=1 sum=0.02 [0, 0, 0, 0, 0, 1]s"),
            format!("{series}_total 1..61 1"),
        ]
    };
    let series = "{}{client=shop,server=cart,connection_type=,failed=Bool(false)} \
                  traces_service_graph_request";
    for batches in [[client.clone(), server.clone()], [server, client]] {
        let mut connector = connector("");
        assert_eq!(connector.deadline(), None);
        let [first, second] = batches;
        take(&mut connector, first, 1);
        assert_eq!(connector.deadline(), Some(SECOND * 3));
        take(&mut connector, second, 1);
        assert_eq!(connector.deadline(), Some(SECOND * 61), "nothing waits");
        let sent = tick(&mut connector, 61);
        assert_eq!(sent, expected(series));
        let again = tick(&mut connector, 121);
        assert!(again[2].ends_with("1..121 1"), "{again:?}");
    }
}

#[test]
fn a_request_has_failed_if_either_half_has() {
    let batches = vec![
        of(
            "shop",
            &[
                span("1/a client 1"),
                failed("2/a client 1"),
                span("3/a client 1"),
            ],
        ),
        of(
            "cart",
            &[
                failed("1/b<a server 1"),
                span("2/b<a server 1"),
                span("3/b<a server 1"),
            ],
        ),
    ];
    let mut connector = connector("");
    for batch in batches {
        take(&mut connector, batch, 1);
    }
    let lines = tick(&mut connector, 61);
    assert_eq!(counts(&lines), ["shop→cart 1", "shop→cart failed 2"]);
    let failed = lines.iter().filter(|line| line.contains("failed_total"));
    let failed: Vec<_> = failed.collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(failed[0].contains("failed=Bool(true)") && failed[0].ends_with("1..61 2"));
}

#[test]
fn messages_are_paired_by_their_parents_or_by_links() {
    let by_parent = vec![
        of("shop", &[span("1/a producer 1")]),
        of("mail", &[span("1/b<a consumer 1")]),
    ];
    assert_eq!(counted("", by_parent), ["shop→mail messaging_system 1"]);

    let producers = of("shop", &[span("1/a producer 1"), span("2/a producer 1")]);
    let batch_of_both = of("mail", &[linked("3/a consumer 1", &["1/a", "2/a"])]);
    let of_one = of("bill", &[linked("4/b<a consumer 1", &["1/a"])]);
    let expected = [
        "shop→bill messaging_system 1",
        "shop→mail messaging_system 2",
    ];
    for order in [[0, 1, 2], [1, 0, 2], [1, 2, 0], [2, 1, 0]] {
        let all = [&producers, &batch_of_both, &of_one];
        let batches = order.map(|at| all[at].clone()).to_vec();
        assert_eq!(counted("", batches), expected, "{order:?}");
    }
}

#[test]
fn a_database_sends_no_spans() {
    let query = attributed(
        "1/a client 5",
        &[("db.name", "orders"), ("db.system", "mysql")],
    );
    let batches = vec![of("shop", std::slice::from_ref(&query))];
    assert_eq!(counted("", batches), ["shop→orders database 1"]);
    // The names are looked for in their order.
    let yaml = "database_name_attributes: [db.namespace, db.system]";
    assert_eq!(
        counted(yaml, vec![of("shop", &[query])]),
        ["shop→mysql database 1"]
    );
}

#[test]
fn who_waits_for_the_client_of_a_database_has_waited_in_vain() {
    let host = host_of("service_graph", Signal::Traces, &Budget::new(1 << 30));
    let mut connector = build_at("service_graph", "", &host);
    let proxy = span("1/b<a server 3");
    let query = attributed("1/a client 5", &[("db.name", "orders")]);
    take(&mut connector, of("proxy", &[proxy]), 1);
    take(&mut connector, of("shop", &[query]), 1);
    let sent = tick(&mut connector, 61);
    assert_eq!(counts(&sent), ["shop→orders database 1"]);
    let page = host.metrics.render(&Page::default());
    let expired = page.lines().find(|line| line.contains("expired_edges{"));
    assert!(expired.is_some_and(|line| line.ends_with(" 1")), "{page}");
}

#[test]
fn of_two_who_name_one_caller_the_first_has_waited_in_vain() {
    let host = host_of("service_graph", Signal::Traces, &Budget::new(1 << 30));
    let mut connector = build_at("service_graph", "", &host);
    take(&mut connector, of("one", &[span("1/b<a server 3")]), 1);
    take(&mut connector, of("other", &[span("1/c<a server 3")]), 1);
    take(&mut connector, of("shop", &[span("1/a client 5")]), 1);
    let sent = tick(&mut connector, 61);
    assert_eq!(counts(&sent), ["shop→other 1"]);
    let page = host.metrics.render(&Page::default());
    let expired = page.lines().find(|line| line.contains("expired_edges{"));
    assert!(expired.is_some_and(|line| line.ends_with(" 1")), "{page}");
}

#[test]
fn what_waits_in_vain_is_a_request_to_a_virtual_node() {
    let peer = attributed(
        "2/a client 1",
        &[("db.system", "redis"), ("peer.service", "pay")],
    );
    let batches = || {
        vec![
            of(
                "shop",
                &[span("1/a client 1"), peer.clone(), span("4/a internal 1")],
            ),
            of(
                "cart",
                &[
                    span("3/a server 1"),
                    span("3/b server 1"),
                    span("5/b<a server 1"),
                ],
            ),
        ]
    };
    let expected = [
        "shop→pay virtual_node 1",
        "shop→unknown virtual_node 1",
        "user→cart virtual_node 2",
    ];
    assert_eq!(counted("", batches()), expected);
    let labelled = [
        "shop→pay virtual_node virtual_node=server 1",
        "shop→unknown virtual_node virtual_node=server 1",
        "user→cart virtual_node virtual_node=client 2",
    ];
    assert_eq!(
        counted("virtual_node_extra_label: true", batches()),
        labelled
    );
    assert_eq!(
        counted("virtual_node_peer_attributes: []", batches()),
        [""; 0]
    );
    let yaml = "virtual_node_peer_attributes: [net.peer.name, db.system]";
    let redis = counted(yaml, batches());
    assert!(
        redis.contains(&"shop→redis virtual_node 1".to_owned()),
        "{redis:?}"
    );
}

#[test]
fn a_span_waits_as_long_as_it_is_told() {
    let yaml = "store: {ttl: 5s}\nvirtual_node_peer_attributes: [peer.service]";
    let client = of("shop", &[span("1/a client 1")]);
    let server = of("cart", &[span("1/b<a server 1")]);
    let mut early = connector(yaml);
    take(&mut early, client.clone(), 1);
    tick(&mut early, 3);
    take(&mut early, server.clone(), 5);
    assert_eq!(counts(&tick(&mut early, 65)), ["shop→cart 1"]);
    let mut late = connector(yaml);
    take(&mut late, client, 1);
    assert_eq!(
        late.deadline(),
        Some(SECOND * 3),
        "by store_expiration_loop"
    );
    tick(&mut late, 7);
    take(&mut late, server, 8);
    assert_eq!(
        counts(&tick(&mut late, 67)),
        ["shop→unknown virtual_node 1"]
    );
}

#[test]
fn dimensions_are_of_the_resource_else_of_the_span_each_of_its_side() {
    let yaml = "dimensions: [zone, tier]";
    let resource = [("service.name", "shop"), ("zone", "north")];
    let own = attributed("1/a client 1", &[("zone", "lost"), ("tier", "gold")]);
    let batches = vec![
        batch(&resource, &[own]),
        of("cart", &[attributed("1/b<a server 1", &[("tier", "3")])]),
    ];
    assert_eq!(
        counted(yaml, batches),
        ["shop→cart client_zone=north client_tier=gold server_tier=3 1"]
    );
}

#[test]
fn buckets_are_what_the_configuration_says() {
    let series = |yaml: &str| {
        let mut connector = connector(yaml);
        take(
            &mut connector,
            of("shop", &[span("1/a server 0"), span("2/a server 8000")]),
            1,
        );
        let lines = tick(&mut connector, 61);
        let mut lines = lines
            .into_iter()
            .filter(|line| line.contains("request_server"));
        let line = lines.next().unwrap();
        line.split_once("request_server ").unwrap().1.to_owned()
    };
    assert_eq!(
        series("latency_histogram_buckets: [1s, 10s]"),
        "1..61 n=2 sum=8 [1, 1]s"
    );
    assert_eq!(
        series("latency_histogram_buckets: []"),
        "1..61 n=2 sum=8 [2]s"
    );
    let exponential = series("exponential_histogram_max_size: 4");
    assert!(
        exponential.starts_with("n=2 zero=1 scale=20 sum=8 min=0 max=8"),
        "{exponential}"
    );
}

#[test]
fn points_may_be_said_to_be_older() {
    let mut connector = connector("metrics_timestamp_offset: 10s");
    take(&mut connector, of("shop", &[span("1/a server 1")]), 20);
    let lines = tick(&mut connector, 80);
    assert!(lines[2].contains(" 10..70 1"), "{lines:?}");
}

#[test]
fn without_an_interval_the_series_are_sent_with_every_batch() {
    let mut connector = connector("metrics_flush_interval: 0s");
    let lines = take(&mut connector, of("shop", &[span("1/a server 1")]), 5);
    assert_eq!(counts(&lines), ["user→shop virtual_node 1"]);
    let lines = take(&mut connector, of("shop", &[span("2/a server 1")]), 6);
    assert_eq!(counts(&lines), ["user→shop virtual_node 2"]);
    take(&mut connector, of("shop", &[span("3/a client 1")]), 7);
    let lines = tick(&mut connector, 9);
    assert_eq!(
        counts(&lines),
        ["shop→unknown virtual_node 1", "user→shop virtual_node 2"]
    );
}

#[test]
fn a_series_without_requests_is_forgotten_and_begins_anew() {
    let mut connector = connector("");
    take(&mut connector, of("old", &[span("1/a server 1")]), 1);
    for minute in 1..=14 {
        take(
            &mut connector,
            of("new", &[span("1/a server 1")]),
            60 * minute,
        );
        assert_eq!(counts(&tick(&mut connector, 60 * minute + 1)).len(), 2);
    }
    tick(&mut connector, 961);
    let sent = counts(&tick(&mut connector, 1021));
    assert_eq!(sent, ["user→new virtual_node 14"]);
    take(&mut connector, of("old", &[span("2/a server 1")]), 1030);
    let lines = tick(&mut connector, 1081);
    let old = lines
        .iter()
        .find(|line| line.contains("server=old") && line.contains("_total"));
    assert!(old.unwrap().contains(" 1021..1081 1"), "{old:?}");
}

#[test]
fn beyond_the_limit_all_others_are_one_series() {
    let yaml = "aggregation_cardinality_limit: 2";
    let names = ["a", "b", "c", "d", "a"];
    let mut connector = connector(yaml);
    for name in names {
        take(&mut connector, of(name, &[span("1/a server 1")]), 1);
    }
    let mut lines = tick(&mut connector, 61);
    lines.retain(|line| line.contains("_total"));
    assert_eq!(lines.len(), 3);
    assert!(
        lines[2].starts_with("{}{otel.metric.overflow=Bool(true)} ") && lines[2].contains("61 2"),
        "{lines:?}"
    );
}

#[test]
fn spans_that_wait_and_series_have_an_end() {
    let budget = Budget::new(64 << 10);
    let mut unpaired = build(
        "service_graph",
        "store: {max_items: 1000000, ttl: 1h}",
        &budget,
    );
    for trace in 0..1000 {
        take(
            &mut unpaired,
            of("shop", &[span(&format!("{trace}/a client 1"))]),
            1,
        );
    }
    assert!(budget.used() < 9 << 10, "{}", budget.used());
    // What has found a place is paired.
    take(
        &mut unpaired,
        of("cart", &[span("0/b<a server 1"), span("999/b<a server 1")]),
        1,
    );
    assert_eq!(counts(&tick(&mut unpaired, 61)), ["shop→cart 1"]);
    drop(unpaired);
    assert_eq!(budget.used(), 0);

    let mut named = build("service_graph", "", &budget);
    for at in 0..1000 {
        take(
            &mut named,
            of(&format!("service-{at}"), &[span("1/a server 1")]),
            1,
        );
    }
    assert!(budget.used() < 24 << 10, "{}", budget.used());
    let lines = tick(&mut named, 61);
    let totals = lines.iter().filter(|line| line.contains("_total"));
    let count = |line: &String| {
        line.trim_end()
            .rsplit(' ')
            .next()
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    assert_eq!(
        totals.map(count).sum::<u64>(),
        1000,
        "every request is in some series"
    );
    drop(named);
    assert_eq!(budget.used(), 0);
}

#[test]
fn no_more_spans_wait_than_may_and_those_whose_time_is_over_make_room() {
    let mut connector = connector("store: {max_items: 2}");
    let three = ["1/a client 1", "2/a client 1", "3/a client 1"].map(span);
    take(&mut connector, of("shop", &three), 1);
    take(&mut connector, of("shop", &[span("4/a client 1")]), 4);
    let servers = ["1/b<a server 1", "3/b<a server 1", "4/b<a server 1"].map(span);
    take(&mut connector, of("cart", &servers), 5);
    assert_eq!(
        counts(&tick(&mut connector, 64)),
        ["shop→cart 1", "shop→unknown virtual_node 2"]
    );
}

#[test]
fn turns_of_spans_that_have_been_paired_are_cleared_away() {
    let budget = Budget::new(1 << 30);
    let mut pending = super::pending::Pending::new(&budget);
    let config = super::config::Config::default();
    let rules = super::rules::Rules::new(&config);
    let service: Arc<str> = "shop".into();
    let side = || super::request::Side {
        service: Arc::clone(&service),
        seconds: 0.0,
        failed: false,
        dimensions: Arc::default(),
    };
    for at in 0..10_000_u64 {
        let key = super::pending::Key {
            trace_id: u128::from(at + 1).to_be_bytes(),
            span_id: [1; 8],
        };
        let known = (&rules, SECOND);
        let callee = || super::request::Callee {
            side: side(),
            is_messaging: false,
        };
        pending.take_child(key, callee(), known);
        let caller = super::request::Caller {
            side: side(),
            is_messaging: false,
            peer: None,
        };
        pending.take_caller(key, caller, known);
    }
    assert_eq!(pending.drain().count(), 10_000);
    assert!(pending.turns() <= 128, "{}", pending.turns());
    assert_eq!((pending.spans(), pending.bytes()), (0, 0));
}

#[test]
fn spans_without_a_service_and_broken_ids_are_passed_over() {
    let batches = vec![
        batch(&[("host.name", "h")], &[span("1/a server 1")]),
        of("", &[span("1/a server 1")]),
        of("shop", &[Span(r#"{"spanId":"","kind":3}"#.to_owned())]),
    ];
    assert_eq!(counted("", batches), [""; 0]);
}

#[test]
fn what_is_held_goes_out_at_the_end_and_nobody_is_made_up() {
    let mut connector = connector("");
    take(
        &mut connector,
        of("shop", &[span("1/a server 1"), span("1/b client 1")]),
        1,
    );
    let mut out = Outbox::default();
    assert_eq!(connector.flush(Now::at(SECOND * 2), &mut out), Flush::Done);
    assert_eq!(counts(&lines(&mut out)), ["user→shop virtual_node 1"]);
    assert_eq!(connector.deadline(), None);
}

#[test]
fn series_and_spans_that_wait_outlive_a_change_of_when_they_are_sent() {
    let mut old = connector("");
    let spans = ["1/a server 1", "2/a client 1"].map(span);
    take(&mut old, of("shop", &spans), 1);
    let new = connector("metrics_flush_interval: 5s\nstore: {ttl: 10s}");
    let (mut new, sent) = fixture::succeed(old, new, 2);
    assert_eq!(sent, [""; 0]);
    assert_eq!(new.deadline(), Some(SECOND * 3));
    take(
        &mut new,
        of("cart", &[span("2/b<a server 1"), span("3/a server 1")]),
        5,
    );
    let lines = tick(&mut new, 7);
    assert_eq!(
        counts(&lines),
        [
            "shop→cart 1",
            "user→cart virtual_node 1",
            "user→shop virtual_node 1"
        ]
    );
    assert!(
        lines.iter().all(|line| line.contains(" 1..7 ")),
        "{lines:?}"
    );
}

#[test]
fn series_that_would_be_others_are_sent_once_more_as_they_were() {
    let mut old = connector("");
    let spans = ["1/a server 1", "2/a client 1"].map(span);
    take(&mut old, of("shop", &spans), 1);
    let (mut new, sent) = fixture::succeed(old, connector("dimensions: [zone]"), 2);
    assert_eq!(counts(&sent), ["user→shop virtual_node 1"]);
    assert_eq!(
        new.deadline(),
        Some(SECOND * 62),
        "only edges are looked through"
    );
    take(&mut new, of("shop", &[span("3/a server 1")]), 5);
    let lines = tick(&mut new, 65);
    assert!(lines[2].contains(" 2..65 1"), "{lines:?}");
}

#[test]
fn what_cannot_be_meant_is_named() {
    let check = |yaml: &str, expected: &str| {
        let found = problems("service_graph", yaml);
        assert!(
            found.iter().any(|line| line.contains(expected)),
            "{found:?}"
        );
    };
    check(
        "exponential_histogram_max_size: -1",
        "`exponential_histogram_max_size` can not be negative",
    );
    check(
        "exponential_histogram_max_size: 4\nlatency_histogram_buckets: [1s]",
        "use either `latency_histogram_buckets` or `exponential_histogram_max_size`",
    );
    check(
        "latency_histogram_buckets: [2s, 1s]",
        "these are put in order",
    );
    check(
        "store: {max_items: 0}",
        "store::max_items: no span may wait",
    );
    check("metrics_flush_interval: 0s", "with every batch");
    check("cache_loop: 0s", "the default is used");
    assert_eq!(problems("service_graph", "store: {ttl: 5s}"), [""; 0]);
}

/// The graph that is told at a second.
fn told(connector: &dyn Processor, second: u32) -> Value {
    let answer = connector.ask(&Query::ServiceGraph, Now::at(SECOND * second));
    let Answer::Known(graph) = answer else {
        panic!("it has a graph");
    };
    graph
}

#[test]
fn whoever_asks_is_told_the_graph_of_now() {
    let mut connector = connector("dimensions: [zone]");
    let empty = json!({
        "connector": "service_graph", "covers_seconds": 1.0, "nodes": [], "edges": [],
        "left_out_edges": 0, "unlisted_requests": 0,
    });
    assert_eq!(told(connector.as_ref(), 5), empty);
    let query = [("db.name", "orders"), ("zone", "secret")];
    let client = [
        span("1/a client 30"),
        failed("2/a client 30"),
        attributed("1/d client 8", &query),
    ];
    take(&mut connector, of("shop", &client), 10);
    let server = ["1/b<a server 20", "2/b<a server 20", "3/b server 1"].map(span);
    take(&mut connector, of("cart", &server), 20);
    let graph = told(connector.as_ref(), 40);
    assert_eq!(graph["covers_seconds"], 30.0);
    let nodes = json!([
        {"name": "cart", "type": "service"},
        {"name": "orders", "type": "database"},
        {"name": "shop", "type": "service"},
        {"name": "user", "type": "virtual"},
    ]);
    assert_eq!(graph["nodes"], nodes);
    let edge = json!({
        "client": "shop", "server": "cart", "connection_type": "",
        "requests": 2, "failures": 1, "recent_requests": 2, "recent_failures": 1, "rate": 0.067,
        "first_unix_ms": 20_000, "last_unix_ms": 20_000,
        "latency": {
            "client": {"p50_ms": 30.0, "p95_ms": 30.0, "values_ms": [[30.0, 2]]},
            "server": {"p50_ms": 20.0, "p95_ms": 20.0, "values_ms": [[20.0, 2]]},
        },
    });
    assert_eq!(graph["edges"][0], edge, "the busiest first");
    let others = [
        ("shop", "orders", "database"),
        ("user", "cart", "virtual_node"),
    ];
    for (edge, (client, server, connection)) in
        graph["edges"].as_array().unwrap()[1..].iter().zip(others)
    {
        assert_eq!(edge["client"], client);
        assert_eq!(edge["server"], server);
        assert_eq!(edge["connection_type"], connection);
    }
    // A database is seen by its clients, a service that nobody is seen to call by itself.
    assert!(graph["edges"][1]["latency"].get("server").is_none());
    assert!(graph["edges"][2]["latency"].get("client").is_none());
    assert_eq!(graph["edges"][2]["virtual_node"], "client");
    assert!(!graph.to_string().contains("secret"), "{graph}");
}

#[test]
fn rates_and_latencies_are_those_of_the_last_one_to_two_minutes() {
    let mut connector = connector("");
    let recent = |connector: &dyn Processor, second: u32| {
        let graph = told(connector, second);
        let edge = &graph["edges"][0];
        let requests = (edge["requests"].clone(), edge["recent_requests"].clone());
        // To the width of a bucket.
        let latency = edge["latency"]["server"]["p95_ms"].as_f64();
        let latency = latency.map(|millis| (millis / 10.0).round() * 10.0);
        (graph["covers_seconds"].as_f64().unwrap(), requests, latency)
    };
    take(&mut connector, of("shop", &[span("1/a server 10")]), 30);
    take(&mut connector, of("shop", &[span("2/a server 100")]), 70);
    let both = (json!(2), json!(2));
    assert_eq!(recent(connector.as_ref(), 100), (70.0, both, Some(100.0)));
    let one = (json!(2), json!(1));
    assert_eq!(recent(connector.as_ref(), 150), (90.0, one, Some(100.0)));
    let none = (json!(2), json!(0));
    assert_eq!(recent(connector.as_ref(), 200), (80.0, none, None));
    // It goes on in a successor, and ends as its series does.
    let (mut new, _) = fixture::succeed(connector, self::connector("dimensions: [zone]"), 200);
    take(&mut new, of("cart", &[span("3/a server 10")]), 900);
    assert_eq!(
        told(new.as_ref(), 900)["edges"].as_array().unwrap().len(),
        2
    );
    tick(&mut new, 971);
    assert_eq!(
        told(new.as_ref(), 971)["edges"].as_array().unwrap().len(),
        1
    );
}

#[test]
fn edges_end_in_a_successor_with_other_series_also_if_nothing_more_comes() {
    let mut old = connector("");
    take(&mut old, of("shop", &[span("1/a server 10")]), 30);
    let (mut new, _) = fixture::succeed(old, connector("dimensions: [zone]"), 200);
    let edges = |new: &dyn Processor| told(new, 1000)["edges"].as_array().unwrap().len();
    assert_eq!(edges(new.as_ref()), 1);
    assert_eq!(new.deadline(), Some(SECOND * 260), "by cache_loop");
    assert_eq!(tick(&mut new, 1000), [""; 0]);
    assert_eq!((edges(new.as_ref()), new.deadline()), (0, None));
}

#[test]
fn edges_without_room_are_counted_and_those_with_few_requests_left_out() {
    let budget = Budget::new(64 << 10);
    let mut narrow = build("service_graph", "", &budget);
    for at in 0..100 {
        take(
            &mut narrow,
            of(&format!("s{at}"), &[span("1/a server 1")]),
            1,
        );
    }
    let graph = told(narrow.as_ref(), 2);
    let edges = graph["edges"].as_array().unwrap().len() as u64;
    assert!((2..20).contains(&edges), "{edges}");
    assert_eq!(graph["unlisted_requests"].as_u64(), Some(100 - edges));
    let mut wide = connector("");
    for at in 0..1100 {
        take(&mut wide, of(&format!("s{at}"), &[span("1/a server 1")]), 1);
    }
    let graph = told(wide.as_ref(), 2);
    assert_eq!(graph["edges"].as_array().unwrap().len(), 1000);
    assert_eq!(graph["left_out_edges"], 100);
}
