//! What a back end refuses for good is sent again in halves, until what it will not have is alone.
//!
//! ```text
//! 8 requests, the 6th is bad:   ········ ✗ ─▶ ···· ✓  ···· ✗ ─▶ ·· ✗  ·· ✓ ─▶ · ✓  · ✗ dropped
//! ```
//! Of *n* requests sent together each travels at most log2(*n*) + 1 times. The attempts of one level come before those
//! of the next, so that the innocent half is delivered early, and a back end that takes nothing at all is told from one
//! that has found something bad.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ledger::{Budget, Reason};

use super::cut::Limit;
use super::entry::Entry;

/// Attempts without a delivery after which the rest is given up too. A batch of up to 256 requests is searched to the
/// end; of a larger one, each of 256 parts has been refused by then.
const FRUITLESS_MAX: u32 = 512;

/// How long a search may take, waits for a busy back end included: as long as retries do unless told otherwise.
const SEARCH_MAX: Duration = Duration::from_secs(300);

/// One search, shared by all pieces of the refused batch.
#[derive(Debug)]
pub(super) struct Search {
    until: Duration,
    /// Attempts that may still fail before anything is delivered.
    left: Cell<u32>,
    delivered: Cell<bool>,
    /// What the back end said last.
    last: RefCell<(Reason, String)>,
}

/// The searches of one exporter.
#[derive(Debug, Default)]
pub(super) struct Searches {
    /// The last search found nothing that the back end takes, and it has taken nothing since. As long as that is so,
    /// each batch is searched no longer than it takes to find one bad request.
    in_vain: bool,
}

/// How a refused entry goes on.
pub(super) enum Next {
    Pieces(Vec<Entry>),
    /// Nothing is left to be cut, or the search has been given up.
    End(Entry),
}

impl Searches {
    /// The back end has taken this entry.
    pub(super) fn delivered(&mut self, entry: &Entry) {
        self.in_vain = false;
        if let Some(search) = &entry.search {
            search.delivered.set(true);
        }
    }

    /// The back end has refused this entry for good.
    pub(super) fn refused(
        &mut self,
        mut entry: Entry,
        (reason, text): (Reason, &str),
        now: Duration,
        budget: &Arc<Budget>,
    ) -> Next {
        let by_requests = entry.batch.chunks().len() > 1;
        let by_items = reason == Reason::TooLarge && entry.batch.items() > 1;
        let cuttable =
            matches!(reason, Reason::Invalid | Reason::TooLarge) && (by_requests || by_items);
        if cuttable && entry.search.is_none() {
            entry.batch.sort_by_sender();
            entry.search = Some(Rc::new(self.begin(&entry, reason, now)));
        }
        if let Some(search) = &entry.search {
            search.left.set(search.left.get().saturating_sub(1));
            *search.last.borrow_mut() = (reason, text.to_owned());
            if self.is_over(search, now) {
                return Next::End(entry);
            }
        }
        if !cuttable {
            return Next::End(entry);
        }
        if by_requests {
            return Next::Pieces(entry.halves().into());
        }
        let half = entry.batch.items().div_ceil(2);
        let limit = Limit::Items(usize::try_from(half).unwrap_or(usize::MAX));
        let mut pieces: Vec<_> = entry.cut(limit, budget).collect();
        match pieces.len() {
            // It cannot be read, so it cannot be cut.
            1 => pieces.pop().map_or(Next::Pieces(Vec::new()), Next::End),
            _ => Next::Pieces(pieces),
        }
    }

    /// Why an entry must not be tried any more.
    pub(super) fn verdict(&mut self, entry: &Entry, now: Duration) -> Option<(Reason, String)> {
        let search = entry.search.as_ref()?;
        if !self.is_over(search, now) {
            return None;
        }
        let (reason, text) = &*search.last.borrow();
        let text = format!("given up with all that it was sent with: {text}");
        Some((*reason, text))
    }

    fn begin(&self, entry: &Entry, reason: Reason, now: Duration) -> Search {
        let parts = match reason {
            Reason::TooLarge => entry.batch.items(),
            _ => entry.batch.chunks().len() as u64,
        };
        let parts = parts.clamp(1, u64::from(u32::MAX));
        let one_bad = 2 * (parts.ilog2() + 1);
        let all_bad = u32::try_from(2 * parts - 1).unwrap_or(u32::MAX);
        let most = if self.in_vain { one_bad } else { FRUITLESS_MAX };
        Search {
            until: now + SEARCH_MAX,
            left: Cell::new(most.min(all_bad)),
            delivered: Cell::new(false),
            last: RefCell::new((reason, String::new())),
        }
    }

    fn is_over(&mut self, search: &Search, now: Duration) -> bool {
        let in_vain = search.left.get() == 0 && !search.delivered.get();
        self.in_vain |= in_vain;
        in_vain || now >= search.until
    }
}
