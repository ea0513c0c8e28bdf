//! When each resource was told of last, so that `target_info` never goes back in time.
//!
//! A sample that is older than the last one of its series makes Prometheus refuse all of a request. The points of a
//! resource come in several batches, and those of a later one may be older.

use std::hash::{BuildHasher, Hash, Hasher};

use hashbrown::{DefaultHashBuilder, HashMap};

/// Resources that are remembered, in a megabyte and a half. Beyond, all are forgotten, which only matters where points
/// come late.
const TARGETS_MAX: usize = 65_536;

#[derive(Default)]
pub(super) struct Targets {
    hasher: DefaultHashBuilder,
    /// Milliseconds since the Unix epoch, by a hash of the labels.
    newest: HashMap<u64, i64>,
}

impl Targets {
    /// Whether the resource with these labels was told of no later than now; notes that it is.
    pub(super) fn follows<'a>(&mut self, labels: impl Iterator<Item = &'a str>, time: i64) -> bool {
        let mut hasher = self.hasher.build_hasher();
        labels.for_each(|text| text.hash(&mut hasher));
        if self.newest.len() >= TARGETS_MAX {
            self.newest.clear();
        }
        let newest = self.newest.entry(hasher.finish()).or_insert(time);
        let follows = *newest <= time;
        *newest = time.max(*newest);
        follows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_resources_are_remembered_than_there_is_room_for() {
        let mut targets = Targets::default();
        for number in 0..TARGETS_MAX + 10 {
            let pod = number.to_string();
            assert!(targets.follows(["pod", &pod].into_iter(), 2));
            // Of the one before, what is known is kept, unless all has been forgotten meanwhile.
            assert!(!targets.follows(["pod", &pod].into_iter(), 1) || targets.newest.len() == 1);
        }
        assert!(
            targets.newest.len() <= TARGETS_MAX,
            "{}",
            targets.newest.len()
        );
    }
}
