//! What was acknowledged against what arrived.

use std::collections::HashMap;
use std::fmt;

use crate::{Acked, ItemId};

/// Requests named in a verdict: enough to find the pattern, and readable in a test's output.
const MAX_NAMED: usize = 10;

/// All counts are items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Items of acknowledged requests.
    pub acknowledged: u64,
    /// Different items that arrived.
    pub arrived: u64,
    /// Acknowledged and never arrived: must be 0.
    pub lost: u64,
    /// Arrivals beyond the first of the same item.
    pub duplicated: u64,
    /// Arrived although their request was refused or never answered: allowed, a client would send
    /// them again.
    pub unacknowledged: u64,
    /// Arrived in a slot that an acknowledged request never had: somebody made it up.
    pub invented: u64,
    /// The first acknowledged requests that lost items, by number, with the items that they lost.
    pub losers: Vec<(u64, u64)>,
}

/// Compares the two; the order of both is free.
pub fn judge(acked: &[Acked], mut arrived: Vec<ItemId>) -> Verdict {
    let mut verdict = Verdict::default();
    let deliveries = arrived.len();
    arrived.sort_unstable();
    arrived.dedup();
    verdict.arrived = arrived.len() as u64;
    verdict.duplicated = (deliveries - arrived.len()) as u64;

    let mut missing: HashMap<u64, (u64, u64)> = acked
        .iter()
        .map(|acked| (acked.request, (acked.items, acked.items)))
        .collect();
    verdict.acknowledged = missing.values().map(|(items, _)| items).sum();
    for id in arrived {
        match missing.get_mut(&id.request()) {
            None => verdict.unacknowledged += 1,
            Some((items, _)) if u64::from(id.slot()) >= *items => verdict.invented += 1,
            Some((_, missing)) => *missing -= 1,
        }
    }
    let mut losers: Vec<(u64, u64)> = missing
        .into_iter()
        .filter(|(_, (_, missing))| *missing > 0)
        .map(|(request, (_, missing))| (request, missing))
        .collect();
    losers.sort_unstable();
    verdict.lost = losers.iter().map(|(_, missing)| missing).sum();
    losers.truncate(MAX_NAMED);
    verdict.losers = losers;
    verdict
}

impl Verdict {
    /// Everything acknowledged arrived, each item once, and nothing was made up.
    pub const fn is_exact(&self) -> bool {
        self.lost == 0 && self.duplicated == 0 && self.invented == 0
    }

    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "acknowledged": self.acknowledged,
            "arrived": self.arrived,
            "lost": self.lost,
            "duplicated": self.duplicated,
            "unacknowledged": self.unacknowledged,
            "invented": self.invented,
            "losers": self.losers,
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            acknowledged,
            arrived,
            lost,
            duplicated,
            unacknowledged,
            invented,
            losers,
        } = self;
        write!(
            f,
            "{acknowledged} items acknowledged, {arrived} arrived: {lost} lost, "
        )?;
        write!(
            f,
            "{duplicated} duplicated, {unacknowledged} unacknowledged, {invented} invented"
        )?;
        for (request, missing) in losers {
            write!(f, "; request {request} lost {missing}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests as (number, items), arrivals as (request, slot).
    fn check(acked: &[(u64, u64)], arrived: &[(u64, u16)], expected: Verdict) {
        let acked: Vec<_> = acked
            .iter()
            .map(|&(request, items)| Acked { request, items })
            .collect();
        let arrived = arrived
            .iter()
            .map(|&(request, slot)| ItemId::new(request, slot))
            .collect();
        assert_eq!(judge(&acked, arrived), expected);
    }

    #[test]
    fn what_arrived_once_in_any_order_is_not_lost() {
        let expected = Verdict {
            acknowledged: 3,
            arrived: 3,
            ..Verdict::default()
        };
        assert!(expected.is_exact());
        check(&[(1, 2), (2, 1)], &[(2, 0), (1, 1), (1, 0)], expected);
    }

    #[test]
    fn a_lost_item_is_found_with_its_request() {
        let expected = Verdict {
            acknowledged: 5,
            arrived: 2,
            lost: 3,
            losers: vec![(1, 1), (3, 2)],
            ..Verdict::default()
        };
        check(&[(1, 2), (2, 1), (3, 2)], &[(1, 1), (2, 0)], expected);
    }

    #[test]
    fn a_second_arrival_does_not_hide_a_loss() {
        let expected = Verdict {
            acknowledged: 2,
            arrived: 1,
            lost: 1,
            duplicated: 1,
            losers: vec![(7, 1)],
            ..Verdict::default()
        };
        check(&[(7, 2)], &[(7, 0), (7, 0)], expected);
    }

    #[test]
    fn unacknowledged_and_invented_items_are_told_apart() {
        let expected = Verdict {
            acknowledged: 1,
            arrived: 3,
            unacknowledged: 1,
            invented: 1,
            ..Verdict::default()
        };
        check(&[(1, 1)], &[(1, 0), (2, 0), (1, 5)], expected);
    }
}
