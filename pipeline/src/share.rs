//! A sender's claim on an answer: which part of its request is where, and the worst that became of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ledger::Reason;
use tokio::sync::oneshot;

/// What became of a request, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Delivered,
    /// Given up, and the same request may succeed later.
    Retryable(Reason),
    /// Given up, and the same request would fail again, or arrive twice where it has arrived already.
    Permanent(Reason),
}

/// One holder's share of a request. Split and fan-out clone it, merging moves it; the sender is answered when the last
/// share has ended. A share that is dropped without a word counts as lost in this process.
#[derive(Clone, Debug)]
pub struct Share {
    pending: Arc<Pending>,
    resolved: bool,
}

#[derive(Debug)]
struct Pending {
    worst: Mutex<Outcome>,
    /// Some exporter has delivered some of it.
    delivered: AtomicBool,
    answer: Mutex<Option<oneshot::Sender<Outcome>>>,
}

impl Share {
    /// A share of a whole request, and the future that answers its sender.
    pub fn new() -> (Self, oneshot::Receiver<Outcome>) {
        let (sender, receiver) = oneshot::channel();
        let pending = Pending {
            worst: Mutex::new(Outcome::Delivered),
            delivered: AtomicBool::new(false),
            answer: Mutex::new(Some(sender)),
        };
        (
            Self {
                pending: Arc::new(pending),
                resolved: false,
            },
            receiver,
        )
    }

    /// Ends this share at an exporter that has delivered it. From here on the sender must not send the same request
    /// again, whatever becomes of the other shares: this back end would have it twice.
    pub(crate) fn deliver(self) {
        self.pending.delivered.store(true, Ordering::Relaxed);
        self.resolve(Outcome::Delivered);
    }

    pub fn resolve(mut self, outcome: Outcome) {
        self.pending.worsen(outcome);
        self.resolved = true;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if !self.resolved {
            self.pending.worsen(Outcome::Retryable(Reason::Shutdown));
        }
    }
}

impl Pending {
    fn worsen(&self, outcome: Outcome) {
        let mut worst = self.worst.lock().unwrap_or_else(PoisonError::into_inner);
        *worst = (*worst).max(outcome);
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let worst = match *self.worst.get_mut().unwrap_or_else(PoisonError::into_inner) {
            Outcome::Retryable(reason) if *self.delivered.get_mut() => Outcome::Permanent(reason),
            worst => worst,
        };
        if let Some(answer) = self
            .answer
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            // A sender that no longer waits has gone; the books know the outcome anyway.
            let _ = answer.send(worst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ends: &[Option<Outcome>], expected: Outcome) {
        let (share, mut answer) = Share::new();
        let shares: Vec<_> = ends.iter().map(|_| share.clone()).collect();
        share.resolve(Outcome::Delivered);
        for (share, end) in shares.into_iter().zip(ends) {
            assert!(
                answer.try_recv().is_err(),
                "answered before the last share ended"
            );
            match end {
                Some(outcome) => share.resolve(*outcome),
                None => drop(share),
            }
        }
        assert_eq!(answer.try_recv(), Ok(expected));
    }

    #[test]
    fn the_worst_outcome_of_all_shares_is_the_answer() {
        let permanent = Outcome::Permanent(Reason::Invalid);
        let retryable = Outcome::Retryable(Reason::RetriesExhausted);
        check(&[Some(Outcome::Delivered)], Outcome::Delivered);
        check(&[Some(Outcome::Delivered), Some(retryable)], retryable);
        check(
            &[Some(permanent), Some(retryable), Some(Outcome::Delivered)],
            permanent,
        );
    }

    #[test]
    fn what_one_exporter_has_delivered_is_not_asked_for_again() {
        let (share, mut answer) = Share::new();
        share.clone().deliver();
        share.resolve(Outcome::Retryable(Reason::RetriesExhausted));
        let expected = Outcome::Permanent(Reason::RetriesExhausted);
        assert_eq!(answer.try_recv(), Ok(expected));
    }

    #[test]
    fn a_share_dropped_without_a_word_is_an_answer_that_asks_to_send_again() {
        check(
            &[None, Some(Outcome::Delivered)],
            Outcome::Retryable(Reason::Shutdown),
        );
    }
}
