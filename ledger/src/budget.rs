//! The process-wide byte budget and the leases that draw on it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::door::{Admitted, Door};

/// One part in this many of the budget is kept for bodies that have begun, so that an admitted request can be read to
/// its end while new ones already wait at the door.
const RESERVE_PART: u64 = 4;

/// From this part of what may be in use, bodies that are being read are counted at what a body usually comes to. Below
/// it there is room for all of them, and every request is spared the counting.
const PRESSED_PART: u64 = 2;

const NO_SOFT_LIMIT: u64 = u64::MAX;

/// Bytes that the process may hold, shared by all workers.
///
/// A body is *admitted* while less than the admission limit is in use, and *charged* as its bytes arrive up to the
/// whole limit. The figures are relaxed atomics: they steer, they do not synchronise.
///
/// Memory is refused at this door and nowhere behind it. Who waits for memory with a body in his hands holds what he
/// waits for: enough of them, and the exporters have nothing left to send that would free any.
#[derive(Debug)]
pub struct Budget {
    /// What the process may hold where nobody asks for less.
    whole: u64,
    limit: AtomicU64,
    /// Bytes in use from which no new body is admitted; [`NO_SOFT_LIMIT`] while nobody has said.
    soft: AtomicU64,
    used: AtomicU64,
    /// Bytes of memory that the whole process had at the last look; 0 where nobody looks.
    occupied: AtomicU64,
    pub(crate) door: Door,
}

/// What memory limiters ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in use from which no new body is admitted.
    pub soft: u64,
    /// Bytes in use beyond which no body is charged. From as much memory of the process on no new one is admitted.
    pub hard: u64,
    /// Between two looks at the memory of the process.
    pub every: Duration,
}

impl Limits {
    /// Those of two limiters that run at the same time.
    pub fn lowest(self, other: Self) -> Self {
        Self {
            soft: self.soft.min(other.soft),
            hard: self.hard.min(other.hard),
            every: self.every.min(other.every),
        }
    }
}

/// The budget has no room for the bytes asked for. The sender may try again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the memory budget is exhausted")
    }
}

impl std::error::Error for Exhausted {}

// === impl Budget ===

impl Budget {
    /// A budget of `limit` bytes that admits new bodies up to three quarters of it.
    pub fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self {
            whole: limit,
            limit: AtomicU64::new(limit),
            soft: AtomicU64::new(NO_SOFT_LIMIT),
            used: AtomicU64::new(0),
            occupied: AtomicU64::new(0),
            door: Door::default(),
        })
    }

    /// Takes the limits of the memory limiters that run from now on. Says whether anything has changed.
    pub fn restrict(&self, limits: Option<Limits>) -> bool {
        let (soft, hard) = match limits {
            Some(Limits { soft, hard, .. }) => (soft, hard.min(self.whole)),
            None => (NO_SOFT_LIMIT, self.whole),
        };
        let old_hard = self.limit.swap(hard, Ordering::Relaxed);
        let old_soft = self.soft.swap(soft, Ordering::Relaxed);
        if limits.is_none() {
            self.occupied.store(0, Ordering::Relaxed);
        }
        self.let_in();
        (soft, hard) != (old_soft, old_hard)
    }

    /// Takes what a look at the process has shown: from the limit on nobody is admitted until another look.
    pub fn occupies(&self, bytes: u64) {
        self.occupied.store(bytes, Ordering::Relaxed);
        self.let_in();
    }

    /// Bytes of memory that the whole process had at the last look; 0 where nobody looks.
    pub fn occupied(&self) -> u64 {
        self.occupied.load(Ordering::Relaxed)
    }

    /// What the process may hold where nobody asks for less.
    pub fn whole(&self) -> u64 {
        self.whole
    }

    pub fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Bytes in use from which no new body is admitted.
    pub fn admission(&self) -> u64 {
        let limit = self.limit();
        match self.soft.load(Ordering::Relaxed) {
            NO_SOFT_LIMIT => limit - limit / RESERVE_PART,
            soft => soft.min(limit),
        }
    }

    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether there is room for a new body beside those that have been admitted.
    pub(crate) fn has_room(&self) -> bool {
        let admission = self.admission();
        self.used() + self.door.expected(admission) < admission && self.occupied() < self.limit()
    }

    /// Whether a new body may begin: there is room, and nobody has waited for it longer.
    pub fn admits(&self) -> bool {
        !self.door.is_waited_at() && self.has_room()
    }

    /// A lease for a new body, if it may begin now.
    pub fn try_admit(self: &Arc<Self>) -> Option<Lease> {
        if !self.admits() {
            return None;
        }
        let mut lease = self.lease();
        if self.used() >= self.admission() / PRESSED_PART {
            lease.expected = self.door.count_in();
        }
        Some(lease)
    }

    /// Resolves once a new body may begin, in the order in which they came.
    pub fn admitted(self: &Arc<Self>) -> Admitted<'_> {
        Admitted::new(self)
    }

    /// A lease of nothing yet.
    pub fn lease(self: &Arc<Self>) -> Lease {
        Lease {
            budget: Arc::clone(self),
            bytes: 0,
            expected: 0,
        }
    }

    /// The lease of a body that was let in.
    pub(crate) fn lease_of(self: &Arc<Self>, expected: u64) -> Lease {
        let mut lease = self.lease();
        lease.expected = expected;
        lease
    }

    fn release(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::SeqCst);
        self.let_in();
    }
}

// === impl Lease ===

/// Bytes charged to a budget; given back when dropped.
#[derive(Debug)]
pub struct Lease {
    budget: Arc<Budget>,
    bytes: u64,
    /// What a body that is being read is counted at beside what has come of it; 0 for all else.
    expected: u64,
}

impl Lease {
    /// Charges `bytes` more, or nothing if that would pass the budget's limit.
    pub fn try_grow(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let bytes = bytes as u64;
        let before = self.budget.used.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > self.budget.limit() {
            self.budget.release(bytes);
            return Err(Exhausted);
        }
        self.bytes += bytes;
        Ok(())
    }

    /// Charges `bytes` more even beyond the limit: for edits of what is already held, which must not wait or fail.
    pub fn overdraw(&mut self, bytes: usize) {
        self.budget.used.fetch_add(bytes as u64, Ordering::Relaxed);
        self.bytes += bytes as u64;
    }

    /// Gives a part back early: what it was charged for is gone.
    pub fn give_back(&mut self, bytes: usize) {
        let bytes = (bytes as u64).min(self.bytes);
        self.bytes -= bytes;
        self.budget.release(bytes);
    }

    /// Charges `bytes` in all from now on, also beyond the limit: for what grows and shrinks with what is held.
    pub fn resize(&mut self, bytes: u64) {
        if bytes > self.bytes {
            self.overdraw((bytes - self.bytes) as usize);
        } else if bytes < self.bytes {
            self.give_back((self.bytes - bytes) as usize);
        }
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn expect_no_more(&mut self) {
        self.budget.door.came(std::mem::take(&mut self.expected));
        self.budget.let_in();
    }

    /// The buffer as shared bytes that keep this lease until their last slice is dropped.
    pub fn attach(mut self, buffer: impl AsRef<[u8]> + Send + Sync + 'static) -> Bytes {
        if self.expected > 0 {
            self.budget.door.measure(self.bytes);
            self.expect_no_more();
        }
        if buffer.as_ref().is_empty() {
            return Bytes::new();
        }
        Bytes::from_owner(Leased {
            buffer,
            _lease: self,
        })
    }
}

/// `made` with a lease on the budget. What was made is already in memory, so the budget may be overdrawn: the door
/// closes until it has room again.
///
/// What an edit has left as it was is returned as it is: whoever made `origin` has charged it.
pub fn charge(budget: &Arc<Budget>, origin: &Bytes, made: Bytes) -> Bytes {
    if made.as_ptr() == origin.as_ptr() && made.len() == origin.len() {
        return made;
    }
    let mut lease = budget.lease();
    lease.overdraw(made.len());
    lease.attach(made)
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.expected > 0 {
            self.expect_no_more();
        }
        if self.bytes > 0 {
            self.budget.release(self.bytes);
        }
    }
}

struct Leased<B> {
    buffer: B,
    _lease: Lease,
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for Leased<B> {
    fn as_ref(&self) -> &[u8] {
        self.buffer.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_lease_is_given_back_with_the_last_slice_of_its_buffer() {
        let budget = Budget::new(1000);
        let mut lease = budget.lease();
        lease.try_grow(300).unwrap();
        let bytes = lease.attach(vec![7; 300]);
        let slice = bytes.slice(10..20);
        drop(bytes);
        assert_eq!(budget.used(), 300);
        drop(slice);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_quarter_is_kept_for_bodies_that_have_begun() {
        let budget = Budget::new(1000);
        let mut begun = budget.lease();
        begun.try_grow(750).unwrap();
        assert!(!budget.admits());
        begun.try_grow(250).unwrap();
        assert_eq!(begun.try_grow(1), Err(Exhausted));
        assert_eq!(budget.used(), 1000, "a refused charge leaves no trace");
    }

    #[test]
    fn the_lowest_limits_hold_until_others_are_set() {
        let budget = Budget::new(1000);
        let limits = |soft, hard| Limits {
            soft,
            hard,
            every: Duration::from_secs(soft),
        };
        assert_eq!(limits(400, 600).lowest(limits(450, 500)), limits(400, 500));
        let check = |limits, changes: bool, admission, limit| {
            assert_eq!(budget.restrict(limits), changes, "{limits:?}");
            assert_eq!((budget.admission(), budget.limit()), (admission, limit));
        };
        check(Some(limits(900, 5000)), true, 900, 1000);
        check(Some(limits(400, 500)), true, 400, 500);
        check(Some(limits(400, 500)), false, 400, 500);
        check(Some(limits(450, 600)), true, 450, 600);
        check(Some(limits(400, 300)), true, 300, 300);
        check(None, true, 750, 1000);
    }

    #[test]
    fn an_edit_may_overdraw_and_its_lease_still_balances() {
        let budget = Budget::new(100);
        let mut lease = budget.lease();
        lease.overdraw(150);
        assert_eq!(budget.used(), 150);
        drop(lease);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn nobody_is_admitted_while_the_process_has_more_memory_than_the_limit() {
        let budget = Budget::new(1000);
        let limits = Limits {
            soft: 400,
            hard: 500,
            every: Duration::from_secs(1),
        };
        budget.restrict(Some(limits));
        budget.occupies(499);
        assert!(budget.admits());
        budget.occupies(500);
        assert!(!budget.admits());
        budget.lease().try_grow(1).unwrap();
        budget.restrict(None);
        assert!(budget.admits(), "nobody looks any more");
    }
}
