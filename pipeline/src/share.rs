//! A sender's claim on an answer: which part of its request is where, and the worst that became of it.

use std::sync::{Arc, Mutex, PoisonError};

use ledger::Reason;
use tokio::sync::oneshot;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// Delivered but for so many items, which a destination did not take and would not take later. Zero: it has
    /// rejected some of those that were sent together with these, and nobody can tell whose.
    Partial {
        rejected: u64,
        reason: Reason,
    },
    /// Given up, and the same request may succeed later.
    Retryable(Reason),
    /// Given up, and the same request would fail again, or arrive twice where it has arrived already.
    Permanent(Reason),
}

/// Why a destination takes part of a request and not the rest: only these make a [`Outcome::Partial`], and it says to
/// its sender which.
const PARTIAL_REASONS: [Reason; 3] = [Reason::Invalid, Reason::TooLarge, Reason::PartialSuccess];

/// One holder's share of a request. Split and fan-out clone it, merging moves it; the sender is answered when the last
/// share has ended. A share that is dropped without a word counts as lost in this process.
#[derive(Clone, Debug)]
pub struct Share {
    pending: Arc<Pending>,
    ended: bool,
}

#[derive(Debug)]
struct Pending {
    /// Items of the whole request.
    items: u64,
    /// The sender waits whatever comes before the exporters.
    promised: bool,
    ends: Mutex<Ends>,
    answer: Mutex<Option<oneshot::Sender<Outcome>>>,
}

/// What is known of the ends so far.
#[derive(Debug, Default)]
struct Ends {
    /// Some exporter has delivered some of it.
    delivered: bool,
    /// Items that a destination did not take, and the last reason of [`PARTIAL_REASONS`].
    rejected: u64,
    partial: Option<Reason>,
    /// The worst of all other failures.
    failed: Option<(Retry, Reason)>,
}

/// From mild to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Retry {
    Later,
    Never,
}

// === impl Share ===

impl Share {
    /// A share of a whole request, and the future that answers its sender.
    pub fn new(items: u64) -> (Self, oneshot::Receiver<Outcome>) {
        Self::open(items, false)
    }

    /// A share for a sender who was promised to be told of the delivery: nobody lets go of it on the way.
    pub(crate) fn promised(items: u64) -> (Self, oneshot::Receiver<Outcome>) {
        Self::open(items, true)
    }

    fn open(items: u64, promised: bool) -> (Self, oneshot::Receiver<Outcome>) {
        let (sender, receiver) = oneshot::channel();
        let pending = Pending {
            items,
            promised,
            ends: Mutex::default(),
            answer: Mutex::new(Some(sender)),
        };
        let share = Self {
            pending: Arc::new(pending),
            ended: false,
        };
        (share, receiver)
    }

    pub(crate) fn is_promised(&self) -> bool {
        self.pending.promised
    }

    /// Ends this share without a word: others answer for it, or nobody waits for what follows.
    pub fn release(mut self) {
        self.ended = true;
    }

    /// Ends this share of so many items. Once an exporter has delivered one, the sender must not send the same request
    /// again, whatever becomes of the other shares: this back end would have it twice.
    pub(crate) fn end(mut self, items: u64, outcome: Outcome) {
        self.pending.note(items, outcome);
        self.ended = true;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if !self.ended {
            let lost = Outcome::Retryable(Reason::Shutdown);
            self.pending.note(0, lost);
        }
    }
}

// === impl Pending ===

impl Pending {
    fn note(&self, items: u64, outcome: Outcome) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = match outcome {
            Outcome::Delivered => return ends.delivered = true,
            Outcome::Partial { rejected, reason } => {
                ends.delivered = true;
                ends.rejected += rejected;
                return ends.partial = Some(reason);
            }
            Outcome::Permanent(reason) if PARTIAL_REASONS.contains(&reason) => {
                ends.rejected += items;
                return ends.partial = Some(reason);
            }
            Outcome::Permanent(reason) => (Retry::Never, reason),
            Outcome::Retryable(reason) => (Retry::Later, reason),
        };
        ends.failed = ends.failed.max(Some(failed));
    }
}

impl Ends {
    fn outcome(&self, items: u64) -> Outcome {
        match (self.failed, self.partial) {
            // What is in part settled must not come again, also if the settling was a rejection for good.
            (Some((Retry::Later, reason)), None) if !self.delivered => Outcome::Retryable(reason),
            (Some((_, reason)), _) => Outcome::Permanent(reason),
            (None, None) => Outcome::Delivered,
            // A back end that has answered with a partial success has said how much of it was rejected: maybe all.
            (None, Some(reason)) if self.rejected < items || reason == Reason::PartialSuccess => {
                Outcome::Partial {
                    rejected: self.rejected.min(items),
                    reason,
                }
            }
            (None, Some(reason)) => Outcome::Permanent(reason),
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let ends = self.ends.get_mut().unwrap_or_else(PoisonError::into_inner);
        let outcome = ends.outcome(self.items);
        let answer = self
            .answer
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = answer.take() {
            // A sender that no longer waits has gone; the books know the outcome anyway.
            let _ = answer.send(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends shares of ten items each, of a request of as many items as said.
    fn check(items: u64, ends: &[Option<Outcome>], expected: Outcome) {
        let (share, mut answer) = Share::new(items);
        let shares: Vec<_> = ends.iter().map(|_| share.clone()).collect();
        share.release();
        for (share, end) in shares.into_iter().zip(ends) {
            assert!(
                answer.try_recv().is_err(),
                "answered before the last share ended"
            );
            match end {
                Some(outcome) => share.end(10, *outcome),
                None => drop(share),
            }
        }
        assert_eq!(answer.try_recv(), Ok(expected));
    }

    const DELIVERED: Option<Outcome> = Some(Outcome::Delivered);
    const INVALID: Outcome = Outcome::Permanent(Reason::Invalid);
    const REFUSED: Outcome = Outcome::Permanent(Reason::Permanent);
    const BUSY: Outcome = Outcome::Retryable(Reason::RetriesExhausted);

    fn partial(rejected: u64, reason: Reason) -> Outcome {
        Outcome::Partial { rejected, reason }
    }

    #[test]
    fn the_worst_outcome_of_all_shares_is_the_answer() {
        check(10, &[DELIVERED], Outcome::Delivered);
        check(10, &[Some(BUSY), Some(BUSY)], BUSY);
        check(10, &[Some(REFUSED), Some(BUSY)], REFUSED);
        check(10, &[Some(REFUSED), Some(INVALID), DELIVERED], REFUSED);
    }

    #[test]
    fn what_one_exporter_has_settled_is_not_asked_for_again() {
        let expected = Outcome::Permanent(Reason::RetriesExhausted);
        check(10, &[DELIVERED, Some(BUSY)], expected);
        check(20, &[Some(INVALID), Some(BUSY)], expected);
    }

    #[test]
    fn a_request_of_which_a_destination_took_only_some_is_a_partial_success() {
        let invalid = |n| partial(n, Reason::Invalid);
        check(30, &[DELIVERED, Some(INVALID), DELIVERED], invalid(10));
        check(30, &[DELIVERED, Some(INVALID), Some(INVALID)], invalid(20));
        let told = partial(3, Reason::PartialSuccess);
        check(10, &[Some(told)], told);
        let all = partial(10, Reason::PartialSuccess);
        check(10, &[Some(all)], all);
        let somebodys = partial(0, Reason::PartialSuccess);
        check(10, &[Some(somebodys), DELIVERED], somebodys);
    }

    #[test]
    fn a_request_of_which_a_destination_took_nothing_is_no_success_at_all() {
        check(10, &[Some(INVALID)], INVALID);
        check(10, &[DELIVERED, Some(INVALID)], INVALID);
    }

    #[test]
    fn a_share_dropped_without_a_word_is_an_answer_that_asks_to_send_again() {
        let lost = Outcome::Retryable(Reason::Shutdown);
        check(10, &[None, None], lost);
        check(10, &[None, DELIVERED], Outcome::Permanent(Reason::Shutdown));
    }
}
