//! The series of one name, found by their labels.

use std::hash::BuildHasher;
use std::time::Duration;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::super::drops::Reason;
use super::super::sample::{Sample, Temporality};
use super::{Kind, Place};

/// What a series costs beside its labels and its value: its place in a list and in a table, and
/// what an allocator adds to each piece.
const SERIES_OVERHEAD: usize = 64;

/// The series of one name.
pub(in super::super) struct Family {
    pub(in super::super) kind: Kind,
    pub(in super::super) help: Box<str>,
    pub(super) series: Vec<Series>,
    /// Places in `series`, by labels.
    pub(super) places: HashTable<u32>,
}

pub(in super::super) struct Series {
    /// As [`labels`](super::super::labels) writes them.
    pub(in super::super) labels: Box<str>,
    pub(in super::super) sample: Sample,
    /// Tells metrics apart that have the same name and labels once they are translated.
    pub(super) source: u64,
    /// When the last point came, on the monotonic clock. `None`: the sender has said that there
    /// will be no more.
    pub(super) touched: Option<Duration>,
    /// Charged.
    pub(super) bytes: usize,
}

// === impl Family ===

impl Family {
    pub(super) fn new(kind: Kind, help: &str) -> Self {
        Self {
            kind,
            help: help.into(),
            series: Vec::new(),
            places: HashTable::new(),
        }
    }

    /// All series, expired ones included, in the order in which they came.
    pub(in super::super) fn series(&self) -> &[Series] {
        &self.series
    }

    pub(super) fn find(&mut self, hash: u64, labels: &str) -> Option<&mut Series> {
        let place = self.place(hash, labels)?;
        self.series.get_mut(place)
    }

    pub(super) fn place(&self, hash: u64, labels: &str) -> Option<usize> {
        let is_it = |place: &u32| {
            let series = self.series.get(*place as usize);
            series.is_some_and(|series| &*series.labels == labels)
        };
        let place = self.places.find(hash, is_it)?;
        Some(*place as usize)
    }

    pub(super) fn add(&mut self, hash: u64, added: Series, hasher: &DefaultHashBuilder) {
        let Self { series, places, .. } = self;
        let Ok(place) = u32::try_from(series.len()) else {
            return;
        };
        let rehash = |place: &u32| {
            let series = series.get(*place as usize);
            series.map_or(0, |series| hasher.hash_one(&*series.labels))
        };
        places.insert_unique(hash, place, rehash);
        series.push(added);
    }

    /// Returns the bytes of what has gone.
    pub(super) fn sweep(&mut self, expired: Expired, hasher: &DefaultHashBuilder) -> usize {
        let gone = self.series.iter().filter(|series| expired.holds(series));
        let freed: usize = gone.map(|series| series.bytes).sum();
        if freed == 0 {
            return 0;
        }
        self.series.retain(|series| !expired.holds(series));
        self.series.shrink_to_fit();
        self.places.clear();
        let Self { series, places, .. } = self;
        let rehash = |place: &u32| {
            let series = series.get(*place as usize);
            series.map_or(0, |series| hasher.hash_one(&*series.labels))
        };
        places.shrink_to(series.len(), rehash);
        for (place, series) in (0..).zip(series.iter()) {
            places.insert_unique(hasher.hash_one(&*series.labels), place, rehash);
        }
        freed
    }

    /// Of the family without its series.
    pub(super) fn cost(&self, name: &str) -> usize {
        size_of::<Self>() + name.len() + self.help.len() + SERIES_OVERHEAD
    }
}

// === impl Series ===

impl Series {
    pub(super) fn cost(labels: &str, sample: &Sample) -> usize {
        size_of::<Self>() + labels.len() + sample.heap_bytes() + SERIES_OVERHEAD
    }

    pub(super) fn update(
        &mut self,
        place: &Place<'_>,
        sample: Sample,
        temporality: Temporality,
        expired: Expired,
    ) -> Result<(), Reason> {
        if expired.holds(self) {
            // It begins anew, and may be somebody else's now.
            self.source = place.source;
            self.sample = sample;
        } else if self.source != place.source {
            return Err(Reason::Duplicate);
        } else {
            self.sample.take(sample, temporality)?;
        }
        self.touched = Some(place.now);
        self.bytes = Self::cost(&self.labels, &self.sample);
        Ok(())
    }
}

/// Tells what has expired at a moment.
#[derive(Clone, Copy)]
pub(super) struct Expired {
    now: Duration,
    expiration: Duration,
}

impl Expired {
    pub(super) fn new(now: Duration, expiration: Duration) -> Self {
        Self { now, expiration }
    }

    pub(super) fn holds(&self, series: &Series) -> bool {
        let age = |touched: Duration| self.now.saturating_sub(touched);
        series
            .touched
            .is_none_or(|touched| age(touched) > self.expiration)
    }
}
