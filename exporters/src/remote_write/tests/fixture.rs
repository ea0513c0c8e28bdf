//! Metrics in, series out, as text that shows all of it.

use std::cell::RefCell;
use std::fmt::Write;

use config::{Faults, Validate};
use ledger::Kind;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use otlp::Signal;
use pipeline::component::Host;
use pipeline::{Batch, Now, testkit};
use prost::Message;
use serde::de::DeserializeOwned;
use telemetry::metrics::{Level, Value};

use super::super::config::Config;
use super::super::drops::{Drops, drops};
use super::super::encode::{Encoder, Request, Version};
use super::super::targets::Targets;
use super::super::translate::{Translated, translate};
use super::oracle::{Histogram, v1, v2};
pub(super) use crate::translation::samples::*;

/// A configuration from its YAML, or what is wrong with it.
pub(super) fn read<T: DeserializeOwned + Validate>(yaml: &str) -> Result<T, String> {
    let mut faults = Faults::default();
    let written = format!(
        "exporters:\n  x:\n    {}\n",
        yaml.trim().replace('\n', "\n    ")
    );
    let document = testkit::document(&written, &mut faults).expect("it is YAML");
    let component = document.section(config::Kind::Exporter).iter().next();
    let decoded = component.expect("one").decode_valid(&mut faults);
    let said: Vec<_> = faults.iter().map(ToString::to_string).collect();
    decoded.ok_or_else(|| said.join("\n"))
}

/// With these keys beside the endpoint.
pub(super) fn config(keys: &str) -> Config {
    read(&format!("endpoint: http://localhost\n{keys}")).unwrap()
}

/// Translates and encodes, and sends nothing.
pub(super) struct Bench {
    config: Config,
    drops: Drops,
    pub(super) host: Host,
    targets: RefCell<Targets>,
    pub(super) now: Now,
}

impl Bench {
    pub(super) fn new(keys: &str) -> Self {
        let host = testkit::host(Kind::Exporter, "remote", Some(Signal::Metrics));
        Self {
            config: config(keys),
            drops: drops(&host),
            host,
            targets: RefCell::default(),
            now: Now::at(std::time::Duration::from_secs(2_000)),
        }
    }

    pub(super) fn translate(&self, request: &ExportMetricsServiceRequest) -> Translated {
        let naming = self.config.naming();
        let mut targets = self.targets.borrow_mut();
        let batch = batch(request);
        translate(&batch, &naming, &self.drops, &mut targets, self.now).unwrap()
    }

    /// The requests that these metrics become.
    pub(super) fn requests(&self, request: &ExportMetricsServiceRequest) -> Vec<Request> {
        let table = self.translate(request).table;
        let mut encoder = Encoder::new(&table, self.config.style());
        let mut groups = 0..table.groups().len();
        std::iter::from_fn(|| encoder.next(&mut groups)).collect()
    }

    /// One line for each sample, in the order of the requests.
    pub(super) fn lines(&self, request: &ExportMetricsServiceRequest) -> String {
        let requests = self.requests(request);
        let version = self.config.style().version;
        requests
            .iter()
            .map(|request| lines(request, version))
            .collect()
    }

    /// Of a resource without attributes and a scope without a name.
    pub(super) fn of(&self, metrics: Vec<Metric>) -> String {
        self.lines(&request(&[], "", metrics))
    }

    /// What has been dropped, by reason.
    pub(super) fn dropped(&self) -> Vec<(String, f64)> {
        let families = self.host.metrics.collect(Level::Detailed).into_iter();
        let dropped = families.filter(|f| f.name == "tracegate_remote_write_points_dropped");
        let points = dropped.flat_map(|family| family.points);
        let named = points.map(|point| match (&point.labels[..], point.value) {
            ([_, (_, reason)], Value::Number(number)) => (reason.clone(), number),
            other => panic!("{other:?}"),
        });
        named.collect()
    }
}

pub(super) fn batch(request: &ExportMetricsServiceRequest) -> Batch {
    let bytes = request.encode_to_vec();
    let items = otlp::survey(Signal::Metrics, &bytes).unwrap().items;
    Batch::new(Signal::Metrics, bytes.into(), items as u64)
}

/// `name{label="value"} 1.5 @1010000`, with exemplars and metadata behind it.
pub(super) fn lines(request: &Request, version: Version) -> String {
    let body = request.body.concat();
    match version {
        Version::V1 => v1_lines(&v1::WriteRequest::decode(&*body).unwrap()),
        Version::V2 => v2_lines(&v2::Request::decode(&*body).unwrap()),
    }
}

fn v1_lines(request: &v1::WriteRequest) -> String {
    let mut out = String::new();
    for series in &request.timeseries {
        let labels = series.labels.iter();
        let name = shown(labels.map(|l| (l.name.as_str(), l.value.as_str())));
        for sample in &series.samples {
            writeln!(out, "{name} {:?} @{}", sample.value, sample.timestamp).unwrap();
        }
        for native in &series.histograms {
            writeln!(out, "{name} {}", native_text(native)).unwrap();
        }
        for exemplar in &series.exemplars {
            let labels = exemplar.labels.iter();
            let labels = shown(labels.map(|l| (l.name.as_str(), l.value.as_str())));
            let v1::Exemplar {
                value, timestamp, ..
            } = exemplar;
            writeln!(out, "  # {labels} {value:?} @{timestamp}").unwrap();
        }
    }
    for m in &request.metadata {
        let v1::MetricMetadata {
            kind,
            metric_family_name: name,
            help,
            unit,
        } = m;
        writeln!(out, "# {name} {kind} {help:?} {unit:?}").unwrap();
    }
    out
}

fn v2_lines(request: &v2::Request) -> String {
    let mut out = String::new();
    let text = |reference: u32| request.symbols[reference as usize].as_str();
    assert_eq!(text(0), "", "the first symbol is the empty text");
    let named = |references: &[u32]| {
        let pairs = references
            .chunks_exact(2)
            .map(|pair| (text(pair[0]), text(pair[1])));
        shown(pairs.collect::<Vec<_>>().into_iter())
    };
    for series in &request.timeseries {
        let name = named(&series.labels_refs);
        for sample in &series.samples {
            let v2::Sample {
                value,
                timestamp,
                start_timestamp,
            } = sample;
            writeln!(out, "{name} {value:?} @{timestamp} since {start_timestamp}").unwrap();
        }
        for native in &series.histograms {
            let start = native.start_timestamp;
            writeln!(out, "{name} {} since {start}", native_text(native)).unwrap();
        }
        for exemplar in &series.exemplars {
            let v2::Exemplar {
                labels_refs,
                value,
                timestamp,
            } = exemplar;
            writeln!(out, "  # {} {value:?} @{timestamp}", named(labels_refs)).unwrap();
        }
        let metadata = series.metadata.unwrap();
        let (help, unit) = (text(metadata.help_ref), text(metadata.unit_ref));
        writeln!(out, "  # {} {help:?} {unit:?}", metadata.kind).unwrap();
    }
    out
}

/// As it is written in queries. The labels must be sorted.
fn shown<'a>(labels: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> String {
    let names = labels.clone().map(|(name, _)| name);
    assert!(
        names.is_sorted_by(|a, b| a < b),
        "labels in order, each once"
    );
    let name = labels.clone().find(|(name, _)| *name == "__name__");
    let others = labels.filter(|(name, _)| *name != "__name__");
    let others: Vec<_> = others.map(|(n, v)| format!("{n}={v:?}")).collect();
    format!(
        "{}{{{}}}",
        name.map_or("", |(_, name)| name),
        others.join(",")
    )
}

fn native_text(native: &Histogram) -> String {
    let spans = |spans: &[super::oracle::Span]| {
        let spans = spans.iter().map(|span| (span.offset, span.length));
        format!("{:?}", spans.collect::<Vec<_>>())
    };
    format!(
        "count {:?} sum {:?} schema {} zero {:?} {:?} +{} {:?} -{} {:?} bounds {:?} @{}",
        native.count_int.unwrap(),
        native.sum,
        native.schema,
        native.zero_threshold,
        native.zero_count_int.unwrap(),
        spans(&native.positive_spans),
        native.positive_deltas,
        spans(&native.negative_spans),
        native.negative_deltas,
        native.custom_values,
        native.timestamp,
    )
}
