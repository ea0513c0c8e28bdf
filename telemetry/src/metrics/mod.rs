//! Metric families, named and printed as the Collector does on port 8888.
//!
//! Counts live where they are made. A [`Source`] is asked at scrape time and reports what it
//! already keeps; a handle ([`Counter`], [`Gauge`], [`Histogram`]) is a source that owns its
//! atomics. Samples of one series from several sources are added up, so each worker can hold a
//! counter of its own that shares no cache line with another's. Where a sum says nothing, as of
//! times, a family shows the lowest.
//!
//! The text is written here rather than by a client library: the usual one always appends `_total`
//! to a counter, a full stop to a help text and `.0` to a bucket's bound, escapes no help text and
//! prints infinity as `inf`. Each has a way around it, and together those are longer than [`text`].

mod handles;
mod local;
mod text;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

pub use handles::{Counter, Gauge, Histogram};
pub use local::{LocalCounter, LocalHistogram};
use text::{label_text, printed_name};

/// Names and values as they were given.
type Labels = Vec<(String, String)>;

use crate::Resource;

/// What a page of [`Metrics::render`] is: Prometheus text format 0.0.4.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

/// Bounds for items in a batch, those of the Collector.
pub const ITEM_BOUNDS: &[f64] = &[
    10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1_000.0, 2_000.0, 3_000.0, 4_000.0,
    5_000.0, 6_000.0, 7_000.0, 8_000.0, 9_000.0, 10_000.0, 20_000.0, 30_000.0, 50_000.0, 100_000.0,
];

/// Bounds for bytes in a batch, those of the Collector: the powers of two from 128 B to 16 MiB.
pub const BYTE_BOUNDS: &[f64] = &[
    128.0,
    256.0,
    512.0,
    1_024.0,
    2_048.0,
    4_096.0,
    8_192.0,
    16_384.0,
    32_768.0,
    65_536.0,
    131_072.0,
    262_144.0,
    524_288.0,
    1_048_576.0,
    2_097_152.0,
    4_194_304.0,
    8_388_608.0,
    16_777_216.0,
];

const TARGET: Family = Family::gauge("target_info", "Target metadata");

/// Where every crate registers what it measures. A clone is the same registry.
#[derive(Clone, Default)]
pub struct Metrics {
    sources: Arc<Mutex<Vec<Weak<dyn Source>>>>,
}

/// Reports samples whenever somebody asks.
pub trait Source: Send + Sync {
    /// Called for each scrape, on the scraper's thread.
    fn emit(&self, samples: &mut Samples<'_>);
}

/// What all series of one name have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// In full, `otelcol_` included; without unit or `_total`, unless the Collector's own name has
    /// it.
    pub name: Cow<'static, str>,
    pub help: Cow<'static, str>,
    pub kind: Kind,
    pub unit: Unit,
    /// The lowest level at which the family is shown.
    pub level: Level,
    /// Of several values of one series the lowest is shown, not their sum.
    pub takes_lowest: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Of items, requests, times: never part of a name.
    Count,
    Seconds,
    Bytes,
}

/// How much is shown: `service::telemetry::metrics::level`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    None,
    Basic,
    #[default]
    Normal,
    Detailed,
}

/// What one reader wants to see.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub level: Level,
    /// Append `_seconds` or `_bytes`, and `_total` to counters. The Collector does all of it
    /// as soon as one of `without_units` and `without_type_suffix` is false.
    pub suffixes: bool,
    /// Shown as the labels of `target_info`.
    pub resource: Resource,
    /// Shown on each series beside its own: the scope, or attributes of the resource.
    pub labels: Vec<(String, String)>,
}

/// One family at one moment, for those who want no text.
#[derive(Clone, Debug, PartialEq)]
pub struct Collected {
    /// Without suffixes.
    pub name: String,
    pub help: Cow<'static, str>,
    pub kind: Kind,
    pub unit: Unit,
    pub points: Vec<Point>,
}

/// One series at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    pub labels: Vec<(String, String)>,
    pub value: Value,
}

/// The samples of one scrape.
pub struct Samples<'a> {
    page: &'a Page,
    /// By printed name.
    families: BTreeMap<String, Shown>,
}

/// One family on the page.
struct Shown {
    help: Cow<'static, str>,
    kind: Kind,
    unit: Unit,
    /// By printed labels.
    series: BTreeMap<String, Point>,
}

/// What has been counted or measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Number(f64),
    Buckets(Buckets),
}

/// A histogram at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Buckets {
    pub bounds: &'static [f64],
    /// One per bound, and one for what is above the last.
    pub counts: Vec<u64>,
    pub sum: f64,
}

// === impl Metrics ===

impl Metrics {
    /// Asks `source` at every scrape for as long as its owner keeps it.
    pub fn register<S: Source + 'static>(&self, source: &Arc<S>) {
        let source: Arc<dyn Source> = source.clone();
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.retain(|source| source.strong_count() > 0);
        sources.push(Arc::downgrade(&source));
    }

    /// A new handle for this series, which is shown from the first [`Counter::add`] for as long as
    /// a clone is held.
    #[must_use = "what a dropped handle has counted is gone"]
    pub fn counter(&self, family: &Family, labels: &[(&str, &str)]) -> Counter {
        Counter::register(self, family, labels)
    }

    /// A new handle for this series, which is shown for as long as a clone is held.
    #[must_use = "what a dropped handle has measured is gone"]
    pub fn gauge(&self, family: &Family, labels: &[(&str, &str)]) -> Gauge {
        Gauge::register(self, family, labels)
    }

    /// A new handle for this series, which is shown from the first [`Histogram::observe`] for as
    /// long as a clone is held. `bounds` ascend, and are the same for all handles of a series.
    #[must_use = "what a dropped handle has observed is gone"]
    pub fn histogram(
        &self,
        family: &Family,
        labels: &[(&str, &str)],
        bounds: &'static [f64],
    ) -> Histogram {
        Histogram::register(self, family, labels, bounds)
    }

    /// The page as [`CONTENT_TYPE`] says. Its length follows the configuration: whoever takes a
    /// label from traffic bounds its values.
    pub fn render(&self, page: &Page) -> String {
        let mut samples = self.gather(page);
        let target: Vec<_> = page.resource.iter().collect();
        samples.put(
            &TARGET,
            &label_text(&target),
            Vec::new(),
            Value::Number(1.0),
        );
        let mut out = String::new();
        for (name, shown) in &samples.families {
            shown.write(name, &mut out);
        }
        out
    }

    /// Every family that is shown at this level, in the order of the names.
    pub fn collect(&self, level: Level) -> Vec<Collected> {
        let page = Page {
            level,
            ..Page::default()
        };
        let families = self.gather(&page).families.into_iter();
        let families = families.map(|(name, shown)| Collected {
            name,
            help: shown.help,
            kind: shown.kind,
            unit: shown.unit,
            points: shown.series.into_values().collect(),
        });
        families.collect()
    }

    fn gather<'a>(&self, page: &'a Page) -> Samples<'a> {
        let sources: Vec<_> = {
            let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
            sources.iter().filter_map(Weak::upgrade).collect()
        };
        let mut samples = Samples {
            page,
            families: BTreeMap::new(),
        };
        for source in &sources {
            source.emit(&mut samples);
        }
        samples
    }
}

// === impl Family ===

impl Family {
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, Kind::Counter)
    }

    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, Kind::Gauge)
    }

    pub const fn histogram(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, Kind::Histogram)
    }

    pub const fn seconds(mut self) -> Self {
        self.unit = Unit::Seconds;
        self
    }

    pub const fn bytes(mut self) -> Self {
        self.unit = Unit::Bytes;
        self
    }

    /// Shows the family from `level` on, rather than from [`Level::Basic`].
    pub const fn from(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Shows the lowest value of a series rather than the sum.
    pub const fn lowest(mut self) -> Self {
        self.takes_lowest = true;
        self
    }

    const fn new(name: &'static str, help: &'static str, kind: Kind) -> Self {
        Self {
            name: Cow::Borrowed(name),
            help: Cow::Borrowed(help),
            kind,
            unit: Unit::Count,
            level: Level::Basic,
            takes_lowest: false,
        }
    }
}

// === impl Samples ===

impl Samples<'_> {
    /// Reports a value of a counter or a gauge. Values of the same series add up, unless the family takes the lowest.
    pub fn add(&mut self, family: &Family, labels: &[(&str, &str)], value: f64) {
        if self.shows(family) {
            let own = labels
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
            self.put_own(family, own.collect(), Value::Number(value));
        }
    }

    /// With the labels that each series of the page has.
    fn put_own(&mut self, family: &Family, mut labels: Labels, value: Value) {
        labels.extend(self.page.labels.iter().cloned());
        let pairs: Vec<_> = labels
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        self.put(family, &label_text(&pairs), labels, value);
    }

    fn shows(&self, family: &Family) -> bool {
        family.level <= self.page.level
    }

    /// The family that comes first keeps its name: a namesake of another kind would spoil the page.
    fn put(&mut self, family: &Family, printed: &str, labels: Labels, value: Value) {
        if !self.shows(family) || value.is_histogram() != (family.kind == Kind::Histogram) {
            return;
        }
        let shown = self
            .families
            .entry(printed_name(family, self.page))
            .or_insert_with(|| Shown {
                help: family.help.clone(),
                kind: family.kind,
                unit: family.unit,
                series: BTreeMap::new(),
            });
        if shown.kind != family.kind {
            return;
        }
        match shown.series.get_mut(printed) {
            Some(known) if family.takes_lowest => known.value.lower(&value),
            Some(sum) => sum.value.merge(value),
            None => drop(
                shown
                    .series
                    .insert(printed.to_owned(), Point { labels, value }),
            ),
        }
    }
}

// === impl Value ===

impl Value {
    fn is_histogram(&self) -> bool {
        matches!(self, Self::Buckets(_))
    }

    fn lower(&mut self, other: &Self) {
        if let (Self::Number(lowest), Self::Number(value)) = (self, other) {
            *lowest = lowest.min(*value);
        }
    }

    fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::Number(sum), Self::Number(value)) => *sum += value,
            (Self::Buckets(sum), Self::Buckets(value)) if sum.bounds == value.bounds => {
                sum.sum += value.sum;
                for (sum, value) in sum.counts.iter_mut().zip(value.counts) {
                    *sum += value;
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
