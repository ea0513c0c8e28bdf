//! What 2,000 points become in remote write 1, beside what the Go Collector 0.159 makes of them.
//!
//! What it makes stands in `fixtures/prometheus/remote_write.txt`; `tests/interop/prometheus/record` makes it again.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use benches::clock;
use prost::Message;

use super::back_end::{BackEnd, BucketSpan, Histogram, Label, WriteRequest};
use crate::prometheus::points;
use crate::rig::{PATIENCE, Service, http1};

const SERVICE: &str = "\
receivers:
  otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}
exporters:
  prometheus_remote_write: {endpoint: 'http://ADDRESS/api/v1/write'}
service:
  pipelines:
    metrics: {receivers: [otlp], exporters: [prometheus_remote_write]}
";

fn fixture() -> PathBuf {
    let path = "tests/it/fixtures/prometheus/remote_write.txt";
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Series and what has been written of each.
type Written = BTreeSet<(String, String)>;

/// Sends the points one request after the other, and gives what has been written.
fn written(receiver: SocketAddr, back_end: &BackEnd) -> Written {
    let requests = points::requests();
    assert_eq!(points::count(&requests), 2_000);
    let count = requests.len();
    for request in requests {
        let post = http1::post("/v1/metrics", &request.encode_to_vec());
        assert_eq!(http1::exchange(receiver, &post).status, 200);
    }
    let all = || {
        let seen = back_end.seen();
        (seen.len() == count).then_some(seen)
    };
    let seen = clock::poll(PATIENCE, all).unwrap();
    seen.iter()
        .flat_map(|(request, _)| lines(request))
        .collect()
}

/// One for each sample, histogram and exemplar.
fn lines(request: &WriteRequest) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for series in &request.timeseries {
        let name = text(&series.labels);
        let mut push = |line| lines.push((name.clone(), line));
        for sample in &series.samples {
            push(format!("{:?} {}", sample.value, sample.timestamp));
        }
        for native in &series.histograms {
            push(format!("{} {}", native_text(native), native.timestamp));
        }
        for exemplar in &series.exemplars {
            let labels = text(&exemplar.labels);
            push(format!(
                "# {labels} {:?} {}",
                exemplar.value, exemplar.timestamp
            ));
        }
    }
    lines
}

/// The labels in an order of their own: that of exemplars is free.
fn text(labels: &[Label]) -> String {
    let mut labels = labels.to_vec();
    labels.sort();
    let mut out = String::from("{");
    for Label { name, value } in &labels {
        write!(out, "{name}={value:?},").unwrap();
    }
    out + "}"
}

/// Which buckets are written though they are empty is free.
fn native_text(native: &Histogram) -> String {
    let positive = populated(&native.positive_spans, &native.positive_deltas);
    let negative = populated(&native.negative_spans, &native.negative_deltas);
    format!(
        "{} {:?} at {} zero {} {:?} up {positive:?} down {negative:?}",
        native.count, native.sum, native.schema, native.zero_count, native.zero_threshold
    )
}

fn populated(spans: &[BucketSpan], deltas: &[i64]) -> Vec<(i32, i64)> {
    let mut indexes = Vec::new();
    let mut next = 0;
    for span in spans {
        next += span.offset;
        for _ in 0..span.length {
            indexes.push(next);
            next += 1;
        }
    }
    assert_eq!(indexes.len(), deltas.len());
    let counts = deltas.iter().scan(0, |count, delta| {
        *count += delta;
        Some(*count)
    });
    let buckets = indexes.into_iter().zip(counts);
    buckets.filter(|(_, count)| *count != 0).collect()
}

/// What is recorded: series, and below each what has been written of it.
fn recorded(text: &str) -> Written {
    let mut series = "";
    let mut all = Written::new();
    for line in text.lines() {
        match line.strip_prefix("  ") {
            Some(line) => drop(all.insert((series.to_owned(), line.to_owned()))),
            None => series = line,
        }
    }
    all
}

/// What differs and is meant to: the Collector puts some counts too low when it makes a histogram coarser.
fn compared((series, line): &(String, String)) -> String {
    let line = match line.split_once(" up ") {
        Some((rest, _)) if rest.contains(" at 8 ") => rest,
        _ => line,
    };
    format!("{series} {line}")
}

#[test]
fn what_is_written_is_what_the_collector_writes() {
    let back_end = BackEnd::start(&[]);
    let service = Service::start(&SERVICE.replace("ADDRESS", &back_end.address.to_string()));
    let ours = written(service.http(), &back_end);
    let theirs = recorded(&std::fs::read_to_string(fixture()).unwrap());
    assert!(theirs.len() > 3_000, "{} lines", theirs.len());
    let [ours, theirs] =
        [ours, theirs].map(|all| all.iter().map(compared).collect::<BTreeSet<_>>());
    let more: Vec<_> = ours.difference(&theirs).collect();
    let fewer: Vec<_> = theirs.difference(&ours).collect();
    assert!(
        more.is_empty() && fewer.is_empty(),
        "more {more:#?}, fewer {fewer:#?}"
    );
    service.stop();
}

/// Run by `tests/interop/prometheus/record`, which starts the Collector that writes here.
#[test]
#[ignore = "sends to a Collector at TRACEGATE_RECORD, which writes to TRACEGATE_WRITTEN"]
fn record_the_collector() {
    let place = |name| std::env::var(name).ok();
    if let (Some(receiver), Some(sink)) = (place("TRACEGATE_RECORD"), place("TRACEGATE_WRITTEN")) {
        let back_end = BackEnd::at(&sink, &[]);
        let mut text = String::new();
        let mut last = String::new();
        for (series, line) in written(receiver.parse().unwrap(), &back_end) {
            if series != last {
                writeln!(text, "{series}").unwrap();
                last = series;
            }
            writeln!(text, "  {line}").unwrap();
        }
        std::fs::write(fixture(), text).unwrap();
    }
}
