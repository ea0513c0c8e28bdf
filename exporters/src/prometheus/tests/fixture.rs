//! Requests, and the exporter's state without its server.

use std::time::Duration;

use config::blocks::HttpServer;
use ledger::Kind as Component;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::Metric;
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
pub(super) use crate::translation::samples::*;

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
