//! What policies take over from those whose place they take.

use std::slice;
use std::time::Duration;

use super::config::{PolicyConfig, PolicyType};
use super::tell::Charter;
use super::{Policies, Policy};

/// What is used up and comes back with time.
pub(super) trait Rate {
    fn level(&self) -> Level;

    /// Is no fuller than one whose place it takes.
    fn inherit(&mut self, level: Level);
}

/// How much was left at a moment, as a part of the whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) struct Level {
    pub(super) share: f64,
    pub(super) at: Duration,
}

// === impl Policies ===

impl Policies {
    /// How far the rates of each policy are used up.
    pub(in super::super) fn levels(&mut self) -> Vec<Vec<Level>> {
        let levels = |policy: &mut Policy| {
            let rates = policy.rule.rates().into_iter();
            rates.map(|rate| rate.level()).collect()
        };
        self.list.iter_mut().map(levels).collect()
    }

    /// The rates of policies that were there `before` are no less used up than they were. A policy is known by its
    /// name and by the policies within, without which there is no telling which rate was which.
    pub(in super::super) fn inherit(&mut self, levels: &[Vec<Level>], before: &Charter) {
        let before = before.policies().iter().zip(levels);
        let now = self.charter.policies().iter();
        for (policy, config) in self.list.iter_mut().zip(now) {
            let levels = before
                .clone()
                .find(|(other, _)| config.takes_place_of(other));
            let levels = levels.into_iter().flat_map(|(_, levels)| levels);
            for (rate, level) in policy.rule.rates().into_iter().zip(levels) {
                rate.inherit(*level);
            }
        }
    }

    /// Where policies that were there `before` stand now, if they do.
    pub(in super::super) fn places(&self, before: &Charter) -> Vec<Option<u16>> {
        let place = |before: &PolicyConfig| {
            let mut list = self.list.iter();
            u16::try_from(list.position(|policy| policy.name == before.name())?).ok()
        };
        before.policies().iter().map(place).collect()
    }
}

// === impl PolicyConfig ===

impl PolicyConfig {
    /// The policies that this one asks.
    pub(super) fn within(&self) -> &[Self] {
        let within = match self.r#type {
            Some(PolicyType::And) => self.and.as_ref().map(|own| &own.and_sub_policy[..]),
            Some(PolicyType::Drop) => self.drop.as_ref().map(|own| &own.drop_sub_policy[..]),
            Some(PolicyType::Not) => {
                let own = self.not.as_ref();
                own.map(|own| slice::from_ref(&*own.not_sub_policy))
            }
            Some(PolicyType::Composite) => {
                let own = self.composite.as_ref();
                own.map(|own| &own.composite_sub_policy[..])
            }
            _ => None,
        };
        within.unwrap_or_default()
    }

    /// Whether both have the same names and types, down to the innermost.
    fn takes_place_of(&self, other: &Self) -> bool {
        let (own, others) = (self.within(), other.within());
        let is_like = self.name == other.name && self.r#type == other.r#type;
        let mut pairs = own.iter().zip(others);
        is_like && own.len() == others.len() && pairs.all(|(own, other)| own.takes_place_of(other))
    }
}
