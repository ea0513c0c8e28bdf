//! What a connector makes of spans, with the time as an argument.

use ledger::Budget;
use otlp::{Signal, json};
use pipeline::component::{Flush, Outbox, Processor};
use pipeline::{Batch, Now};

use crate::fixture::{self, SECOND, build, lines, take, text, tick};

/// Without what is the same everywhere.
const PLAIN: &str = "exclude_dimensions: [span.kind, status.code, collector.instance.id]";

fn connector(yaml: &str) -> Box<dyn Processor> {
    build("span_metrics", yaml, &Budget::new(1 << 30))
}

fn succeed(old: Box<dyn Processor>, yaml: &str) -> (Box<dyn Processor>, Vec<String>) {
    fixture::succeed(old, connector(yaml), 50)
}

/// A span of a service; times in milliseconds.
struct Span {
    name: &'static str,
    start: u64,
    end: u64,
    rest: &'static str,
}

const fn span(name: &'static str, millis: u64) -> Span {
    with(name, millis, "")
}

/// `rest` are more fields, in JSON.
const fn with(name: &'static str, millis: u64, rest: &'static str) -> Span {
    Span {
        name,
        start: 100,
        end: 100 + millis,
        rest,
    }
}

/// A request of one resource.
fn batch(resource: &[(&str, &str)], spans: &[Span]) -> Batch {
    let attributes: Vec<_> = resource
        .iter()
        .map(|(key, value)| text(key, value))
        .collect();
    let spans: Vec<_> = spans
        .iter()
        .enumerate()
        .map(|(at, span)| {
            format!(
                r#"{{"traceId":"{:032x}","spanId":"{:016x}","name":"{}","kind":2,
                "startTimeUnixNano":"{}","endTimeUnixNano":"{}"{}}}"#,
                at + 1,
                at + 0x10,
                span.name,
                span.start * 1_000_000,
                span.end * 1_000_000,
                span.rest
            )
        })
        .collect();
    let request = format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{}]}},
        "scopeSpans":[{{"scope":{{"name":"lib","version":"2"}},"spans":[{}]}}]}}]}}"#,
        attributes.join(","),
        spans.join(",")
    );
    let bytes = json::decode(Signal::Traces, request.as_bytes()).expect("it is OTLP/JSON");
    Batch::new(Signal::Traces, bytes.into(), spans.len() as u64)
}

const SHOP: &[(&str, &str)] = &[("service.name", "shop")];

/// Lines of calls, at their second sending, when a count is no longer 0.
fn calls(yaml: &str, batches: Vec<Batch>) -> Vec<String> {
    let mut connector = connector(yaml);
    for batch in batches {
        assert_eq!(take(&mut connector, batch, 1), [""; 0]);
    }
    tick(&mut connector, 61);
    let mut lines = tick(&mut connector, 121);
    lines.retain(|line| line.contains("calls") || line.contains("events"));
    lines
}

#[test]
fn spans_are_counted_and_measured_by_service_name_kind_and_status() {
    let mut connector = connector("");
    let failed = with("get", 3, r#","status":{"code":2}"#);
    take(
        &mut connector,
        batch(SHOP, &[span("get", 1), span("get", 20), failed]),
        1,
    );
    assert_eq!(connector.deadline(), Some(SECOND * 61));
    let series = |status: &str| {
        format!(
            "{{service.name=shop}}{{service.name=shop,span.name=get,span.kind=SPAN_KIND_SERVER,\
             status.code=STATUS_CODE_{status},collector.instance.id=test}} traces.span.metrics"
        )
    };
    let (failed, well) = (series("ERROR"), series("UNSET"));
    let measured = [
        format!("{failed}.duration 1..61 n=1 sum=3 [0, 1]ms"),
        format!("{well}.duration 1..61 n=2 sum=21 [1, 0, 0, 0, 0, 1]ms"),
    ];
    // A count is 0 at first, so that whoever computes differences misses nothing.
    let first = [
        &format!("{failed}.calls 1..61 0"),
        &measured[0],
        &format!("{well}.calls 1..61 0"),
        &measured[1],
    ];
    assert_eq!(tick(&mut connector, 61).iter().collect::<Vec<_>>(), first);
    assert_eq!(connector.deadline(), Some(SECOND * 121));
    take(&mut connector, batch(SHOP, &[span("get", 1)]), 70);
    let second = [
        format!("{failed}.calls 1..121 1"),
        format!("{failed}.duration 1..121 n=1 sum=3 [0, 1]ms"),
        format!("{well}.calls 1..121 3"),
        format!("{well}.duration 1..121 n=3 sum=22 [2, 0, 0, 0, 0, 1]ms"),
    ];
    assert_eq!(tick(&mut connector, 121), second);
}

#[test]
fn nothing_is_sent_before_the_first_span_and_what_is_held_goes_out_at_the_end() {
    let mut connector = connector(PLAIN);
    assert_eq!(connector.deadline(), None);
    take(&mut connector, batch(SHOP, &[span("get", 1)]), 1);
    let mut out = Outbox::default();
    assert_eq!(connector.flush(Now::at(SECOND * 5), &mut out), Flush::Done);
    let lines = lines(&mut out);
    // There is no other time: the count is what it is.
    assert!(lines[0].ends_with("calls 1..5 1"), "{lines:?}");
    assert_eq!(connector.deadline(), None);
}

#[test]
fn a_dimension_is_of_the_span_else_of_the_resource_else_the_default() {
    let yaml = format!(
        "{PLAIN}\ndimensions: [{{name: tier}}, {{name: zone, default: none}}, {{name: lost}}]\n\
         histogram: {{disable: true}}"
    );
    let own = with(
        "get",
        1,
        r#","attributes":[{"key":"tier","value":{"intValue":"3"}}]"#,
    );
    let resource = &[("service.name", "shop"), ("tier", "gold")];
    assert_eq!(
        calls(&yaml, vec![batch(resource, &[own, span("get", 1)])]),
        [
            "{service.name=shop,tier=gold}{service.name=shop,span.name=get,tier=Int(3),zone=none} \
             traces.span.metrics.calls 1..121 1",
            "{service.name=shop,tier=gold}{service.name=shop,span.name=get,tier=gold,zone=none} \
             traces.span.metrics.calls 1..121 1",
        ]
    );
}

#[test]
fn a_glob_takes_every_attribute_that_matches_in_whatever_order_they_stand() {
    let yaml = format!("{PLAIN}\ndimensions: [{{glob: 'http.*'}}]\nhistogram: {{disable: true}}");
    let attribute = |key| text(key, "x");
    let (a, b) = (attribute("http.a"), attribute("http.b"));
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let one = leak(format!(r#","attributes":[{a},{b}]"#));
    let other = leak(format!(
        r#","attributes":[{b},{a},{}]"#,
        attribute("http.c.d")
    ));
    assert_eq!(
        calls(
            &yaml,
            vec![batch(SHOP, &[with("get", 1, one), with("get", 1, other)])]
        ),
        [
            "{service.name=shop}{service.name=shop,span.name=get,http.a=x,http.b=x} \
             traces.span.metrics.calls 1..121 2"
        ]
    );
}

#[test]
fn each_metric_may_have_dimensions_of_its_own() {
    let yaml = format!(
        "{PLAIN}\ncalls_dimensions: [{{name: a}}]\nhistogram: {{unit: s, dimensions: [{{name: b}}]}}\n\
         namespace: ''"
    );
    let both = with(
        "get",
        500,
        r#","attributes":[{"key":"a","value":{"stringValue":"1"}},{"key":"b","value":{"stringValue":"2"}}]"#,
    );
    let mut connector = connector(&yaml);
    take(&mut connector, batch(SHOP, &[both]), 1);
    assert_eq!(
        tick(&mut connector, 61),
        [
            "{service.name=shop}{service.name=shop,span.name=get,a=1} calls 1..61 0",
            "{service.name=shop}{service.name=shop,span.name=get,b=2} duration 1..61 n=1 sum=0.5 \
             [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]s",
        ]
    );
}

#[test]
fn events_are_counted_by_their_attributes() {
    let yaml = format!(
        "{PLAIN}\nhistogram: {{disable: true}}\nevents: {{enabled: true, dimensions: [{{name: kind}}]}}"
    );
    let events = r#","events":[{"name":"e","attributes":[{"key":"kind","value":{"stringValue":"a"}}]},
        {"name":"e","attributes":[{"key":"kind","value":{"stringValue":"a"}}]},{"name":"e"}]"#;
    let resource = &[("service.name", "shop"), ("kind", "none")];
    let lines = calls(&yaml, vec![batch(resource, &[with("get", 1, events)])]);
    let series = "{service.name=shop,kind=none}{service.name=shop,span.name=get";
    assert_eq!(
        lines,
        [
            format!("{series},kind=a}} traces.span.metrics.events 1..121 2"),
            format!("{series},kind=none}} traces.span.metrics.events 1..121 1"),
            format!("{series}}} traces.span.metrics.calls 1..121 1"),
        ]
    );
}

#[test]
fn an_exponential_histogram_takes_the_values_as_they_come() {
    let yaml = format!("{PLAIN}\nhistogram: {{exponential: {{max_size: 4}}}}");
    let mut connector = connector(&yaml);
    let spans = [0, 1, 2, 4, 8].map(|millis| span("get", millis));
    take(&mut connector, batch(SHOP, &spans), 1);
    let lines = tick(&mut connector, 61);
    assert!(
        lines[1].ends_with("duration n=5 zero=1 scale=0 sum=15 min=0 max=8 Some([1, 1, 1, 1])ms"),
        "{lines:?}"
    );
}

#[test]
fn a_point_has_the_first_exemplars_since_it_was_sent_last() {
    let yaml = format!("{PLAIN}\nexemplars: {{enabled: true, max_per_data_point: 2}}");
    let mut connector = connector(&yaml);
    take(
        &mut connector,
        batch(SHOP, &[span("get", 1), span("get", 2), span("get", 3)]),
        1,
    );
    let lines = tick(&mut connector, 61);
    assert!(
        lines[0].ends_with("calls 1..61 0 @1/16=1 @2/17=2"),
        "{lines:?}"
    );
    assert!(
        lines[1].ends_with("n=3 sum=6 [2, 1] @1/16=1 @2/17=2ms"),
        "{lines:?}"
    );
    let lines = tick(&mut connector, 121);
    assert!(lines[0].ends_with("calls 1..121 3"), "{lines:?}");
}

#[test]
fn deltas_begin_where_the_last_ones_ended() {
    let yaml = format!(
        "{PLAIN}\naggregation_temporality: AGGREGATION_TEMPORALITY_DELTA\nhistogram: {{disable: true}}"
    );
    let mut connector = connector(&yaml);
    let counted = |lines: Vec<String>| {
        let counts = lines
            .iter()
            .map(|line| line.split_once("calls ").unwrap().1.to_owned());
        counts.collect::<Vec<_>>()
    };
    take(&mut connector, batch(SHOP, &[span("get", 1)]), 1);
    assert_eq!(counted(tick(&mut connector, 61)), ["1..61 1"]);
    assert_eq!(connector.deadline(), None, "there is nothing to send");
    take(
        &mut connector,
        batch(SHOP, &[span("get", 1), span("get", 1)]),
        70,
    );
    assert_eq!(counted(tick(&mut connector, 130)), ["61..130 2"]);
    take(&mut connector, batch(SHOP, &[span("put", 1)]), 140);
    take(&mut connector, batch(SHOP, &[span("get", 1)]), 150);
    assert_eq!(
        counted(tick(&mut connector, 200)),
        ["130..200 1", "140..200 1"]
    );
}

#[test]
fn beyond_the_limit_all_others_are_one_series() {
    let yaml = format!("{PLAIN}\naggregation_cardinality_limit: 2\nhistogram: {{disable: true}}");
    let names = ["a", "b", "c", "d", "a"].map(|name| span(name, 1));
    assert_eq!(
        calls(&yaml, vec![batch(SHOP, &names)]),
        [
            "{service.name=shop}{otel.metric.overflow=Bool(true)} traces.span.metrics.calls 1..121 2",
            "{service.name=shop}{service.name=shop,span.name=a} traces.span.metrics.calls 1..121 2",
            "{service.name=shop}{service.name=shop,span.name=b} traces.span.metrics.calls 1..121 1",
        ]
    );
}

#[test]
fn without_memory_new_series_and_new_resources_share_what_there_is() {
    let budget = Budget::new(16 << 10);
    let yaml = format!("{PLAIN}\nhistogram: {{disable: true}}");
    let mut connector = build("span_metrics", &yaml, &budget);
    let name = |at: usize| -> &'static str { Box::leak(format!("span-{at}").into_boxed_str()) };
    for at in 0..1000 {
        take(&mut connector, batch(SHOP, &[span(name(at), 1)]), 1);
        let service = format!("service-{at}");
        take(
            &mut connector,
            batch(&[("service.name", &service)], &[span("get", 1)]),
            1,
        );
    }
    assert!(budget.used() < 6 << 10, "{}", budget.used());
    tick(&mut connector, 61);
    let lines = tick(&mut connector, 121);
    let count = |line: &String| line.split(' ').next_back().unwrap().parse::<u64>().unwrap();
    assert_eq!(
        lines.iter().map(count).sum::<u64>(),
        2000,
        "every span is in some series"
    );
    assert!(lines.len() < 40, "{}", lines.len());
    drop(connector);
    assert_eq!(budget.used(), 0);
}

#[test]
fn the_resource_that_was_used_least_recently_is_sent_once_more_and_forgotten() {
    let yaml = format!("{PLAIN}\nresource_metrics_cache_size: 2\nhistogram: {{disable: true}}");
    let mut connector = connector(&yaml);
    let services = |lines: Vec<String>| {
        let names = lines
            .iter()
            .map(|line| line["{service.name=".len()..].chars().next());
        names.map(Option::unwrap).collect::<String>()
    };
    for service in ["a", "b", "a", "c"] {
        take(
            &mut connector,
            batch(&[("service.name", service)], &[span("get", 1)]),
            1,
        );
    }
    assert_eq!(services(tick(&mut connector, 61)), "abc");
    assert_eq!(services(tick(&mut connector, 121)), "ac");
    // One that comes again before it was sent is as it was.
    take(
        &mut connector,
        batch(&[("service.name", "d")], &[span("get", 1)]),
        130,
    );
    take(
        &mut connector,
        batch(&[("service.name", "a")], &[span("get", 1)]),
        131,
    );
    let lines = tick(&mut connector, 181);
    assert!(lines[0].ends_with("calls 1..181 3"), "{lines:?}");
}

#[test]
fn the_attributes_that_tell_resources_apart_can_be_named() {
    let yaml = format!(
        "{PLAIN}\nresource_metrics_key_attributes: [service.name]\nhistogram: {{disable: true}}"
    );
    let pod = |pod| batch(&[("service.name", "shop"), ("pod", pod)], &[span("get", 1)]);
    assert_eq!(
        calls(&yaml, vec![pod("1"), pod("2")]),
        [
            "{service.name=shop,pod=1}{service.name=shop,span.name=get} \
             traces.span.metrics.calls 1..121 2"
        ]
    );
}

#[test]
fn resources_are_the_same_in_whatever_order_their_attributes_stand() {
    let yaml = format!("{PLAIN}\nhistogram: {{disable: true}}");
    let one = batch(&[("service.name", "shop"), ("a", "1")], &[span("get", 1)]);
    let other = batch(&[("a", "1"), ("service.name", "shop")], &[span("get", 1)]);
    assert_eq!(calls(&yaml, vec![one, other]).len(), 1);
}

#[test]
fn series_and_resources_expire() {
    let yaml = format!("{PLAIN}\nseries_expiration: 90s\nhistogram: {{disable: true}}");
    let mut series = connector(&yaml);
    take(
        &mut series,
        batch(SHOP, &[span("old", 1), span("new", 1)]),
        1,
    );
    assert_eq!(tick(&mut series, 61).len(), 2);
    take(&mut series, batch(SHOP, &[span("new", 1)]), 70);
    assert_eq!(tick(&mut series, 121).len(), 2, "it is sent once more");
    assert_eq!(tick(&mut series, 181).len(), 1);

    let yaml = format!("{PLAIN}\nmetrics_expiration: 90s\nhistogram: {{disable: true}}");
    let mut resources = connector(&yaml);
    take(
        &mut resources,
        batch(SHOP, &[span("a", 1), span("b", 1)]),
        1,
    );
    assert_eq!(tick(&mut resources, 61).len(), 2);
    assert_eq!(tick(&mut resources, 121).len(), 2);
    assert_eq!(resources.deadline(), None);
    assert_eq!(tick(&mut resources, 181), [""; 0]);
}

#[test]
fn spans_without_a_service_are_not_measured() {
    assert_eq!(
        calls("", vec![batch(&[("host.name", "h")], &[span("get", 1)])]),
        [""; 0]
    );
}

#[test]
fn named_scopes_and_how_spans_were_sampled_are_dimensions_if_asked_for() {
    let yaml = format!(
        "{PLAIN}\ninclude_instrumentation_scope: [lib]\nenable_metrics_sampling_method: true\n\
         histogram: {{disable: true}}"
    );
    let series = "{service.name=shop}{service.name=shop,span.name=get,\
                  span.instrumentation.scope.name=lib,span.instrumentation.scope.version=2,\
                  sampling.method=";
    let sampled = with("get", 1, r#","traceState":"ot=th:c""#);
    assert_eq!(
        calls(&yaml, vec![batch(SHOP, &[span("get", 1), sampled])]),
        [
            format!("{series}counted}} traces.span.metrics.calls 1..121 1"),
            format!("{series}extrapolated}} traces.span.metrics.calls 1..121 4"),
        ]
    );
}

#[test]
fn series_and_their_starts_outlive_a_change_of_when_they_are_sent() {
    let yaml = format!("{PLAIN}\nhistogram: {{disable: true}}");
    let mut old = connector(&format!("{yaml}\nmetrics_flush_interval: 39s"));
    take(&mut old, batch(SHOP, &[span("get", 1)]), 1);
    tick(&mut old, 40);
    let changed = format!("{yaml}\nmetrics_flush_interval: 5s\nexemplars: {{enabled: true}}");
    let (mut new, sent) = succeed(old, &changed);
    assert_eq!(sent, [""; 0]);
    assert_eq!(new.deadline(), Some(SECOND * 55));
    take(&mut new, batch(SHOP, &[span("get", 1)]), 51);
    let lines = tick(&mut new, 55);
    assert!(lines[0].ends_with("calls 1..55 2 @1/16=1"), "{lines:?}");
}

#[test]
fn series_that_would_be_others_are_sent_once_more_as_they_were() {
    let yaml = format!("{PLAIN}\nhistogram: {{disable: true}}");
    let mut old = connector(&yaml);
    take(&mut old, batch(SHOP, &[span("get", 1)]), 1);
    let (mut new, sent) = succeed(old, &format!("{yaml}\ndimensions: [{{name: x}}]"));
    assert_eq!(sent.len(), 1);
    assert!(sent[0].ends_with("calls 1..50 1"), "{sent:?}");
    assert_eq!(new.deadline(), None);
    take(&mut new, batch(SHOP, &[span("get", 1)]), 51);
    let lines = tick(&mut new, 111);
    assert!(lines[0].ends_with("calls 51..111 0"), "{lines:?}");
}

#[test]
fn what_is_too_large_for_one_request_is_several() {
    let mut connector = connector(PLAIN);
    let long: &str = Box::leak("x".repeat(1000).into_boxed_str());
    for at in 0..3000 {
        let name: &'static str = Box::leak(format!("{long}{at}").into_boxed_str());
        take(&mut connector, batch(SHOP, &[span(name, 1)]), 1);
    }
    let mut out = Outbox::default();
    connector.tick(Now::at(SECOND * 61), &mut out);
    let batches: Vec<_> = out.drain().collect();
    assert!(batches.len() > 2, "{}", batches.len());
    assert!(batches.iter().all(|batch| batch.bytes() < 3 << 20));
    assert_eq!(batches.iter().map(Batch::items).sum::<u64>(), 6000);
}
