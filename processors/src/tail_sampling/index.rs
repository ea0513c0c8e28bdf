//! Where something stands, by the id of its trace.

use super::ahead;
use super::id::{IdHasher, TraceId};

/// Places by trace id, for tables that are too large for the caches of a processor: whoever looks something up, adds or
/// removes it waits for memory once.
///
/// The ids stand at the places, and those who ask compare them. Here are their hashes, in order: each stands where it
/// would in a table that is filled evenly, or behind that, next to its neighbours. So a table that is laid out anew is
/// read and written from front to back, and nothing that was removed leaves a trace.
#[derive(Debug)]
pub(super) struct Index<T> {
    /// In the order of their hashes, with free ones in between.
    cells: Vec<Cell<T>>,
    /// How many of them hashes may be meant for. Those behind are for what does not fit in front.
    homes: usize,
    len: usize,
    hasher: IdHasher,
}

#[derive(Clone, Copy, Debug)]
struct Cell<T> {
    /// [`FREE`] if nothing stands here.
    hash: u32,
    place: T,
}

/// Behind all others, so that a search ends there.
const FREE: u32 = u32::MAX;

/// Cells behind the last home. Hardly ever is anything as far as this from its own, and if so, some more are added.
const TAIL: usize = 64;

/// Cells that are compared at a time: as many as lie near when one does.
const AT_ONCE: usize = 8;

/// A table is fuller than 13 of 16 never, and emptier than one of eight only if it is small.
const FULL: (usize, usize) = (13, 16);
const EMPTY_PART: usize = 8;

impl<T: Copy + Default + PartialEq> Index<T> {
    /// The place at which this id stands, as the place itself says.
    pub(super) fn find(&self, id: &TraceId, mut is_it: impl FnMut(T) -> bool) -> Option<T> {
        self.candidates(id).find(|&place| is_it(place))
    }

    /// All places that may be those of a trace; hardly ever of another one.
    pub(super) fn candidates(&self, id: &TraceId) -> impl Iterator<Item = T> {
        let hash = self.hash(id);
        let from = self.cells.get(self.first(hash)..).unwrap_or_default();
        let cells = from.iter().take_while(move |cell| cell.hash == hash);
        cells.map(|cell| cell.place)
    }

    /// Adds a place that is not there yet.
    pub(super) fn insert(&mut self, id: &TraceId, place: T) {
        if self.is_full() {
            self.lay_out(self.homes_with_one_more());
        }
        let hash = self.hash(id);
        self.put(Cell { hash, place });
        self.len += 1;
    }

    pub(super) fn remove(&mut self, id: &TraceId, place: T) {
        let hash = self.hash(id);
        let first = self.first(hash);
        let from = self.cells.get(first..).unwrap_or_default();
        let mut cells = from.iter().take_while(|cell| cell.hash == hash);
        let Some(at) = cells.position(|cell| cell.place == place) else {
            return;
        };
        self.close(first + at);
        self.len -= 1;
        if self.len * EMPTY_PART < self.homes && self.homes > 16 * TAIL {
            self.lay_out(self.len * 2);
        }
    }

    /// Asks for the memory in which places of this trace are looked for, or put.
    pub(super) fn ask_for(&self, id: &TraceId) {
        if let Some(cell) = self.cells.get(self.home(self.hash(id))) {
            ahead::ask_for(std::slice::from_ref(cell));
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.cells.capacity() * size_of::<Cell<T>>()
    }

    /// With one place more.
    pub(super) fn bytes_with_one_more(&self) -> usize {
        if self.is_full() {
            (self.homes_with_one_more() + TAIL) * size_of::<Cell<T>>()
        } else {
            self.bytes()
        }
    }

    fn is_full(&self) -> bool {
        self.len >= self.homes / FULL.1 * FULL.0
    }

    fn homes_with_one_more(&self) -> usize {
        self.homes + (self.homes / 2).max(TAIL)
    }

    fn hash(&self, id: &TraceId) -> u32 {
        (self.hasher.hash(id) as u32).min(FREE - 1)
    }

    /// The cell that a hash is meant for.
    fn home(&self, hash: u32) -> usize {
        ((u64::from(hash) * self.homes as u64) >> 32) as usize
    }

    /// Where a hash stands, or would: from its home on, all that are smaller are side by side. Several are compared at
    /// a time, because where a search ends is not to be guessed.
    fn first(&self, hash: u32) -> usize {
        let mut at = self.home(hash);
        while let Some(cells) = self.cells.get(at..).and_then(<[_]>::first_chunk::<AT_ONCE>) {
            let before = cells
                .iter()
                .map(|cell| usize::from(cell.hash < hash))
                .sum::<usize>();
            at += before;
            if before < AT_ONCE {
                return at;
            }
        }
        let rest = self.cells.get(at..).unwrap_or_default();
        at + rest.iter().take_while(|cell| cell.hash < hash).count()
    }

    fn put(&mut self, cell: Cell<T>) {
        let at = self.first(cell.hash);
        let behind = self.cells.get(at..).unwrap_or_default();
        let run = behind.iter().take_while(|cell| cell.hash != FREE).count();
        if at + run == self.cells.len() {
            self.cells.reserve_exact(TAIL);
            self.cells.push(Cell::default());
        }
        self.cells.copy_within(at..at + run, at + 1);
        if let Some(free) = self.cells.get_mut(at) {
            *free = cell;
        }
    }

    /// Closes the gap that a cell leaves, with those behind it that are not where they are meant to be.
    fn close(&mut self, at: usize) {
        let behind = self.cells.get(at + 1..).unwrap_or_default().iter();
        let is_away =
            |(cell, at): &(&Cell<T>, usize)| cell.hash != FREE && self.home(cell.hash) < *at;
        let moved = behind.zip(at + 1..).take_while(is_away).count();
        self.cells.copy_within(at + 1..=at + moved, at);
        if let Some(last) = self.cells.get_mut(at + moved) {
            *last = Cell::default();
        }
    }

    /// Puts all where they are meant to be if hashes are for so many cells.
    fn lay_out(&mut self, homes: usize) {
        self.homes = homes;
        let new = vec![Cell::default(); homes + TAIL];
        let old = std::mem::replace(&mut self.cells, new);
        let mut next = 0;
        for cell in old.into_iter().filter(|cell| cell.hash != FREE) {
            let at = self.home(cell.hash).max(next);
            if at >= self.cells.len() {
                self.cells.reserve_exact(TAIL);
                self.cells.resize(at + 1, Cell::default());
            }
            if let Some(free) = self.cells.get_mut(at) {
                *free = cell;
            }
            next = at + 1;
        }
    }
}

impl<T> Default for Index<T> {
    fn default() -> Self {
        Self {
            cells: Vec::new(),
            homes: 0,
            len: 0,
            hasher: IdHasher::default(),
        }
    }
}

impl<T: Default> Default for Cell<T> {
    fn default() -> Self {
        Self {
            hash: FREE,
            place: T::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    fn id(number: u32) -> TraceId {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_le_bytes());
        id
    }

    fn found(index: &Index<u32>, number: u32) -> Option<u32> {
        index.find(&id(number), |place| place == number)
    }

    #[test]
    fn what_was_put_is_found_until_it_is_removed() {
        let mut index = Index::default();
        let mut known = HashSet::new();
        let mut state = 1_u32;
        for round in 0..200_000_u32 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Comes to about 20,000 of them, goes to none, and comes again.
            let number = (state >> 8) % 40_000;
            if (state >> 4) % 100 < if round / 50_000 % 2 == 0 { 80 } else { 10 } {
                if known.insert(number) {
                    index.insert(&id(number), number);
                }
            } else if known.remove(&number) {
                index.remove(&id(number), number);
            }
            assert_eq!(found(&index, number).is_some(), known.contains(&number));
        }
        for number in 0..40_000 {
            let expected = known.contains(&number).then_some(number);
            assert_eq!(found(&index, number), expected);
        }
        assert_eq!(index.len, known.len());
    }

    #[test]
    fn several_places_of_one_trace_are_told_apart() {
        let mut index = Index::default();
        for place in 0..20 {
            index.insert(&id(7), place);
        }
        index.remove(&id(7), 3);
        let places: HashMap<u32, ()> = index.candidates(&id(7)).map(|place| (place, ())).collect();
        assert_eq!(places.len(), 19);
        assert!(!places.contains_key(&3));
        assert_eq!(index.find(&id(7), |place| place == 19), Some(19));
    }

    #[test]
    fn memory_follows_what_is_there() {
        let mut index = Index::default();
        assert_eq!(index.bytes(), 0);
        for number in 0..100_000 {
            index.insert(&id(number), number);
        }
        let full = index.bytes();
        assert!(full < 100_000 * 16, "{full}");
        for number in 10..100_000 {
            index.remove(&id(number), number);
        }
        assert!(index.bytes() < full / 16, "{}", index.bytes());
        assert_eq!(found(&index, 9), Some(9));
    }
}
