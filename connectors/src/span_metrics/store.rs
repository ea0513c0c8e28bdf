//! The series of each resource, the memory that they take, and what makes room.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use otlp::write::KeyValues;

use super::series::Series;
use crate::room::{ENTRY_BYTES, Room};

/// The series of one resource.
#[derive(Debug)]
pub(super) struct Group {
    /// Of the first request that came from it.
    pub(super) attributes: KeyValues,
    /// By the tables of the rules.
    pub(super) tables: Vec<Table>,
    pub(super) last_seen: Duration,
    /// When it was used last; `None` once it has made room for others, until its series have been sent.
    used: Option<u64>,
    /// Bytes of memory that it was charged with, beside its series.
    cost: usize,
}

pub(super) type Table = HashMap<Vec<u8>, Series>;

#[derive(Debug)]
pub(super) struct Store {
    groups: HashMap<Arc<[u8]>, Group>,
    /// By the time of their last use.
    order: BTreeMap<u64, Arc<[u8]>>,
    uses: u64,
}

// === impl Room ===

/// What series and groups cost.
impl Room {
    /// Charges what a series takes now.
    pub(super) fn charge(&mut self, key: usize, series: &mut Series) {
        let bytes = series.bytes() + key + ENTRY_BYTES;
        self.settle(&mut series.cost, bytes);
    }

    /// Charges a group of this key once.
    pub(super) fn charge_group(&mut self, key: usize, group: &mut Group) {
        if group.cost == 0 {
            let bytes = size_of::<Group>() + group.attributes.heap_bytes() + key + ENTRY_BYTES;
            self.settle(&mut group.cost, bytes);
        }
    }

    pub(super) fn release_group(&mut self, group: &Group) {
        self.give_back(group.cost);
        group.series().for_each(|series| self.release(series));
    }

    pub(super) fn release(&mut self, series: &Series) {
        self.give_back(series.cost);
    }
}

// === impl Store ===

impl Store {
    pub(super) fn new() -> Self {
        Self {
            groups: HashMap::new(),
            order: BTreeMap::new(),
            uses: 0,
        }
    }

    /// The series of a resource, made if there are none. Beyond `max` the one that was used least recently has to go
    /// once it has been sent. Where there is no more room for another, that of the empty key is it, which stands for
    /// all others.
    pub(super) fn group(
        &mut self,
        key: &[u8],
        (max, is_full): (usize, bool),
        make: impl FnOnce() -> Group,
    ) -> &mut Group {
        let key = match self.groups.get_key_value(key) {
            Some((key, _)) => Arc::clone(key),
            None if is_full => Arc::from([]),
            None => Arc::from(key),
        };
        let is_shared = key.is_empty();
        if !is_shared {
            self.uses += 1;
            let before = self.groups.get(&key).and_then(|group| group.used);
            if let Some(before) = before {
                self.order.remove(&before);
            }
            self.order.insert(self.uses, Arc::clone(&key));
            if self.order.len() > max
                && let Some((_, oldest)) = self.order.pop_first()
                && let Some(oldest) = self.groups.get_mut(&oldest)
            {
                oldest.used = None;
            }
        }
        let group = self.groups.entry_ref(&key).or_insert_with(make);
        if is_shared {
            group.attributes = KeyValues::default();
        } else {
            group.used = Some(self.uses);
        }
        group
    }

    pub(super) fn keyed(&mut self) -> impl Iterator<Item = (&[u8], &mut Group)> {
        self.groups
            .iter_mut()
            .map(|(key, group)| (key.as_ref(), group))
    }

    /// Forgets resources that have made room for others and those that `keeps` does not name.
    pub(super) fn retain(&mut self, room: &mut Room, keeps: impl Fn(&Group) -> bool) {
        let Self { groups, order, .. } = self;
        groups.retain(|key, group| {
            let stays = (key.is_empty() || group.used.is_some()) && keeps(group);
            if !stays {
                if let Some(used) = group.used {
                    order.remove(&used);
                }
                room.release_group(group);
            }
            stays
        });
    }

    pub(super) fn series(&self) -> usize {
        let tables = self.groups.values().flat_map(|group| &group.tables);
        tables.map(Table::len).sum()
    }

    /// Those for exemplars that wait in all series.
    pub(super) fn candidates(&self) -> usize {
        let series = self.groups.values().flat_map(Group::series);
        let own = series.filter_map(|series| series.candidates.as_ref());
        own.map(|own| own.len()).sum()
    }

    pub(super) fn forget_candidates(&mut self) {
        let groups = self.groups.values_mut();
        groups
            .flat_map(Group::series_mut)
            .for_each(|series| series.candidates = None);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

// === impl Group ===

impl Group {
    pub(super) fn new(attributes: KeyValues, tables: usize) -> Self {
        Self {
            attributes,
            tables: std::iter::repeat_with(Table::new).take(tables).collect(),
            last_seen: Duration::ZERO,
            used: None,
            cost: 0,
        }
    }

    pub(super) fn series(&self) -> impl Iterator<Item = &Series> {
        self.tables.iter().flat_map(Table::values)
    }

    pub(super) fn series_mut(&mut self) -> impl Iterator<Item = &mut Series> {
        self.tables.iter_mut().flat_map(Table::values_mut)
    }

    /// Each with the place of its table and its key there.
    pub(super) fn named(&mut self) -> impl Iterator<Item = (usize, &[u8], &mut Series)> {
        let tables = self.tables.iter_mut().enumerate();
        tables.flat_map(|(at, table)| {
            let series = table.iter_mut();
            series.map(move |(name, series)| (at, name.as_slice(), series))
        })
    }
}
