//! Values in the order in which they came, in chunks: one that grows copies nothing, and all memory is written once.

use std::collections::VecDeque;

/// Values in a chunk: few, since a shard may have a bound of some KiB.
const CHUNK: usize = 1 << 7;

/// Values are added behind and taken in front, and found by how many are before them.
#[derive(Debug)]
pub(super) struct Queue<T> {
    /// All but the last are full.
    chunks: VecDeque<Vec<T>>,
    /// Of the first chunk, how many have been taken.
    taken: usize,
    len: usize,
}

impl<T: Copy> Queue<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.len() * CHUNK * size_of::<T>()
    }

    /// With one value more.
    pub(super) fn bytes_with_one_more(&self) -> usize {
        self.bytes() + usize::from(self.is_full()) * CHUNK * size_of::<T>()
    }

    pub(super) fn push(&mut self, value: T) {
        if self.is_full() {
            self.chunks.push_back(Vec::with_capacity(CHUNK));
        }
        if let Some(last) = self.chunks.back_mut() {
            last.push(value);
            self.len += 1;
        }
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let value = *self.first()?;
        self.taken += 1;
        self.len -= 1;
        if self.taken == CHUNK || self.len == 0 {
            self.chunks.pop_front();
            self.taken = 0;
        }
        Some(value)
    }

    pub(super) fn first(&self) -> Option<&T> {
        self.get(0)
    }

    pub(super) fn get(&self, at: usize) -> Option<&T> {
        let at = self.taken + at;
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        let at = self.taken + at;
        self.chunks.get_mut(at / CHUNK)?.get_mut(at % CHUNK)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten().skip(self.taken)
    }

    fn is_full(&self) -> bool {
        self.chunks.back().is_none_or(|last| last.len() == CHUNK)
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            chunks: VecDeque::new(),
            taken: 0,
            len: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_as_they_came_and_are_found_by_their_place() {
        let mut queue = Queue::default();
        let (mut next, mut first) = (0, 0);
        for step in 0..10 * CHUNK {
            queue.push(next);
            next += 1;
            if step % 3 != 0 {
                assert_eq!(queue.pop(), Some(first));
                first += 1;
            }
            assert_eq!(queue.first().copied(), (first < next).then_some(first));
            assert_eq!(queue.len(), next - first);
        }
        *queue.get_mut(1).unwrap() += next;
        assert_eq!(queue.get(1), Some(&(first + 1 + next)));
        *queue.get_mut(1).unwrap() -= next;
        assert_eq!(queue.get(queue.len() - 1), Some(&(next - 1)));
        assert_eq!(queue.get(queue.len()), None);
        assert!(queue.iter().copied().eq(first..next));
        while queue.pop().is_some() {}
        assert_eq!(queue.bytes(), 0);
    }
}
