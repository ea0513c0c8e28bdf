//! When a delta series was sent last, for as many as are asked for, the latest ones.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap};

/// Times by series, which are known by a hash: of two that share one, the second would only be said to begin when the
/// first was sent.
#[derive(Debug)]
pub(super) struct Recent {
    hasher: DefaultHashBuilder,
    times: HashMap<u64, Sent>,
    /// By the turn in which they were noted.
    order: BTreeMap<u64, u64>,
    turn: u64,
    max: usize,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    unix_nanos: u64,
    turn: u64,
}

impl Recent {
    pub(super) fn new(max: usize) -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            times: HashMap::new(),
            order: BTreeMap::new(),
            turn: 0,
            max,
        }
    }

    /// Notes that a series was sent now, and says when it was before.
    pub(super) fn note(&mut self, series: (&[u8], usize, &[u8]), unix_nanos: u64) -> Option<u64> {
        let hash = self.hasher.hash_one(series);
        self.turn += 1;
        let sent = Sent {
            unix_nanos,
            turn: self.turn,
        };
        let before = self.times.insert(hash, sent);
        if let Some(before) = before {
            self.order.remove(&before.turn);
        }
        self.order.insert(self.turn, hash);
        self.resize(self.max);
        before.map(|before| before.unix_nanos)
    }

    pub(super) fn resize(&mut self, max: usize) {
        self.max = max;
        while self.order.len() > max
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.times.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_that_was_sent_longest_ago_is_forgotten() {
        let mut recent = Recent::new(2);
        let series = |name: &'static [u8]| (&b"resource"[..], 0, name);
        assert_eq!(recent.note(series(b"a"), 1), None);
        assert_eq!(recent.note(series(b"b"), 1), None);
        assert_eq!(recent.note(series(b"a"), 2), Some(1));
        assert_eq!(recent.note(series(b"c"), 2), None);
        assert_eq!(recent.note(series(b"b"), 3), None);
        assert_eq!(recent.note(series(b"c"), 3), Some(2));
    }
}
