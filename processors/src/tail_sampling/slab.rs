//! Values at numbered places, in chunks: a table that grows copies nothing, and one that shrinks gives memory back.

use super::ahead;

/// Places in a chunk. About 150 kB for traces: little beside what an idle process takes, and seldom asked for.
const CHUNK: usize = 1 << 10;

/// Where a value stands as long as it is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Slot(u32);

#[derive(Debug)]
pub(super) struct Slab<T> {
    chunks: Vec<Chunk<T>>,
    /// No chunk in front of this one has a free place.
    open: usize,
    len: usize,
}

#[derive(Debug)]
struct Chunk<T> {
    places: Vec<Place<T>>,
    /// The free place that is taken next, by its offset.
    free: Option<u16>,
    taken: usize,
}

#[derive(Debug)]
enum Place<T> {
    Taken(T),
    /// The next free place of the chunk.
    Free(Option<u16>),
}

// === impl Slab ===

impl<T> Slab<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of memory that the places take.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.len() * CHUNK * size_of::<Place<T>>()
    }

    /// Puts a value to the first chunk that has a place for it, so that the last chunks empty themselves.
    pub(super) fn insert(&mut self, value: T) -> Slot {
        while self.chunks.get(self.open).is_some_and(Chunk::is_full) {
            self.open += 1;
        }
        if self.open == self.chunks.len() {
            self.chunks.push(Chunk::default());
        }
        self.len += 1;
        let offset = self
            .chunks
            .get_mut(self.open)
            .map(|chunk| chunk.insert(value));
        Slot::new(self.open * CHUNK + offset.unwrap_or_default())
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&T> {
        let (chunk, offset) = slot.place();
        match self.chunks.get(chunk)?.places.get(offset)? {
            Place::Taken(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        let (chunk, offset) = slot.place();
        match self.chunks.get_mut(chunk)?.places.get_mut(offset)? {
            Place::Taken(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    /// Asks for the memory of a value.
    pub(super) fn ask_for(&self, slot: Slot) {
        let (chunk, offset) = slot.place();
        let chunk = self.chunks.get(chunk);
        if let Some(place) = chunk.and_then(|chunk| chunk.places.get(offset)) {
            ahead::ask_for(std::slice::from_ref(place));
        }
    }

    pub(super) fn remove(&mut self, slot: Slot) -> Option<T> {
        let (chunk, offset) = slot.place();
        let value = self.chunks.get_mut(chunk)?.remove(offset)?;
        self.open = self.open.min(chunk);
        self.len -= 1;
        // One empty chunk stays, for what comes next.
        while let [.., before, last] = &*self.chunks
            && before.taken + last.taken == 0
        {
            self.chunks.pop();
        }
        Some(value)
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            open: 0,
            len: 0,
        }
    }
}

// === impl Chunk ===

impl<T> Chunk<T> {
    fn is_full(&self) -> bool {
        self.taken == CHUNK
    }

    /// The offset at which the value stands now.
    fn insert(&mut self, value: T) -> usize {
        self.taken += 1;
        let Some(offset) = self.free.map(usize::from) else {
            self.places.push(Place::Taken(value));
            return self.places.len() - 1;
        };
        if let Some(place) = self.places.get_mut(offset)
            && let Place::Free(next) = std::mem::replace(place, Place::Taken(value))
        {
            self.free = next;
            // The next value comes to where one has been that is long gone.
            let next = next.and_then(|next| self.places.get(usize::from(next)));
            ahead::ask_for(next.as_slice());
        }
        offset
    }

    fn remove(&mut self, offset: usize) -> Option<T> {
        let place = self.places.get_mut(offset)?;
        if matches!(place, Place::Free(_)) {
            return None;
        }
        let free = Place::Free(self.free.replace(offset as u16));
        self.taken -= 1;
        match std::mem::replace(place, free) {
            Place::Taken(value) => Some(value),
            Place::Free(_) => None,
        }
    }
}

impl<T> Default for Chunk<T> {
    fn default() -> Self {
        Self {
            places: Vec::with_capacity(CHUNK),
            free: None,
            taken: 0,
        }
    }
}

// === impl Slot ===

impl Slot {
    /// Some four thousand million places are more than there is memory for.
    fn new(index: usize) -> Self {
        Self(index as u32)
    }

    /// The chunk, and the offset in it.
    fn place(self) -> (usize, usize) {
        let index = self.0 as usize;
        (index / CHUNK, index % CHUNK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stands_where_it_was_put_until_it_is_removed() {
        let mut slab = Slab::default();
        let slots: Vec<Slot> = (0..5000).map(|value| slab.insert(value)).collect();
        for (value, &slot) in slots.iter().enumerate().filter(|(value, _)| value % 3 == 0) {
            assert_eq!(slab.remove(slot), Some(value));
            assert_eq!(slab.remove(slot), None);
        }
        let again: Vec<Slot> = (5000..8000).map(|value| slab.insert(value)).collect();
        for (value, &slot) in slots.iter().enumerate().filter(|(value, _)| value % 3 != 0) {
            assert_eq!(slab.get(slot), Some(&value));
        }
        for (value, &slot) in (5000..).zip(&again) {
            assert_eq!(slab.get_mut(slot).copied(), Some(value));
        }
        assert_eq!(slab.len(), 5000 - 1667 + 3000);
    }

    #[test]
    fn memory_is_given_back_when_what_came_with_a_rush_has_gone() {
        let mut slab = Slab::default();
        let rush: Vec<Slot> = (0..100 * CHUNK).map(|value| slab.insert(value)).collect();
        let chunk = slab.bytes() / 100;
        // The newest of all stays for a while, and the values that come meanwhile take the places in front.
        let (last, others) = rush.split_last().unwrap();
        for &slot in others {
            slab.remove(slot);
        }
        for value in 0..CHUNK {
            slab.insert(value);
        }
        assert_eq!(slab.bytes(), 100 * chunk);
        slab.remove(*last);
        assert_eq!(slab.bytes(), 2 * chunk);
    }
}
