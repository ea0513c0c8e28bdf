//! What was decided, for the spans that come late.

use std::sync::Arc;
use std::time::Duration;

use ledger::{Budget, Lease};

use super::config::{DecisionCache, divided};
use super::id::TraceId;
use super::index::Index;
use super::queue::Queue;

/// Memory for the decisions where the configuration gives no number: 1,800,000 of them, those of ten minutes at 3,000
/// traces a second. In a small process it is one part in [`BYTES_PART`] of the budget.
const BYTES_MAX: u64 = 64 << 20;
const BYTES_PART: u64 = 32;

/// In the place of a policy.
const NOBODY: u16 = u16::MAX;

/// Verdicts by trace, of which those are forgotten first that were made first and that nobody has asked for since.
#[derive(Debug)]
pub(super) struct Cache {
    sampled: Kind,
    ended: Kind,
    /// For the kinds without a number of their own, together.
    bytes_max: u64,
    lease: Lease,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Sampled,
    /// Not sampled, dropped by a policy, or too large.
    Ended,
}

/// What is known of a trace that is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decided {
    pub(super) verdict: Verdict,
    /// The policy that keeps the trace, by its place.
    pub(super) policy: Option<u16>,
    /// On the service's clock, in whole seconds.
    pub(super) at: Duration,
}

/// The traces of one kind.
#[derive(Debug)]
struct Kind {
    verdict: Verdict,
    /// The oldest first.
    entries: Queue<Entry>,
    /// The number of the first of them; they are numbered as they come.
    first: u32,
    by_id: Index<u32>,
    /// Of entries; `None`: as many as the bytes allow.
    max: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    id: TraceId,
    /// Seconds on the service's clock.
    at: u32,
    /// [`NOBODY`] where no policy decided.
    policy: u16,
    /// A span came since the entry took its place.
    was_asked_for: bool,
}

// === impl Cache ===

impl Cache {
    /// A shard has its part of all limits.
    pub(super) fn new(config: &DecisionCache, parts: u32, budget: &Arc<Budget>) -> Self {
        let part = |size: usize| divided(size as u64, parts) as usize;
        let bytes_max = BYTES_MAX.min(budget.whole() / BYTES_PART);
        Self {
            sampled: Kind::new(Verdict::Sampled, part(config.sampled_cache_size)),
            ended: Kind::new(Verdict::Ended, part(config.non_sampled_cache_size)),
            bytes_max: divided(bytes_max, parts),
            lease: budget.lease(),
        }
    }

    /// What was decided of a trace. Whoever is asked for is remembered longer.
    pub(super) fn get(&mut self, id: &TraceId) -> Option<Decided> {
        let mut kinds = [&mut self.sampled, &mut self.ended].into_iter();
        kinds.find_map(|kind| kind.get(id))
    }

    /// The same for those who only want to know.
    pub(super) fn peek(&self, id: &TraceId) -> Option<Decided> {
        let mut kinds = [&self.sampled, &self.ended].into_iter();
        kinds.find_map(|kind| Some(kind.decided(kind.entries.get(kind.find(id)?)?)))
    }

    /// Asks for the memory in which a trace is looked for, or remembered.
    pub(super) fn ask_for(&self, id: &TraceId) {
        self.sampled.by_id.ask_for(id);
        self.ended.by_id.ask_for(id);
    }

    /// Remembers what was decided of a trace of which nothing is known.
    pub(super) fn remember(&mut self, id: TraceId, decided: Decided) {
        let kind = match decided.verdict {
            Verdict::Sampled => &mut self.sampled,
            Verdict::Ended => &mut self.ended,
        };
        kind.push(Entry {
            id,
            at: decided.at.as_secs() as u32,
            policy: decided.policy.unwrap_or(NOBODY),
            was_asked_for: false,
        });
        while kind.max.is_some_and(|max| kind.entries.len() > max) {
            kind.forget_one();
        }
        while self.free_bytes() > self.bytes_max {
            let kinds = [&mut self.sampled, &mut self.ended];
            let free = kinds.into_iter().filter(|kind| kind.max.is_none());
            let oldest = free.min_by_key(|kind| kind.entries.first().map_or(u32::MAX, |e| e.at));
            if !oldest.is_some_and(|kind| kind.forget_one()) {
                break;
            }
        }
        self.lease.resize(self.sampled.bytes() + self.ended.bytes());
    }

    /// Takes all decisions out.
    pub(super) fn take_all(&mut self) -> Vec<(TraceId, Decided)> {
        let mut all = Vec::new();
        for kind in [&mut self.sampled, &mut self.ended] {
            let entries = std::mem::take(&mut kind.entries);
            all.extend(entries.iter().map(|entry| (entry.id, kind.decided(entry))));
            kind.by_id = Index::default();
        }
        self.lease.resize(0);
        all
    }

    /// Of the kinds without a number of their own, once they have grown for one entry more.
    fn free_bytes(&self) -> u64 {
        let kinds = [&self.sampled, &self.ended].into_iter();
        let free = kinds.filter(|kind| kind.max.is_none());
        free.map(Kind::bytes_with_one_more).sum()
    }
}

// === impl Kind ===

impl Kind {
    /// A size of 0 is none.
    fn new(verdict: Verdict, max: usize) -> Self {
        Self {
            verdict,
            entries: Queue::default(),
            first: 0,
            by_id: Index::default(),
            max: (max > 0).then_some(max),
        }
    }

    fn get(&mut self, id: &TraceId) -> Option<Decided> {
        let at = self.find(id)?;
        let entry = self.entries.get_mut(at)?;
        entry.was_asked_for = true;
        let entry = *entry;
        Some(self.decided(&entry))
    }

    fn find(&self, id: &TraceId) -> Option<usize> {
        let at = |number: u32| number.wrapping_sub(self.first) as usize;
        let number = self.by_id.find(id, |number| {
            let entry = self.entries.get(at(number));
            entry.is_some_and(|entry| entry.id == *id)
        });
        number.map(at)
    }

    fn decided(&self, entry: &Entry) -> Decided {
        Decided {
            verdict: self.verdict,
            policy: (entry.policy != NOBODY).then_some(entry.policy),
            at: Duration::from_secs(entry.at.into()),
        }
    }

    fn push(&mut self, entry: Entry) {
        let number = self.first.wrapping_add(self.entries.len() as u32);
        self.entries.push(entry);
        self.by_id.insert(&entry.id, number);
    }

    /// Forgets the oldest entry that nobody has asked for; those before it take their place behind the others. Says
    /// whether there was one to forget.
    fn forget_one(&mut self) -> bool {
        while let Some(entry) = self.entries.pop() {
            let number = self.first;
            self.first = number.wrapping_add(1);
            self.by_id.remove(&entry.id, number);
            if !entry.was_asked_for {
                return true;
            }
            self.push(Entry {
                was_asked_for: false,
                ..entry
            });
        }
        false
    }

    fn bytes(&self) -> u64 {
        (self.entries.bytes() + self.by_id.bytes()) as u64
    }

    /// With one entry more.
    fn bytes_with_one_more(&self) -> u64 {
        (self.entries.bytes_with_one_more() + self.by_id.bytes_with_one_more()) as u64
    }
}

#[cfg(test)]
mod tests {
    use Verdict::{Ended, Sampled};

    use super::*;

    fn cache(sampled: usize, ended: usize, budget: &Arc<Budget>) -> Cache {
        let config = DecisionCache {
            sampled_cache_size: sampled,
            non_sampled_cache_size: ended,
        };
        Cache::new(&config, 1, budget)
    }

    fn decided(verdict: Verdict, second: u32) -> Decided {
        Decided {
            verdict,
            policy: None,
            at: Duration::from_secs(second.into()),
        }
    }

    fn id(number: u32) -> TraceId {
        let mut id = [7; 16];
        id[..4].copy_from_slice(&number.to_le_bytes());
        id
    }

    fn remembered(cache: &mut Cache, numbers: std::ops::Range<u32>) -> Vec<u32> {
        numbers.filter(|&at| cache.get(&id(at)).is_some()).collect()
    }

    #[test]
    fn the_oldest_of_a_kind_is_forgotten_first() {
        let mut cache = cache(2, 1, &Budget::new(1 << 30));
        for (number, verdict) in (1..).zip([Sampled, Sampled, Ended, Sampled, Ended]) {
            cache.remember(id(number), decided(verdict, number));
        }
        assert_eq!(cache.get(&id(5)), Some(decided(Ended, 5)));
        assert_eq!(remembered(&mut cache, 1..6), [2, 4, 5]);
    }

    #[test]
    fn a_trace_whose_spans_still_come_is_remembered_longer() {
        let mut cache = cache(10, 10, &Budget::new(1 << 30));
        for number in 0..1000 {
            cache.remember(id(number), decided(Sampled, 0));
            assert!(cache.get(&id(0)).is_some(), "after {number} others");
        }
        assert_eq!(remembered(&mut cache, 1..1000).len(), 9);
    }

    #[test]
    fn a_small_bound_is_made_use_of() {
        for bytes in [32 << 10, 48 << 10, 64 << 10, 96 << 10] {
            let mut cache = cache(0, 0, &Budget::new(bytes * BYTES_PART));
            for number in 0..20_000 {
                let verdict = if number % 10 == 0 { Sampled } else { Ended };
                cache.remember(id(number), decided(verdict, number));
                assert!(cache.sampled.bytes() + cache.ended.bytes() <= bytes);
                // Of a kind that is hardly ever met, some of the last may be gone already.
                let known = 1 + cache.sampled.entries.len() + cache.ended.entries.len();
                let enough = (bytes / 200).min(u64::from(number)) as usize;
                assert!(known >= enough, "{known} of {number} in {bytes}");
            }
        }
    }

    #[test]
    fn without_numbers_both_kinds_reach_back_equally_far_within_a_bound_on_bytes() {
        let budget = Budget::new(32 << 20);
        let mut cache = cache(0, 0, &budget);
        for number in 0..100_000 {
            let verdict = if number % 10 == 0 { Sampled } else { Ended };
            cache.remember(id(number), decided(verdict, number));
            assert!(budget.used() <= 1 << 20, "{}", budget.used());
        }
        let remembered = remembered(&mut cache, 0..100_000);
        let oldest = remembered[0];
        assert_eq!(remembered, (oldest..100_000).collect::<Vec<_>>());
        assert!(remembered.len() > (1 << 20) / 60, "{}", remembered.len());
        drop(cache);
        assert_eq!(budget.used(), 0);
    }
}
