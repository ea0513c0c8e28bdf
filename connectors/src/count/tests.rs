//! What a connector counts of a batch.

use ledger::Budget;
use otlp::view::Request;
use otlp::{Signal, json};
use pipeline::component::{Outbox, Processor};
use pipeline::{Batch, Now};

use crate::fixture::{SECOND, build_for, lines, problems, text};

fn connector(signal: Signal, yaml: &str) -> Box<dyn Processor> {
    build_for("count", signal, yaml, &Budget::new(1 << 30))
}

fn batch(signal: Signal, request: &str) -> Batch {
    let bytes = json::decode(signal, request.as_bytes()).expect("it is OTLP/JSON");
    let items = otlp::survey(signal, &bytes).unwrap().items;
    Batch::new(signal, bytes.into(), items as u64)
}

/// The points that are made of a request at second 9, without the units.
fn counted(signal: Signal, yaml: &str, request: &str) -> Vec<String> {
    let mut connector = connector(signal, yaml);
    let mut out = Outbox::default();
    connector.process(batch(signal, request), Now::at(SECOND * 9), &mut out);
    assert_eq!(out.drain_dropped().count(), 0);
    assert_eq!(connector.deadline(), None);
    lines(&mut out)
}

fn attributes(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = pairs.iter().map(|(key, value)| text(key, value)).collect();
    format!(r#""attributes":[{}]"#, pairs.join(","))
}

/// Two resources. Of the first two spans with three events; of the other, which says nothing of itself, one span.
fn traces() -> String {
    let span = |name: &str, kind: u8, second: u64, rest: &str| {
        format!(
            r#"{{"traceId":"{0:0>32}","spanId":"{0:0>16}","name":"{name}","kind":{kind},
            "startTimeUnixNano":"{second}000000000","endTimeUnixNano":"{1}000000000",{rest}}}"#,
            1,
            second + 1
        )
    };
    let event = |name: &str, rest: &str| {
        format!(r#"{{"name":"{name}","timeUnixNano":"4000000000",{rest}}}"#)
    };
    let events = [
        event("exception", &attributes(&[("type", "io")])),
        event("exception", &attributes(&[])),
        event("retry", &attributes(&[("type", "io")])),
    ];
    let with_events = format!(
        r#"{},"events":[{}]"#,
        attributes(&[("route", "/a")]),
        events.join(",")
    );
    format!(
        r#"{{"resourceSpans":[
        {{"resource":{{{}}},"scopeSpans":[{{"scope":{{"name":"lib",{}}},"spans":[{},{}]}}]}},
        {{"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
        attributes(&[("service.name", "shop"), ("tier", "front")]),
        attributes(&[("lib", "http"), ("tier", "scope")]),
        span("get", 2, 2, &with_events),
        span("put", 3, 5, &attributes(&[("tier", "own")])),
        span("get", 2, 7, r#""flags":1"#),
    )
}

const SHOP: &str = "{service.name=shop,tier=front}";

#[test]
fn without_a_configuration_everything_is_counted() {
    assert_eq!(
        counted(Signal::Traces, "", &traces()),
        [
            format!("{SHOP}{{}} trace.span.count 2..6 2"),
            format!("{SHOP}{{}} trace.span.event.count 4..4 3"),
            "{}{} trace.span.count 7..8 1".to_owned(),
        ]
    );
}

#[test]
fn what_a_condition_holds_for_is_counted() {
    let yaml = r#"
spans:
  servers:
    description: as servers
    conditions: ['kind == SPAN_KIND_SERVER and resource.attributes["service.name"] != nil', 'name == "put"']
  none:
    conditions: ['name == "nobody"']
spanevents:
  exceptions:
    conditions: ['name == "exception"']
"#;
    assert_eq!(
        counted(Signal::Traces, yaml, &traces()),
        [
            format!("{SHOP}{{}} exceptions 4..4 2"),
            format!("{SHOP}{{}} servers 2..6 2"),
        ]
    );
    let mut out = Outbox::default();
    connector(Signal::Traces, yaml).process(
        batch(Signal::Traces, &traces()),
        Now::at(SECOND),
        &mut out,
    );
    let made = out.drain().next().unwrap();
    let mut found = Vec::new();
    let visit = |entry: &otlp::view::Entry<'_, '_>| {
        let metric = entry.metric.unwrap();
        let scope = entry.scope.scope.unwrap().name.to_string();
        found.push((
            scope.rsplit('/').next().unwrap().to_owned(),
            metric.description.to_string(),
            metric.aggregation_temporality,
            metric.is_monotonic,
        ));
        Ok::<_, otlp::Malformed>(())
    };
    let request = Request::new(Signal::Metrics, &made.chunks()[0].bytes);
    request.for_each_item(visit).unwrap();
    let servers = (
        "countconnector".to_owned(),
        "as servers".to_owned(),
        1,
        true,
    );
    assert!(found.contains(&servers), "{found:?}");
}

#[test]
fn attributes_are_of_the_item_else_of_its_scope_else_of_its_resource() {
    let yaml = "
spans:
  by_tier:
    attributes: [{key: tier, default_value: none}]
  by_library:
    attributes: [{key: lib}, {key: route, default_value: 3}]
spanevents:
  by_type:
    attributes: [{key: type, default_value: true}, {key: service.name}]
";
    assert_eq!(
        counted(Signal::Traces, yaml, &traces()),
        [
            format!("{SHOP}{{lib=http,route=/a}} by_library 2..6 1"),
            format!("{SHOP}{{lib=http,route=Int(3)}} by_library 2..6 1"),
            format!("{SHOP}{{tier=own}} by_tier 2..6 1"),
            format!("{SHOP}{{tier=scope}} by_tier 2..6 1"),
            format!("{SHOP}{{type=Bool(true),service.name=shop}} by_type 4..4 1"),
            format!("{SHOP}{{type=io,service.name=shop}} by_type 4..4 2"),
            "{}{tier=none} by_tier 7..8 1".to_owned(),
        ]
    );
}

#[test]
fn values_of_two_kinds_are_two_counts() {
    let value = |value: &str| format!(r#"{{"attributes":[{{"key":"code","value":{{{value}}}}}]}}"#);
    let records = [
        value(r#""intValue":"200""#),
        value(r#""stringValue":"200""#),
        value(r#""intValue":"200""#),
        value(r#""doubleValue":1.5"#),
        r#"{"timeUnixNano":"3000000000"}"#.to_owned(),
    ];
    let request = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}]}}]}}]}}"#,
        records.join(",")
    );
    let yaml = "logs: {by_code: {attributes: [{key: code}]}, all: {}}";
    assert_eq!(
        counted(Signal::Logs, yaml, &request),
        [
            "{}{code=200} by_code 3..3 1",
            "{}{code=Double(1.5)} by_code 3..3 1",
            "{}{code=Int(200)} by_code 3..3 2",
            "{}{} all 3..3 5",
        ]
    );
}

#[test]
fn metrics_and_their_points_are_counted() {
    let point = r#"{"asInt":"1","timeUnixNano":"5000000000",
        "attributes":[{"key":"zone","value":{"stringValue":"n"}}]}"#;
    let request = format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[
        {{"name":"a","gauge":{{"dataPoints":[{point},{point}]}}}},
        {{"name":"b","histogram":{{"aggregationTemporality":2,"dataPoints":[{{"timeUnixNano":"2000000000"}}]}}}},
        {{"name":"c"}}]}}]}}]}}"#
    );
    // Metrics themselves say no time.
    assert_eq!(
        counted(Signal::Metrics, "", &request),
        [
            "{}{} metric.count 9..9 3",
            "{}{} metric.datapoint.count 2..5 3"
        ]
    );
    let yaml = "metrics: {}\ndatapoints: {by_zone: {attributes: [{key: zone}]}}";
    assert_eq!(
        counted(Signal::Metrics, yaml, &request),
        ["{}{zone=n} by_zone 2..5 2"]
    );
}

#[test]
fn a_section_that_is_written_has_its_own_metrics_alone() {
    let lines = counted(Signal::Traces, "spans: {mine: {}}", &traces());
    assert_eq!(
        lines,
        [
            format!("{SHOP}{{}} mine 2..6 2"),
            format!("{SHOP}{{}} trace.span.event.count 4..4 3"),
            "{}{} mine 7..8 1".to_owned(),
        ]
    );
    let none = "spans: {}\nspanevents: {}";
    assert_eq!(counted(Signal::Traces, none, &traces()), [""; 0]);
}

#[test]
fn a_condition_without_an_answer_counts_nothing_and_stops_nothing() {
    let yaml = r#"spans: {long: {conditions: ['Len(attributes["lost"]) > 3', 'name == "put"']}}
spanevents: {}"#;
    assert_eq!(
        counted(Signal::Traces, yaml, &traces()),
        [format!("{SHOP}{{}} long 2..6 1")]
    );
}

#[test]
fn what_cannot_be_counted_is_named_with_its_place() {
    let check = |yaml: &str, expected: &[&str]| {
        let found = problems("count", yaml);
        let found: Vec<_> = found
            .iter()
            .map(|line| line.trim_start_matches("connectors::count::"))
            .collect();
        assert_eq!(found, expected);
    };
    check(
        r#"spans: {a: {conditions: ['kind == 2', 'nme == "x"']}}"#,
        &[
            "spans::a::conditions[1]: spans condition: metric \"a\": `nme` is no field of a span \
             (at byte 1), did you mean `name`?",
        ],
    );
    check(
        "logs: {a: {conditions: ['true']}}",
        &[
            "logs::a::conditions[0]: conditions on logs are not built yet; remove them to count all, \
           or keep this metric in a Collector",
        ],
    );
    check(
        "metrics: {a: {attributes: [{key: x}]}}",
        &["metrics::a::attributes: metrics attributes not supported: metric \"a\""],
    );
    check(
        "datapoints: {a: {attributes: [{default_value: x}, {key: y, default_value: [1]}]}}",
        &[
            "datapoints::a::attributes[0]: datapoints attributes: metric \"a\": attribute key missing",
            "datapoints::a::attributes[1]::default_value: a default is a text, a number, true or false",
        ],
    );
    check(
        "profiles: {a: {}}",
        &["profiles: there is no such signal here, so nothing is counted"],
    );
    check("spans: {a: {description: b}}", &[]);
}
