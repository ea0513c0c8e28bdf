//! The series of one batch, each with all its samples in the order of their times.
//!
//! A point of a histogram has a part in many series, and other points of the same label set have parts in the same
//! ones. All series of one metric and label set are a *group*. Requests are cut between groups, so that
//! no series is in two requests, and every point has one fate.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use smallvec::SmallVec;

use super::drops::Reason;
use super::series::{Content, Draft, Exemplar, Family, Group, Native, Part, Sample, Series, Stamp};
use super::symbols::Symbols;

/// The series of one batch.
#[derive(Default)]
pub(super) struct Table {
    pub(super) symbols: Symbols,
    /// Of all series, one after the other.
    labels: Vec<u32>,
    series: Vec<Series>,
    index: HashTable<u32>,
    groups: Vec<Group>,
    families: Vec<Family>,
    /// Of families.
    numbers: HashMap<Family, u32>,
    hasher: DefaultHashBuilder,
    /// Series by group, once the table is [sorted](Self::sort).
    sorted: Vec<u32>,
    /// Where those of each group begin, and where the last ones end.
    begins: Vec<usize>,
    /// Beside the vectors above.
    native_bytes: usize,
}

// === impl Table ===

impl Table {
    /// The number of a family.
    pub(super) fn family(&mut self, family: Family) -> u32 {
        let next = u32::try_from(self.families.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(family).or_insert(next);
        if number == next {
            self.families.push(family);
        }
        number
    }

    /// Takes what a point brings.
    ///
    /// # Errors
    /// One of its series is that of another metric, or has another sample at this time. Nothing of it has been taken.
    pub(super) fn add(&mut self, draft: &mut Draft, stamp: Stamp) -> Result<(), Reason> {
        let found = draft.parts.iter().map(|part| {
            let labels = draft.labels.get(part.labels.clone()).unwrap_or_default();
            let hash = self.hasher.hash_one(labels);
            let is_it = |series: &u32| self.labels_of(*series) == labels;
            (hash, self.index.find(hash, is_it).copied())
        });
        let found: SmallVec<[(u64, Option<u32>); 16]> = found.collect();
        let Some(principal) = found.first().map(|(_, series)| *series) else {
            return Ok(());
        };
        let group = match principal {
            Some(principal) => Some(self.group_of(principal, stamp.family)?),
            None => None,
        };
        for series in found.iter().filter_map(|(_, series)| *series) {
            if self.series.get(series as usize).map(|series| series.group) != group {
                return Err(Reason::Duplicate);
            }
        }
        let group = match group {
            Some(group) => group,
            None => self.begin(stamp.family),
        };
        if !self.note(group, draft, stamp)? {
            return Ok(());
        }
        for (part, (hash, series)) in draft.parts.drain(..).zip(found) {
            let labels = draft.labels.get(part.labels.clone()).unwrap_or_default();
            let series = match series {
                Some(series) => series,
                None => self.insert(hash, labels, group),
            };
            self.put(series, part, stamp);
        }
        Ok(())
    }

    /// The group that a series is the principal one of.
    fn group_of(&self, principal: u32, family: u32) -> Result<u32, Reason> {
        let number = self.series.get(principal as usize).map(|s| s.group);
        let number = number.ok_or(Reason::Duplicate)?;
        let group = self.groups.get(number as usize);
        let group = group.ok_or(Reason::Duplicate)?;
        let kind = |family: u32| self.families.get(family as usize).map(|f| f.kind.shape());
        let is_it = group.principal == principal && kind(group.family) == kind(family);
        is_it.then_some(number).ok_or(Reason::Duplicate)
    }

    /// A new group, whose principal series comes next.
    fn begin(&mut self, family: u32) -> u32 {
        self.groups.push(Group {
            family,
            principal: u32::try_from(self.series.len()).unwrap_or(u32::MAX),
            times: SmallVec::new(),
            points: SmallVec::new(),
        });
        u32::try_from(self.groups.len() - 1).unwrap_or(u32::MAX)
    }

    /// Notes a point in its group; says whether it brings anything new. Senders that were not answered send the
    /// same again.
    fn note(&mut self, group: u32, draft: &Draft, stamp: Stamp) -> Result<bool, Reason> {
        let Some(group) = self.groups.get_mut(group as usize) else {
            return Ok(false);
        };
        let place = match group.times.last() {
            Some(last) if *last >= stamp.time => group.times.binary_search(&stamp.time),
            _ => Err(group.times.len()),
        };
        match place {
            Ok(_) => {
                let known = self.series.get(group.principal as usize);
                let content = draft.parts.first().map(|part| &part.content);
                let is_same = known
                    .zip(content)
                    .is_some_and(|(series, content)| series.has(content, stamp.time));
                if !is_same {
                    return Err(Reason::Duplicate);
                }
                group.points.extend(stamp.point);
                Ok(false)
            }
            Err(at) => {
                group.times.insert(at, stamp.time);
                group.points.extend(stamp.point);
                Ok(true)
            }
        }
    }

    fn insert(&mut self, hash: u64, labels: &[u32], group: u32) -> u32 {
        let number = u32::try_from(self.series.len()).unwrap_or(u32::MAX);
        let begin = self.labels.len();
        self.labels.extend_from_slice(labels);
        self.series.push(Series {
            labels: begin..self.labels.len(),
            group,
            samples: SmallVec::new(),
            natives: Vec::new(),
            exemplars: Vec::new(),
        });
        let Self {
            labels: all,
            series,
            index,
            hasher,
            ..
        } = self;
        index.insert_unique(hash, number, |number| {
            let range = series.get(*number as usize).map(|s| s.labels.clone());
            hasher.hash_one(range.and_then(|range| all.get(range)).unwrap_or_default())
        });
        number
    }

    fn put(&mut self, series: u32, part: Part, stamp: Stamp) {
        let Some(series) = self.series.get_mut(series as usize) else {
            return;
        };
        let Stamp { time, start, .. } = stamp;
        match part.content {
            Content::Number(value) => {
                let at = series.samples.partition_point(|sample| sample.time < time);
                let sample = Sample { time, start, value };
                series.samples.insert(at, sample);
            }
            Content::Native(body) => {
                self.native_bytes += body.len();
                let at = series.natives.partition_point(|native| native.time < time);
                series.natives.insert(at, Native { time, start, body });
            }
        }
        for exemplar in part.exemplars {
            let before = |known: &Exemplar| known.time <= exemplar.time;
            let at = series.exemplars.partition_point(before);
            series.exemplars.insert(at, exemplar);
        }
    }

    fn labels_of(&self, series: u32) -> &[u32] {
        self.series
            .get(series as usize)
            .map(|series| self.labels(series))
            .unwrap_or_default()
    }

    /// Brings the series of each group together; nothing may be added afterwards.
    pub(super) fn sort(&mut self) {
        let count = u32::try_from(self.series.len()).unwrap_or(u32::MAX);
        self.sorted = (0..count).collect();
        let group = |series: &u32| self.series.get(*series as usize).map(|s| s.group);
        self.sorted.sort_by_key(group);
        self.begins = vec![0; self.groups.len() + 1];
        for series in &self.series {
            if let Some(next) = self.begins.get_mut(series.group as usize + 1) {
                *next += 1;
            }
        }
        let mut total = 0;
        for begin in &mut self.begins {
            total += *begin;
            *begin = total;
        }
    }

    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The series of a group, the principal one first.
    pub(super) fn of_group(&self, group: usize) -> impl Iterator<Item = &Series> {
        let range = || Some(*self.begins.get(group)?..*self.begins.get(group + 1)?);
        let numbers = range().and_then(|range| self.sorted.get(range));
        let numbers = numbers.unwrap_or_default().iter();
        numbers.filter_map(|number| self.series.get(*number as usize))
    }

    pub(super) fn family_of(&self, group: &Group) -> Option<&Family> {
        self.families.get(group.family as usize)
    }

    /// Symbols of names and values, in turn.
    pub(super) fn labels(&self, series: &Series) -> &[u32] {
        self.labels.get(series.labels.clone()).unwrap_or_default()
    }

    pub(super) const fn series_count(&self) -> usize {
        self.series.len()
    }

    /// About what it all takes.
    pub(super) fn heap_bytes(&self) -> usize {
        // The index has a number and a byte for each.
        let series = self.series.capacity() * (size_of::<Series>() + 8);
        let groups = self.groups.capacity() * size_of::<Group>();
        self.symbols.heap_bytes() + self.labels.capacity() * 4 + series + groups + self.native_bytes
    }
}
