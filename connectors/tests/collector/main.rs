//! `span_metrics` against the Collector 0.159: the same spans give the same points. What is recorded in `cases.json` is
//! what its `file` exporter wrote behind the connector, the second time for cumulative counts, which begin at 0.
//!
//! Left out of the comparison are times, the order of series, and `collector.instance.id`, which is random there.
#![allow(clippy::unwrap_used, reason = "a test stops where its premise fails")]

use std::time::Duration;

use config::Faults;
use otlp::{Signal, json, survey};
use pipeline::component::{Outbox, Processor};
use pipeline::{Batch, Now, testkit};
use serde_json::Value;

fn build(config: &Value) -> Box<dyn Processor> {
    let mut rows = connectors::ALL.iter();
    let row = rows.find(|row| row.name == "span_metrics").unwrap();
    let mut faults = Faults::default();
    // JSON is YAML.
    let yaml = format!("connectors: {{span_metrics: {config}}}");
    let document = testkit::document(&yaml, &mut faults).unwrap();
    let component = document.connectors.iter().next().unwrap();
    let planned = (row.plan)(component, &mut faults);
    let maker = planned.unwrap_or_else(|| panic!("{faults:?}")).build.maker;
    let host = testkit::host(
        ledger::Kind::Connector,
        "span_metrics",
        Some(Signal::Traces),
    );
    (maker.unwrap().make)(&host).unwrap()
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn attributes(carrier: &Value) -> String {
    let pairs = list(carrier, "attributes").iter();
    let pairs = pairs.filter(|pair| pair["key"] != "collector.instance.id");
    let mut pairs: Vec<_> = pairs.map(ToString::to_string).collect();
    pairs.sort_unstable();
    pairs.join(",")
}

/// What has the same meaning in both forms of a point, in a fixed order.
fn values(point: &Value) -> String {
    let mut out = String::new();
    for key in [
        "asInt",
        "count",
        "sum",
        "min",
        "max",
        "scale",
        "zeroCount",
        "bucketCounts",
        "explicitBounds",
        "positive",
    ] {
        let value = match &point[key] {
            // Left out and zero are the same.
            Value::Null => continue,
            Value::String(text) if text == "0" && key == "zeroCount" => continue,
            Value::Object(side) if list(&point[key], "bucketCounts").is_empty() => {
                assert!(side.len() <= 1);
                continue;
            }
            Value::Number(number) if key != "scale" => format!("{:.9}", number.as_f64().unwrap()),
            other => other.to_string(),
        };
        out += &format!(" {key}={value}");
    }
    for exemplar in list(point, "exemplars") {
        let value = exemplar["asDouble"].as_f64().unwrap();
        out += &format!(" @{}/{}={value}", exemplar["traceId"], exemplar["spanId"]);
    }
    out
}

/// Every point in a line, sorted.
fn lines(requests: &[Value]) -> Vec<String> {
    let mut lines = Vec::new();
    for resource in requests
        .iter()
        .flat_map(|request| list(request, "resourceMetrics"))
    {
        for scope in list(resource, "scopeMetrics") {
            for metric in list(scope, "metrics") {
                for kind in ["sum", "histogram", "exponentialHistogram"] {
                    let data = &metric[kind];
                    for point in list(data, "dataPoints") {
                        lines.push(format!(
                            "[{}] {} {}{} {} {kind} temporality={} monotonic={} [{}]{}",
                            attributes(&resource["resource"]),
                            scope["scope"]["name"],
                            metric["name"],
                            metric["unit"],
                            metric["description"],
                            data["aggregationTemporality"],
                            data["isMonotonic"],
                            attributes(point),
                            values(point)
                        ));
                    }
                }
            }
        }
    }
    lines.sort_unstable();
    lines
}

fn sent(out: &mut Outbox) -> Vec<Value> {
    let batches: Vec<_> = out.drain().collect();
    let chunks = batches.iter().flat_map(Batch::chunks);
    let encoded = chunks.map(|chunk| json::encode(Signal::Metrics, &chunk.bytes).unwrap());
    encoded
        .map(|text| serde_json::from_slice(&text).unwrap())
        .collect()
}

#[test]
fn the_same_spans_give_the_same_points() {
    let recorded: Value = serde_json::from_str(include_str!("cases.json")).unwrap();
    let text = recorded["request"].to_string();
    let request = json::decode(Signal::Traces, text.as_bytes()).unwrap();
    let spans = survey(Signal::Traces, &request).unwrap().items as u64;
    for case in list(&recorded, "cases") {
        let config = &case["config"];
        let mut connector = build(config);
        let mut out = Outbox::default();
        let batch = Batch::new(Signal::Traces, request.clone().into(), spans);
        connector.process(batch, Now::at(Duration::from_secs(1)), &mut out);
        connector.tick(Now::at(Duration::from_secs(61)), &mut out);
        let mut found = sent(&mut out);
        if connector.deadline().is_some() {
            connector.tick(Now::at(Duration::from_secs(121)), &mut out);
            found = sent(&mut out);
        }
        let (found, expected) = (
            lines(&found),
            lines(std::slice::from_ref(&case["expected"])),
        );
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{config}");
        }
        assert_eq!(found.len(), expected.len(), "{config}");
        assert!(!found.is_empty());
    }
}
