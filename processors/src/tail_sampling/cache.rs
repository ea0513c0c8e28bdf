//! What was decided, for the spans that come late.

use std::collections::VecDeque;

use hashbrown::HashMap;

use super::policies::TraceId;

/// Traces that are remembered where the configuration says nothing: about 30 MB for both kinds together.
const REMEMBERED_DEFAULT: usize = 250_000;

/// Verdicts by trace, of which the oldest are forgotten.
#[derive(Debug)]
pub(super) struct Cache {
    sampled: Kind,
    others: Kind,
    verdicts: HashMap<TraceId, Verdict>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Sampled,
    /// Not sampled, dropped by a policy, or too large.
    Ended,
}

/// The traces of one kind, the oldest first.
#[derive(Debug)]
struct Kind {
    ids: VecDeque<TraceId>,
    max: usize,
}

// === impl Cache ===

impl Cache {
    /// Sizes of 0 are the default.
    pub(super) fn new(sampled_max: usize, others_max: usize) -> Self {
        Self {
            sampled: Kind::new(sampled_max),
            others: Kind::new(others_max),
            verdicts: HashMap::new(),
        }
    }

    pub(super) fn get(&self, id: &TraceId) -> Option<Verdict> {
        self.verdicts.get(id).copied()
    }

    pub(super) fn remember(&mut self, id: TraceId, verdict: Verdict) {
        if self.verdicts.insert(id, verdict).is_some() {
            return;
        }
        let kind = match verdict {
            Verdict::Sampled => &mut self.sampled,
            Verdict::Ended => &mut self.others,
        };
        kind.ids.push_back(id);
        if kind.ids.len() > kind.max
            && let Some(oldest) = kind.ids.pop_front()
        {
            self.verdicts.remove(&oldest);
        }
    }
}

// === impl Kind ===

impl Kind {
    fn new(max: usize) -> Self {
        Self {
            ids: VecDeque::new(),
            max: if max == 0 { REMEMBERED_DEFAULT } else { max },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_a_kind_is_forgotten_first() {
        let mut cache = Cache::new(2, 1);
        use Verdict::{Ended, Sampled};
        for (byte, verdict) in (1..).zip([Sampled, Sampled, Ended, Sampled, Ended]) {
            cache.remember([byte; 16], verdict);
        }
        let remembered: Vec<u8> = (1..=5)
            .filter(|&byte| cache.get(&[byte; 16]).is_some())
            .collect();
        assert_eq!(remembered, [2, 4, 5]);
    }
}
