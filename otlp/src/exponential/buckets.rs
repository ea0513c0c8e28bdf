//! A run of buckets side by side.

use std::iter;

/// The populated buckets of one sign, from the first to the last, with those that are empty between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buckets {
    /// Index of the first one.
    offset: i32,
    counts: Vec<u64>,
}

impl Buckets {
    /// Index of the first bucket; 0 if there is none.
    pub const fn offset(&self) -> i32 {
        self.offset
    }

    /// Counts of the buckets from the first on. Neither the first nor the last one is 0.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The populated buckets in order, as index and count.
    pub fn iter(&self) -> impl Iterator<Item = (i32, u64)> + '_ {
        let indexes = self.offset..;
        let buckets = indexes.zip(self.counts.iter().copied());
        buckets.filter(|(_, count)| *count != 0)
    }

    pub const fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Indexes of the first and the last bucket.
    pub(super) fn range(&self) -> Option<Range> {
        let last = self.counts.len().checked_sub(1)?;
        Some(Range {
            first: i64::from(self.offset),
            last: i64::from(self.offset) + last as i64,
        })
    }

    /// Bytes on the heap.
    pub(super) const fn heap_bytes(&self) -> usize {
        self.counts.capacity() * size_of::<u64>()
    }

    /// Adds to a bucket; whoever calls has seen to it that the range stays short.
    #[inline]
    pub(super) fn add(&mut self, index: i32, count: u64) {
        if count == 0 {
            return;
        }
        if self.counts.is_empty() {
            self.offset = index;
        }
        if index < self.offset {
            let more = self.offset.abs_diff(index) as usize;
            self.counts.splice(0..0, iter::repeat_n(0, more));
            self.offset = index;
        }
        let at = index.abs_diff(self.offset) as usize;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        if let Some(bucket) = self.counts.get_mut(at) {
            *bucket = bucket.saturating_add(count);
        }
    }

    /// Joins `2^by` neighbours to one, again and again.
    pub(super) fn downscale(&mut self, by: u32) {
        if by == 0 || self.counts.is_empty() {
            return;
        }
        let by = by.min(i32::BITS - 1);
        let offset = self.offset >> by;
        let mut length = 0;
        for at in 0..self.counts.len() {
            let target = ((self.offset + at as i32) >> by).abs_diff(offset) as usize;
            let count = std::mem::take(&mut self.counts[at]);
            self.counts[target] = self.counts[target].saturating_add(count);
            length = target + 1;
        }
        self.counts.truncate(length);
        self.offset = offset;
    }

    /// Takes away the buckets up to this index, and says how much was in them and whether the last one of them was
    /// populated.
    pub(super) fn drain_to(&mut self, index: i32) -> (u64, bool) {
        let through = i64::from(index) - i64::from(self.offset) + 1;
        let through = usize::try_from(through).unwrap_or(0);
        let is_populated = through > 0 && self.counts.get(through - 1).is_some_and(|at| *at != 0);
        let gone = self.counts.drain(..through.min(self.counts.len()));
        let total = gone.fold(0, u64::saturating_add);
        let empty = self.counts.iter().take_while(|count| **count == 0).count();
        self.counts.drain(..empty);
        self.offset = match self.counts.is_empty() {
            true => 0,
            false => self.offset + (through + empty) as i32,
        };
        (total, is_populated)
    }
}

/// Indexes of the first and the last populated bucket, as wide as those of any sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: i64,
    pub(super) last: i64,
}

impl Range {
    pub(super) const fn of(index: i64) -> Self {
        Self {
            first: index,
            last: index,
        }
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
        }
    }

    /// At a scale that is coarser by this much.
    pub(super) fn downscaled(self, by: u32) -> Self {
        let by = by.min(i64::BITS - 1);
        Self {
            first: self.first >> by,
            last: self.last >> by,
        }
    }

    /// By how much the scale has to fall until at most `max_size` buckets are left.
    pub(super) fn change_to_fit(self, max_size: u32) -> u32 {
        let mut change = 0;
        let mut range = self;
        while range.last - range.first >= i64::from(max_size) {
            range = range.downscaled(1);
            change += 1;
        }
        change
    }
}
