//! Requests, and the exporter's state without its server.

use std::time::Duration;

use config::blocks::HttpServer;
use ledger::Kind as Component;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{
    self as proto, Metric, ResourceMetrics, ScopeMetrics, metric::Data,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use otlp::Signal;
use pipeline::component::Host;
use pipeline::{Batch, Now};
use prost::Message;
use telemetry::metrics::{Level, Value as Shown};

use super::super::config::{Config, Keys};
use super::super::drops::{Drops, drops};
use super::super::ingest::{Ingest, Taken};
use super::super::page::{Escaping, Format, Pen, Style};
use super::super::store::{Limits, Store};

/// Of every point unless its test says otherwise, in seconds since the Unix epoch.
pub(super) const START: u64 = 1_000;
pub(super) const TIME: u64 = 1_010;

pub(super) const DELTA: i32 = 1;
pub(super) const CUMULATIVE: i32 = 2;

/// An exporter with these keys.
pub(super) struct Exposed {
    ingest: Ingest,
    pub(super) store: Store,
    drops: Drops,
    host: Host,
    pub(super) keys: Keys,
    pub(super) now: Duration,
}

impl Exposed {
    pub(super) fn new(keys: Keys) -> Self {
        Self::bounded(keys, 1000)
    }

    pub(super) fn bounded(keys: Keys, series: usize) -> Self {
        Self::with_limits(keys, series, 1 << 20)
    }

    /// For as many series and one more, each of up to 1 KiB.
    pub(super) fn roomy(keys: Keys, series: usize) -> Self {
        Self::with_limits(keys, series + 1, (series as u64 + 1) << 10)
    }

    fn with_limits(keys: Keys, series: usize, bytes: u64) -> Self {
        let host = pipeline::testkit::host(Component::Exporter, "prometheus", None);
        let naming = keys.naming();
        let limits = Limits {
            series,
            bytes,
            expiration: keys.metric_expiration.get(),
            overflow: naming.overflow(),
        };
        Self {
            ingest: Ingest::new(naming),
            store: Store::new(limits, host.budget.lease()),
            drops: drops(&host),
            keys,
            host,
            now: Duration::from_secs(2_000),
        }
    }

    pub(super) fn take(&mut self, request: &ExportMetricsServiceRequest) -> Taken {
        let batch = Batch::new(Signal::Metrics, request.encode_to_vec().into(), 0);
        let now = Now::at(self.now);
        let taken = self.ingest.take(&batch, &mut self.store, &self.drops, now);
        taken.unwrap()
    }

    /// Takes metrics of a resource without attributes, in a scope without a name.
    pub(super) fn take_metrics(&mut self, metrics: Vec<Metric>) -> Taken {
        self.take(&request(&[], "", metrics))
    }

    pub(super) fn sweep(&mut self) {
        self.store.sweep(self.now);
        self.ingest.forget(&self.store);
    }

    pub(super) fn page_in(&mut self, format: Format, escaping: Escaping) -> Vec<u8> {
        let mut pen = Pen::new(Style {
            format,
            escaping,
            timestamps: self.keys.send_timestamps,
            created: self.keys.created_samples,
            may_escape: escaping != Escaping::AllowUtf8,
        });
        let mut name: Option<String> = None;
        while let Some((next, family)) = self.store.family_after(name.as_deref()) {
            let series = family.series().iter();
            let mut shown = series
                .filter(|series| self.store.shows(series, self.now))
                .peekable();
            if shown.peek().is_some() && pen.begin(next, family) {
                shown.for_each(|series| pen.series(family, series));
                pen.end();
            }
            name = Some(next.to_owned());
        }
        pen.finish()
    }

    /// The page in the text format, without comments.
    pub(super) fn samples(&mut self) -> String {
        let page = self.page();
        let lines = page.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| format!("{line}\n")).collect()
    }

    pub(super) fn page(&mut self) -> String {
        String::from_utf8(self.page_in(Format::Text, Escaping::Underscores)).unwrap()
    }

    pub(super) fn budget(&self) -> &ledger::Budget {
        &self.host.budget
    }

    /// What has been dropped, by reason.
    pub(super) fn dropped(&self) -> Vec<(String, f64)> {
        let families = self.host.metrics.collect(Level::Detailed).into_iter();
        let dropped = families.filter(|f| f.name == "tracegate_prometheus_points_dropped");
        let points = dropped.flat_map(|family| family.points);
        let named = points.map(|point| match (&point.labels[..], point.value) {
            ([_, (_, reason)], Shown::Number(number)) => (reason.clone(), number),
            other => panic!("{other:?}"),
        });
        named.collect()
    }
}

/// Keys of an exporter whose series have no labels by themselves.
pub(super) fn bare() -> Keys {
    Keys {
        without_scope_info: true,
        ..Keys::default()
    }
}

/// As it is read from YAML: the keys of the server beside those of the exporter.
pub(super) fn config(keys: Keys) -> Config {
    config::Squash(HttpServer::default(), keys)
}

pub(super) fn request(
    resource: &[(&str, &str)],
    scope: &str,
    metrics: Vec<Metric>,
) -> ExportMetricsServiceRequest {
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes: attributes(resource),
                ..Resource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(InstrumentationScope {
                    name: scope.into(),
                    ..InstrumentationScope::default()
                }),
                metrics,
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

pub(super) fn attributes(pairs: &[(&str, &str)]) -> Vec<KeyValue> {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    let pairs = pairs.iter().map(|(key, value)| KeyValue {
        key: (*key).into(),
        value: Some(AnyValue {
            value: Some(Value::StringValue((*value).into())),
        }),
        ..KeyValue::default()
    });
    pairs.collect()
}

pub(super) fn metric(name: &str, data: Data) -> Metric {
    Metric {
        name: name.into(),
        description: "Help".into(),
        data: Some(data),
        ..Metric::default()
    }
}

pub(super) fn number(value: f64, labels: &[(&str, &str)]) -> proto::NumberDataPoint {
    proto::NumberDataPoint {
        attributes: attributes(labels),
        start_time_unix_nano: START * 1_000_000_000,
        time_unix_nano: TIME * 1_000_000_000,
        value: Some(proto::number_data_point::Value::AsDouble(value)),
        ..proto::NumberDataPoint::default()
    }
}

pub(super) fn gauge(name: &str, data_points: Vec<proto::NumberDataPoint>) -> Metric {
    metric(name, Data::Gauge(proto::Gauge { data_points }))
}

pub(super) fn sum(
    name: &str,
    (aggregation_temporality, is_monotonic): (i32, bool),
    data_points: Vec<proto::NumberDataPoint>,
) -> Metric {
    metric(
        name,
        Data::Sum(proto::Sum {
            data_points,
            aggregation_temporality,
            is_monotonic,
        }),
    )
}

pub(super) fn counter(name: &str, data_points: Vec<proto::NumberDataPoint>) -> Metric {
    sum(name, (CUMULATIVE, true), data_points)
}

/// With the bounds 1 and 5, and a sum that is ten times the count.
pub(super) fn buckets(counts: [u64; 3]) -> proto::HistogramDataPoint {
    let count: u64 = counts.iter().sum();
    proto::HistogramDataPoint {
        start_time_unix_nano: START * 1_000_000_000,
        time_unix_nano: TIME * 1_000_000_000,
        count,
        sum: Some(count as f64 * 10.0),
        bucket_counts: counts.to_vec(),
        explicit_bounds: vec![1.0, 5.0],
        ..proto::HistogramDataPoint::default()
    }
}

pub(super) fn histogram(
    name: &str,
    aggregation_temporality: i32,
    data_points: Vec<proto::HistogramDataPoint>,
) -> Metric {
    metric(
        name,
        Data::Histogram(proto::Histogram {
            data_points,
            aggregation_temporality,
        }),
    )
}

/// Positive buckets from this offset on, and a sum that is ten times the count.
pub(super) fn exponential_point(
    scale: i32,
    offset: i32,
    counts: &[u64],
) -> proto::ExponentialHistogramDataPoint {
    let count: u64 = counts.iter().sum();
    proto::ExponentialHistogramDataPoint {
        start_time_unix_nano: START * 1_000_000_000,
        time_unix_nano: TIME * 1_000_000_000,
        count,
        sum: Some(count as f64 * 10.0),
        scale,
        positive: Some(proto::exponential_histogram_data_point::Buckets {
            offset,
            bucket_counts: counts.to_vec(),
        }),
        ..proto::ExponentialHistogramDataPoint::default()
    }
}

pub(super) fn exponential(
    name: &str,
    aggregation_temporality: i32,
    data_points: Vec<proto::ExponentialHistogramDataPoint>,
) -> Metric {
    metric(
        name,
        Data::ExponentialHistogram(proto::ExponentialHistogram {
            data_points,
            aggregation_temporality,
        }),
    )
}

pub(super) fn summary(name: &str, quantiles: &[(f64, f64)]) -> Metric {
    let quantiles = quantiles.iter();
    let quantile_values = quantiles
        .map(|&(quantile, value)| proto::summary_data_point::ValueAtQuantile { quantile, value });
    let point = proto::SummaryDataPoint {
        time_unix_nano: TIME * 1_000_000_000,
        count: 7,
        sum: 21.5,
        quantile_values: quantile_values.collect(),
        ..proto::SummaryDataPoint::default()
    };
    metric(
        name,
        Data::Summary(proto::Summary {
            data_points: vec![point],
        }),
    )
}
