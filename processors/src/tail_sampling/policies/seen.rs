//! What is known of a span beside its trace: where it stands, what is asked of it, and which conditions have been seen.

use otlp::view::{ResourceGroup, ScopeGroup, Span};
use ottl::Scene;
use smallvec::{SmallVec, smallvec};

/// What is asked of every span.
#[derive(Clone, Copy)]
pub(in super::super) struct Glimpse {
    /// Nanoseconds since the epoch.
    pub(super) start: u64,
    pub(super) end: u64,
    pub(in super::super) is_root: bool,
    pub(super) is_error: bool,
}

/// Where a span stands.
pub(in super::super) struct Around<'x, 'a> {
    pub(in super::super) resource: &'x ResourceGroup<'a>,
    pub(in super::super) scope: &'x ScopeGroup<'a>,
    /// What the resource shows.
    pub(in super::super) found: &'x Finds,
}

/// The conditions that hold for one resource or span, each with the number of what was found, in the order in which
/// they were found.
pub(in super::super) type Finds = SmallVec<[(usize, u64); 4]>;

/// Which conditions have been seen, a bit each; behind the bits, from the back, the numbers of what was found. Two
/// words take no more room than a pointer with a length would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Seen(SmallVec<[u64; 2]>);

// === impl Around ===

impl<'a> Around<'_, 'a> {
    pub(super) fn scene<'s>(&'s self, span: &'s Span<'a>) -> Scene<'s> {
        Scene {
            resource: self.resource,
            scope: self.scope,
            span,
            event: None,
        }
    }
}

// === impl Seen ===

impl Seen {
    /// Of so many conditions and numbers.
    pub(super) fn none(conditions: usize, numbers: usize) -> Self {
        Self(smallvec![0; conditions.div_ceil(64).max(1) + numbers])
    }

    pub(super) fn has(&self, condition: usize) -> bool {
        let word = self.0.get(condition / 64);
        word.is_some_and(|word| word >> (condition % 64) & 1 != 0)
    }

    pub(super) fn add(&mut self, condition: usize) {
        if let Some(word) = self.0.get_mut(condition / 64) {
            *word |= 1 << (condition % 64);
        }
    }

    /// The number at a place that a condition was given.
    pub(super) fn number(&self, place: Option<usize>) -> Option<u64> {
        let at = self.0.len().checked_sub(place? + 1)?;
        self.0.get(at).copied()
    }

    pub(super) fn set_number(&mut self, place: Option<usize>, number: u64) {
        let at = place.and_then(|place| self.0.len().checked_sub(place + 1));
        if let Some(word) = at.and_then(|at| self.0.get_mut(at)) {
            *word = number;
        }
    }
}
