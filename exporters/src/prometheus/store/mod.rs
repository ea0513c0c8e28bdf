//! The series that are shown, by family.

mod family;

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::ops::Bound;
use std::time::Duration;

use hashbrown::DefaultHashBuilder;
use ledger::Lease;

use super::drops::Reason;
use super::sample::{Sample, Temporality};
use family::Expired;
pub(super) use family::{Family, Series};

/// Types of Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Untyped,
    Histogram,
    Summary,
}

/// All series of one exporter. It lives on the exporter's thread and needs no lock.
pub(super) struct Store {
    /// By printed name.
    families: BTreeMap<Box<str>, Family>,
    series: usize,
    limits: Limits,
    /// For all that is kept here.
    lease: Lease,
    /// Pages that are being written. Nothing changes its place meanwhile.
    readers: usize,
    hasher: DefaultHashBuilder,
}

/// How much may be kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Limits {
    pub(super) series: usize,
    /// Bytes of all series together.
    pub(super) bytes: u64,
    /// A series that has not been updated for longer is gone.
    pub(super) expiration: Duration,
    /// The labels of the series that takes the deltas of those for which there is no room.
    pub(super) overflow: String,
}

/// Where a point belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// Of the family.
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    pub(super) help: &'a str,
    pub(super) labels: &'a str,
    pub(super) source: u64,
    /// Monotonic.
    pub(super) now: Duration,
}

/// What became of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Shown,
    /// As a part of the overflow series.
    Overflowed,
}

// === impl Kind ===

impl Kind {
    /// Whether the samples of such a family have this label by themselves.
    pub(super) fn reserves(self, label: &str) -> bool {
        match self {
            Self::Histogram => label == "le",
            Self::Summary => label == "quantile",
            Self::Counter | Self::Gauge | Self::Untyped => false,
        }
    }

    /// What the samples of such a family append to its name.
    fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Histogram => &["_sum", "_count", "_bucket"],
            Self::Summary => &["_sum", "_count"],
            Self::Counter | Self::Gauge | Self::Untyped => &[],
        }
    }
}

// === impl Store ===

impl Store {
    pub(super) fn new(limits: Limits, lease: Lease) -> Self {
        Self {
            families: BTreeMap::new(),
            series: 0,
            limits,
            lease,
            readers: 0,
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// Series that are kept, expired ones included.
    pub(super) fn len(&self) -> usize {
        self.series
    }

    /// Takes a point.
    ///
    /// # Errors
    /// Why it is not shown. What is shown is as it was.
    pub(super) fn put(
        &mut self,
        place: &Place<'_>,
        sample: Sample,
        temporality: Temporality,
    ) -> Result<Kept, Reason> {
        self.check_name(place)?;
        let hash = self.hasher.hash_one(place.labels);
        let expired = Expired::new(place.now, self.limits.expiration);
        if let Some(family) = self.families.get_mut(place.name)
            && let Some(series) = family.find(hash, place.labels)
        {
            let before = series.bytes;
            series.update(place, sample, temporality, expired)?;
            let after = series.bytes;
            self.charge(before, after);
            return Ok(Kept::Shown);
        }
        let bytes = Series::cost(place.labels, &sample);
        if self.has_room(bytes) {
            self.add(place, hash, sample, bytes);
            return Ok(Kept::Shown);
        }
        self.overflow(place, sample, temporality)
    }

    /// What has the name already must be of the same type, and no sample of one family may have
    /// the name of another family.
    fn check_name(&self, place: &Place<'_>) -> Result<(), Reason> {
        if let Some(family) = self.families.get(place.name) {
            return match family.kind == place.kind {
                true => Ok(()),
                false => Err(Reason::TypeConflict),
            };
        }
        let owns = |suffix: &&str| {
            let owner = place.name.strip_suffix(*suffix);
            let owner = owner.and_then(|owner| self.families.get(owner));
            owner.is_some_and(|owner| owner.kind.suffixes().contains(suffix))
        };
        let is_owned = Kind::Histogram.suffixes().iter().any(owns);
        let mut own = place.kind.suffixes().iter();
        let is_taken = own.any(|suffix| {
            let name = [place.name, suffix].concat();
            self.families.contains_key(name.as_str())
        });
        match is_owned || is_taken {
            true => Err(Reason::NameConflict),
            false => Ok(()),
        }
    }

    fn has_room(&mut self, bytes: usize) -> bool {
        self.series < self.limits.series
            && self.lease.bytes() + bytes as u64 <= self.limits.bytes
            && self.lease.try_grow(bytes).is_ok()
    }

    /// The bytes have been charged.
    fn add(&mut self, place: &Place<'_>, hash: u64, sample: Sample, bytes: usize) {
        if !self.families.contains_key(place.name) {
            let family = Family::new(place.kind, place.help);
            self.lease.overdraw(family.cost(place.name));
            self.families.insert(place.name.into(), family);
        }
        let Some(family) = self.families.get_mut(place.name) else {
            return;
        };
        let series = Series {
            labels: place.labels.into(),
            sample,
            source: place.source,
            touched: Some(place.now),
            bytes,
        };
        family.add(hash, series, &self.hasher);
        self.series += 1;
    }

    /// Deltas of series for which there is no room add up in one that each family has; what is
    /// cumulative cannot be added without a memory of its own.
    fn overflow(
        &mut self,
        place: &Place<'_>,
        sample: Sample,
        temporality: Temporality,
    ) -> Result<Kept, Reason> {
        if temporality != Temporality::Delta || !self.families.contains_key(place.name) {
            return Err(Reason::Limit);
        }
        let labels = std::mem::take(&mut self.limits.overflow);
        let hash = self.hasher.hash_one(labels.as_str());
        let found = self.families.get_mut(place.name);
        let found = found.and_then(|family| family.find(hash, &labels));
        match found {
            Some(series) => {
                let before = series.bytes;
                series.sample.add(sample);
                series.touched = Some(place.now);
                series.bytes = Series::cost(&series.labels, &series.sample);
                let after = series.bytes;
                self.charge(before, after);
            }
            None => {
                let bytes = Series::cost(&labels, &sample);
                self.lease.overdraw(bytes);
                let place = Place {
                    labels: &labels,
                    ..*place
                };
                self.add(&place, hash, sample, bytes);
            }
        }
        self.limits.overflow = labels;
        Ok(Kept::Overflowed)
    }

    /// There will be no more points of a series.
    pub(super) fn end(&mut self, name: &str, labels: &str) {
        let hash = self.hasher.hash_one(labels);
        let family = self.families.get_mut(name);
        if let Some(series) = family.and_then(|family| family.find(hash, labels)) {
            series.touched = None;
        }
    }

    fn charge(&mut self, before: usize, after: usize) {
        if after > before {
            self.lease.overdraw(after - before);
        } else {
            self.lease.give_back(before - after);
        }
    }

    /// Lets go of what has expired. Returns false if it could not, because a page is being written.
    pub(super) fn sweep(&mut self, now: Duration) -> bool {
        if self.readers > 0 {
            return false;
        }
        let expired = Expired::new(now, self.limits.expiration);
        let mut freed = 0;
        let mut ended = 0;
        self.families.retain(|name, family| {
            let before = family.series.len();
            freed += family.sweep(expired, &self.hasher);
            ended += before - family.series.len();
            if family.series.is_empty() {
                freed += family.cost(name);
            }
            !family.series.is_empty()
        });
        self.series -= ended;
        self.lease.give_back(freed);
        true
    }

    // === for pages ===

    /// Until [`Store::leave`] nothing changes its place, and what expires is not removed.
    pub(super) fn enter(&mut self) {
        self.readers += 1;
    }

    pub(super) fn leave(&mut self) {
        self.readers = self.readers.saturating_sub(1);
    }

    /// The family that comes after this name.
    pub(super) fn family_after(&self, name: Option<&str>) -> Option<(&str, &Family)> {
        let from = name.map_or(Bound::Unbounded, Bound::Excluded);
        let mut later = self.families.range::<str, _>((from, Bound::Unbounded));
        later.next().map(|(name, family)| (&**name, family))
    }

    pub(super) fn family(&self, name: &str) -> Option<&Family> {
        self.families.get(name)
    }

    /// Whether there is a series, even an expired one.
    pub(super) fn has(&self, name: &str, labels: &str) -> bool {
        let hash = self.hasher.hash_one(labels);
        let family = self.families.get(name);
        family.is_some_and(|family| family.place(hash, labels).is_some())
    }

    /// Whether a series is still to be seen at this moment.
    pub(super) fn shows(&self, series: &Series, now: Duration) -> bool {
        !Expired::new(now, self.limits.expiration).holds(series)
    }
}
