//! From encoded requests to the series of a table.

use otlp::view::{Attributes, Item, Metric, Request, ResourceGroup, ScopeGroup};
use otlp::{Malformed, MetricKind};
use pipeline::{Batch, Now};

use super::drops::{Drops, Reason};
use super::labels::{Labeller, Shared};
use super::naming::Naming;
use super::series::{Draft, Family, Stamp, Type};
use super::symbols::EMPTY;
use super::table::Table;
use super::targets::Targets;
use crate::translation::{AHEAD_MAX, Identity, Measure, Unreadable, noted_type, read};

/// The series of a batch.
pub(super) struct Translated {
    pub(super) table: Table,
    /// Points in the batch.
    pub(super) points: u64,
    /// Those that are not sent.
    pub(super) dropped: u64,
}

/// A metric, and what is the same for all its points.
pub(super) struct Described {
    pub(super) kind: MetricKind,
    pub(super) is_counter: bool,
    /// The time when counting began means something.
    pub(super) has_start: bool,
    pub(super) family: u32,
    /// Symbols of the names of its series.
    pub(super) name: u32,
    pub(super) sum: u32,
    pub(super) count: u32,
    pub(super) bucket: u32,
}

pub(super) struct Translator<'x> {
    pub(super) naming: &'x Naming,
    pub(super) drops: &'x Drops,
    pub(super) now: Now,
    pub(super) table: Table,
    pub(super) labeller: Labeller<'x>,
    pub(super) draft: Draft,
    /// The number of the next point.
    pub(super) point: u64,
    pub(super) dropped: u64,
    /// When the newest point of the resource at hand is of, in milliseconds.
    pub(super) newest: Option<i64>,
}

/// Makes series of all points of a batch.
///
/// # Errors
/// The framing is broken.
pub(super) fn translate(
    batch: &Batch,
    naming: &Naming,
    drops: &Drops,
    targets: &mut Targets,
    now: Now,
) -> Result<Translated, Malformed> {
    let mut table = Table::default();
    let labeller = Labeller::new(naming, &mut table.symbols);
    let mut translator = Translator {
        naming,
        drops,
        now,
        table,
        labeller,
        draft: Draft::default(),
        point: 0,
        dropped: 0,
        newest: None,
    };
    for chunk in batch.chunks() {
        for group in Request::new(batch.signal(), &chunk.bytes).resource_groups() {
            translator.take_resource(&group?, targets)?;
        }
    }
    translator.table.sort();
    Ok(Translated {
        table: translator.table,
        points: translator.point,
        dropped: translator.dropped,
    })
}

impl Translator<'_> {
    fn take_resource(
        &mut self,
        group: &ResourceGroup<'_>,
        targets: &mut Targets,
    ) -> Result<(), Malformed> {
        let identity = Identity::of(group.attributes())?;
        self.newest = None;
        for scope in group.scope_groups() {
            let scope = scope?;
            self.take_scope(&scope, &identity, group.attributes())?;
        }
        match self.newest {
            Some(newest) if self.naming.target_info => {
                self.put_target(&identity, group.attributes(), newest, targets)
            }
            _ => Ok(()),
        }
    }

    fn take_scope(
        &mut self,
        scope: &ScopeGroup<'_>,
        identity: &Identity,
        resource: Attributes<'_>,
    ) -> Result<(), Malformed> {
        let symbols = &mut self.table.symbols;
        let shared = self.labeller.shared(identity, resource, scope, symbols)?;
        for metric in scope.metrics() {
            let metric = metric?;
            let described = self.describe(&metric);
            for point in metric.points() {
                let taken = match &described {
                    Ok(described) => self.take_point(described, point?, &shared)?,
                    Err(reason) => Err(*reason),
                };
                self.point += 1;
                if let Err(reason) = taken {
                    self.dropped += 1;
                    let name = metric.name.to_string_lossy();
                    self.drops.count(reason, &name, self.now.mono);
                }
            }
        }
        Ok(())
    }

    fn describe(&mut self, metric: &Metric<'_>) -> Result<Described, Reason> {
        const DELTA: i32 = 1;
        const CUMULATIVE: i32 = 2;
        let kind = metric
            .kind
            .ok_or(Reason::Unreadable(Unreadable::UnknownKind))?;
        match (kind, metric.aggregation_temporality) {
            (MetricKind::Gauge | MetricKind::Summary, _) | (_, CUMULATIVE) => {}
            (_, DELTA) => return Err(Reason::Delta),
            _ => return Err(Reason::Unreadable(Unreadable::Temporality)),
        }
        let is_counter = kind == MetricKind::Sum && metric.is_monotonic;
        let measure = match kind {
            MetricKind::Gauge => Measure::Gauge,
            MetricKind::Sum if is_counter => Measure::MonotonicSum,
            _ => Measure::Other,
        };
        let name = self.naming.metric(metric, measure);
        let name = name.ok_or(Reason::Unreadable(Unreadable::InvalidName))?;
        let symbols = &mut self.table.symbols;
        let family = Family {
            kind: type_of(metric, kind),
            name: symbols.put(&name),
            help: symbols.put(&metric.description.to_string_lossy()),
            unit: symbols.put(&self.naming.unit(metric)),
        };
        let has_parts = matches!(kind, MetricKind::Histogram | MetricKind::Summary);
        let mut suffixed = |suffix| match has_parts {
            true => symbols.put(&format!("{name}{suffix}")),
            false => EMPTY,
        };
        Ok(Described {
            kind,
            is_counter,
            has_start: is_counter || !matches!(kind, MetricKind::Gauge | MetricKind::Sum),
            name: family.name,
            sum: suffixed("_sum"),
            count: suffixed("_count"),
            bucket: suffixed("_bucket"),
            family: self.table.family(family),
        })
    }

    fn take_point(
        &mut self,
        metric: &Described,
        item: Item<'_>,
        shared: &Shared,
    ) -> Result<Result<(), Reason>, Malformed> {
        let reserved = match metric.kind {
            MetricKind::Histogram if self.has_classic() => Some("le"),
            MetricKind::Summary => Some("quantile"),
            _ => None,
        };
        let symbols = &mut self.table.symbols;
        let labels = self
            .labeller
            .point(item.attributes(), shared, reserved, symbols)?;
        let labels = match labels {
            Ok(labels) => labels,
            Err(reason) => return Ok(Err(reason)),
        };
        let seen = item.read()?;
        let point = match read(&seen, metric.is_counter)? {
            Ok(point) => point,
            Err(unreadable) => return Ok(Err(Reason::Unreadable(unreadable))),
        };
        if point.time == 0 {
            return Ok(Err(Reason::NoTime));
        }
        if point.time > self.now.unix_nanos + AHEAD_MAX.as_nanos() as u64 {
            return Ok(Err(Reason::Unreadable(Unreadable::Future)));
        }
        let stamp = Stamp {
            family: metric.family,
            time: millis(point.time),
            start: match metric.has_start {
                true => millis(point.start),
                false => 0,
            },
            point: u32::try_from(self.point).ok(),
        };
        self.draft.clear();
        self.draw(metric, &labels, &point, &seen)?;
        let taken = self.table.add(&mut self.draft, stamp);
        if taken.is_ok() {
            self.newest = self.newest.max(Some(stamp.time));
        }
        Ok(taken)
    }

    /// Tells of a resource, as of its newest point.
    fn put_target(
        &mut self,
        identity: &Identity,
        resource: Attributes<'_>,
        time: i64,
        targets: &mut Targets,
    ) -> Result<(), Malformed> {
        let symbols = &mut self.table.symbols;
        let Some(labels) = self.labeller.target(identity, resource, symbols)? else {
            return Ok(());
        };
        let name = symbols.put(&self.naming.target_name());
        let family = Family {
            kind: Type::Gauge,
            name,
            help: symbols.put("Target metadata"),
            unit: EMPTY,
        };
        let texts = labels.texts(symbols);
        if !targets.follows(texts, time) {
            return Ok(());
        }
        let stamp = Stamp {
            family: self.table.family(family),
            time,
            start: 0,
            point: None,
        };
        self.draft.clear();
        self.number(&labels, name, 1.0);
        // A metric that somebody has called so stays.
        let _ = self.table.add(&mut self.draft, stamp);
        Ok(())
    }
}

fn type_of(metric: &Metric<'_>, kind: MetricKind) -> Type {
    let noted = noted_type(metric);
    match (kind, noted.as_deref()) {
        (MetricKind::Gauge, Some("unknown")) => Type::Unknown,
        (MetricKind::Sum, _) if metric.is_monotonic => Type::Counter,
        (MetricKind::Sum, Some("info")) => Type::Info,
        (MetricKind::Sum, Some("stateset")) => Type::Stateset,
        (MetricKind::Gauge | MetricKind::Sum, _) => Type::Gauge,
        (MetricKind::Histogram | MetricKind::ExponentialHistogram, _) => Type::Histogram,
        (MetricKind::Summary, _) => Type::Summary,
    }
}

/// Nanoseconds as milliseconds, both since the Unix epoch.
pub(super) fn millis(nanos: u64) -> i64 {
    i64::try_from(nanos / 1_000_000).unwrap_or(i64::MAX)
}
