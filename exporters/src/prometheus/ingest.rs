//! From encoded requests to series.

use std::borrow::Cow;
use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;
use otlp::json::as_text;
use otlp::view::{Attributes, Item, Metric, Request, ResourceGroup, ScopeGroup};
use otlp::{Malformed, MetricKind};
use pipeline::{Batch, Now};

use super::drops::{Drops, Reason};
use super::labels::{Collected, Label};
use super::naming::{Naming, fixed};
use super::point::{Read, read};
use super::sample::Temporality;
use super::store::{Kept, Kind, Place, Store};
use super::target::Targets;
use crate::translation::{
    AHEAD_MAX, Identity, Measure, Unreadable, label_name, metric_name, noted_type,
};

/// Puts the points of requests into a store.
pub(super) struct Ingest {
    naming: Naming,
    targets: Targets,
    hasher: DefaultHashBuilder,
    /// Of the point at hand.
    text: String,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// Points that are not shown.
    pub(super) dropped: u64,
    /// Points that became part of an overflow series.
    pub(super) overflowed: u64,
}

/// Labels that the points of a scope have in common.
#[derive(Default)]
struct Shared {
    fixed: Vec<(Cow<'static, str>, String)>,
    /// Name, key and value.
    promoted: Vec<(String, String, String)>,
}

/// A metric, and what is the same for all its points.
struct Described<'a> {
    name: String,
    help: Cow<'a, str>,
    kind: Kind,
    temporality: Temporality,
    /// A hash of what tells it from others of the same printed name.
    source: u64,
}

/// The way to the store while a batch is taken.
struct Sink<'x> {
    store: &'x mut Store,
    drops: &'x Drops,
    now: Now,
    taken: Taken,
}

// === impl Ingest ===

impl Ingest {
    pub(super) fn new(naming: Naming) -> Self {
        Self {
            targets: Targets::new(&naming),
            naming,
            hasher: DefaultHashBuilder::default(),
            text: String::new(),
        }
    }

    /// Takes all points of a batch.
    ///
    /// # Errors
    /// The framing is broken; what came before it has been taken.
    pub(super) fn take(
        &mut self,
        batch: &Batch,
        store: &mut Store,
        drops: &Drops,
        now: Now,
    ) -> Result<Taken, Malformed> {
        let mut sink = Sink {
            store,
            drops,
            now,
            taken: Taken::default(),
        };
        for chunk in batch.chunks() {
            for group in Request::new(batch.signal(), &chunk.bytes).resource_groups() {
                self.take_resource(&group?, &mut sink)?;
            }
        }
        Ok(sink.taken)
    }

    /// Forgets the resources whose series have gone.
    pub(super) fn forget(&mut self, store: &Store) {
        self.targets.forget(store);
    }

    fn take_resource(
        &mut self,
        group: &ResourceGroup<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Malformed> {
        let identity = Identity::of(group.attributes())?;
        let mut promoted = Vec::new();
        for attribute in group.attributes() {
            let attribute = attribute?;
            let key = attribute.key.to_string_lossy();
            if self.naming.promoted.names(&key)
                && let Some(name) = label_name(self.naming.strategy, &key)
            {
                let value = as_text(&attribute.value()?)?.into_owned();
                promoted.push((name.into_owned(), key.clone().into_owned(), value));
            }
        }
        let mut shown = false;
        for scope in group.scope_groups() {
            let scope = scope?;
            let shared = Shared {
                fixed: self.fixed(&identity, &scope)?,
                promoted: promoted.clone(),
            };
            for metric in scope.metrics() {
                shown |= self.take_metric(&metric?, &scope, &shared, sink)?;
            }
        }
        if shown {
            let now = sink.now.mono;
            self.targets
                .show(&identity, group.attributes(), sink.store, now)?;
        }
        Ok(())
    }

    fn fixed(
        &self,
        identity: &Identity,
        scope: &ScopeGroup<'_>,
    ) -> Result<Vec<(Cow<'static, str>, String)>, Malformed> {
        let constant = self.naming.constant.iter();
        let constant = constant.map(|(name, value)| (Cow::Owned(name.clone()), value.clone()));
        let mut fixed: Vec<_> = constant.collect();
        let mut own = |name, value: String| fixed.push((name, value));
        if let Some(job) = &identity.job {
            own(Cow::Borrowed("job"), job.clone());
        }
        if let Some(instance) = &identity.instance {
            own(Cow::Borrowed("instance"), instance.clone());
        }
        if !self.naming.scope_info {
            return Ok(fixed);
        }
        let said = scope.scope.unwrap_or_default();
        own(Cow::Borrowed("otel_scope_name"), said.name.to_string());
        own(
            Cow::Borrowed("otel_scope_version"),
            said.version.to_string(),
        );
        own(
            Cow::Borrowed("otel_scope_schema_url"),
            scope.schema_url.to_string(),
        );
        for attribute in scope.attributes() {
            let attribute = attribute?;
            let key = attribute.key.to_string_lossy();
            if matches!(&*key, "name" | "version" | "schema_url") {
                continue;
            }
            let name = format!("otel_scope_{key}");
            if let Some(name) = label_name(self.naming.strategy, &name) {
                let value = as_text(&attribute.value()?)?.into_owned();
                fixed.push((Cow::Owned(name.into_owned()), value));
            }
        }
        Ok(fixed)
    }

    /// Says whether any point of it is shown.
    fn take_metric(
        &mut self,
        metric: &Metric<'_>,
        scope: &ScopeGroup<'_>,
        shared: &Shared,
        sink: &mut Sink<'_>,
    ) -> Result<bool, Malformed> {
        let raw = metric.name.to_string_lossy();
        let described = self.describe(metric, &raw, scope);
        let mut shown = false;
        for point in metric.points() {
            let point = point?;
            let taken = match &described {
                Ok(described) => self.take_point(described, point, shared, sink)?,
                Err(reason) => Err(*reason),
            };
            match taken {
                Ok(Some(Kept::Shown)) => shown = true,
                Ok(Some(Kept::Overflowed)) => sink.taken.overflowed += 1,
                Ok(None) => {}
                Err(reason) => {
                    sink.taken.dropped += 1;
                    sink.drops.count(reason, &raw, sink.now.mono);
                }
            }
        }
        Ok(shown)
    }

    fn describe<'a>(
        &self,
        metric: &Metric<'a>,
        raw: &'a str,
        scope: &ScopeGroup<'_>,
    ) -> Result<Described<'a>, Reason> {
        const DELTA: i32 = 1;
        const CUMULATIVE: i32 = 2;
        let kind = metric
            .kind
            .ok_or(Reason::Unreadable(Unreadable::UnknownKind))?;
        let (shown, measure) = match kind {
            MetricKind::Gauge if noted_type(metric).as_deref() == Some("unknown") => {
                (Kind::Untyped, Measure::Gauge)
            }
            MetricKind::Gauge => (Kind::Gauge, Measure::Gauge),
            MetricKind::Sum if metric.is_monotonic => (Kind::Counter, Measure::MonotonicSum),
            MetricKind::Sum => (Kind::Gauge, Measure::Other),
            MetricKind::Histogram | MetricKind::ExponentialHistogram => {
                (Kind::Histogram, Measure::Other)
            }
            MetricKind::Summary => (Kind::Summary, Measure::Other),
        };
        let temporality = match (kind, metric.aggregation_temporality) {
            (MetricKind::Gauge | MetricKind::Summary, _) | (_, CUMULATIVE) => Temporality::Latest,
            (MetricKind::Sum, DELTA) if !metric.is_monotonic => {
                return Err(Reason::NonMonotonicDelta);
            }
            (_, DELTA) => Temporality::Delta,
            _ => return Err(Reason::Unreadable(Unreadable::Temporality)),
        };
        let Naming {
            strategy,
            namespace,
            ..
        } = &self.naming;
        let unit = metric.unit.to_string_lossy();
        let name = metric_name(*strategy, namespace, raw, &unit, measure);
        let name = name.ok_or(Reason::Unreadable(Unreadable::InvalidName))?;
        if name == self.targets.name {
            return Err(Reason::NameConflict);
        }
        let scope_name = scope.scope.unwrap_or_default().name;
        let source = (raw, kind as u8, scope_name.as_bytes());
        Ok(Described {
            name,
            help: metric.description.to_string_lossy(),
            kind: shown,
            temporality,
            source: self.hasher.hash_one(source),
        })
    }

    fn take_point(
        &mut self,
        metric: &Described<'_>,
        point: Item<'_>,
        shared: &Shared,
        sink: &mut Sink<'_>,
    ) -> Result<Result<Option<Kept>, Reason>, Malformed> {
        let written = self.write_labels(metric, point.attributes(), shared)?;
        let keys = match written {
            Ok(keys) => keys,
            Err(reason) => return Ok(Err(reason)),
        };
        let sample = match read(&point.read()?, metric.kind)? {
            Read::Sample(sample) => sample,
            Read::End => {
                sink.store.end(&metric.name, &self.text);
                return Ok(Ok(None));
            }
            Read::Bad(reason) => return Ok(Err(reason)),
        };
        let latest = sink.now.unix_nanos + AHEAD_MAX.as_nanos() as u64;
        if self.naming.timestamps && sample.time > latest {
            return Ok(Err(Reason::Unreadable(Unreadable::Future)));
        }
        let place = Place {
            name: &metric.name,
            kind: metric.kind,
            help: &metric.help,
            labels: &self.text,
            source: metric.source.wrapping_add(keys),
            now: sink.now.mono,
        };
        Ok(sink.store.put(&place, sample, metric.temporality).map(Some))
    }

    /// Writes the labels of a point to `text`. Returns a hash of its keys as they were sent.
    fn write_labels(
        &mut self,
        metric: &Described<'_>,
        attributes: Attributes<'_>,
        shared: &Shared,
    ) -> Result<Result<u64, Reason>, Malformed> {
        let mut keys = 0_u64;
        let mut labels = Collected::default();
        for (name, value) in &shared.fixed {
            labels.push(fixed(Cow::Borrowed(name), value));
        }
        for (name, key, value) in &shared.promoted {
            labels.push(Label {
                name: Cow::Borrowed(name),
                key,
                value: Cow::Borrowed(value),
                fixed: false,
            });
        }
        for attribute in attributes {
            let attribute = attribute?;
            let Ok(key) = attribute.key.to_str() else {
                return Ok(Err(Reason::Unreadable(Unreadable::InvalidLabel)));
            };
            // What is known of the resource replaces what is said of the point.
            if shared
                .promoted
                .iter()
                .any(|(_, promoted, _)| promoted == key)
            {
                continue;
            }
            let Some(name) = label_name(self.naming.strategy, key) else {
                return Ok(Err(Reason::Unreadable(Unreadable::InvalidLabel)));
            };
            keys = keys.wrapping_add(self.hasher.hash_one(key));
            labels.push(Label {
                name,
                key,
                value: as_text(&attribute.value()?)?,
                fixed: false,
            });
        }
        Ok(labels.write(metric.kind, &mut self.text).map(|()| keys))
    }
}
