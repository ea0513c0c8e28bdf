//! The process-wide byte budget and the leases that draw on it.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

/// One part in this many of the budget is kept for bodies that have begun, so that an admitted request can be read to
/// its end while new ones already wait at the door.
const RESERVE_PART: u64 = 4;

const NO_SOFT_LIMIT: u64 = u64::MAX;

/// Bytes that the process may hold, shared by all workers.
///
/// A body is *admitted* while less than the admission limit is in use, and *charged* as its bytes arrive up to the
/// whole limit. Both are one relaxed atomic each: the figures steer, they do not synchronise.
#[derive(Debug)]
pub struct Budget {
    /// What the process may hold where nobody asks for less.
    whole: u64,
    limit: AtomicU64,
    /// Bytes in use from which no new body is admitted; [`NO_SOFT_LIMIT`] while nobody has said.
    soft: AtomicU64,
    used: AtomicU64,
    /// Set while somebody waits to be admitted, so that a release looks for wakers only then.
    waiting: AtomicBool,
    waiters: Mutex<Waiters>,
}

/// What memory limiters ask for, in bytes in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From here on no new body is admitted.
    pub soft: u64,
    /// Beyond it no body is charged.
    pub hard: u64,
}

impl Limits {
    /// Those of two limiters that run at the same time.
    pub fn lowest(self, other: Self) -> Self {
        Self {
            soft: self.soft.min(other.soft),
            hard: self.hard.min(other.hard),
        }
    }
}

/// Those who wait to be admitted, by the order in which they came.
#[derive(Debug, Default)]
struct Waiters {
    wakers: BTreeMap<u64, Waker>,
    came: u64,
}

/// Waits until a new body may begin. Dropped before, it leaves nothing behind: a budget may be exhausted for hours,
/// while senders come and give up.
#[derive(Debug)]
pub struct Admitted<'a> {
    budget: &'a Budget,
    place: Option<u64>,
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
            waiting: AtomicBool::new(false),
            waiters: Mutex::default(),
        })
    }

    /// Takes the limits of the memory limiters that run from now on. Says whether anything has changed.
    pub fn restrict(&self, limits: Option<Limits>) -> bool {
        let (soft, hard) = match limits {
            Some(Limits { soft, hard }) => (soft, hard.min(self.whole)),
            None => (NO_SOFT_LIMIT, self.whole),
        };
        let old_hard = self.limit.swap(hard, Ordering::Relaxed);
        let old_soft = self.soft.swap(soft, Ordering::Relaxed);
        if hard > old_hard || soft > old_soft {
            self.wake_waiters();
        }
        (soft, hard) != (old_soft, old_hard)
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

    /// Whether a new body may begin.
    pub fn admits(&self) -> bool {
        self.used() < self.admission()
    }

    /// Resolves once [`admits`](Self::admits) holds.
    pub fn admitted(&self) -> Admitted<'_> {
        Admitted {
            budget: self,
            place: None,
        }
    }

    /// A lease of nothing yet.
    pub fn lease(self: &Arc<Self>) -> Lease {
        Lease {
            budget: Arc::clone(self),
            bytes: 0,
        }
    }

    fn release(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::SeqCst);
        self.wake_waiters();
    }

    fn wake_waiters(&self) {
        if self.waiting.load(Ordering::SeqCst) && self.admits() {
            self.waiting.store(false, Ordering::SeqCst);
            let wakers = std::mem::take(&mut self.waiters().wakers);
            wakers.into_values().for_each(Waker::wake);
        }
    }

    fn waiters(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Admitted ===

impl Future for Admitted<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let budget = self.budget;
        if budget.admits() {
            return Poll::Ready(());
        }
        let mut waiters = budget.waiters();
        let place = *self.place.get_or_insert_with(|| {
            waiters.came += 1;
            waiters.came
        });
        waiters.wakers.insert(place, cx.waker().clone());
        drop(waiters);
        budget.waiting.store(true, Ordering::SeqCst);
        // A release between the first look and the store has not seen us: look again, and not ahead of the store.
        fence(Ordering::SeqCst);
        match budget.admits() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.budget.waiters().wakers.remove(&place);
        }
    }
}

// === impl Lease ===

/// Bytes charged to a budget; given back when dropped.
#[derive(Debug)]
pub struct Lease {
    budget: Arc<Budget>,
    bytes: u64,
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

    /// The buffer as shared bytes that keep this lease until their last slice is dropped.
    pub fn attach(self, buffer: impl AsRef<[u8]> + Send + Sync + 'static) -> Bytes {
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
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    #[derive(Default)]
    struct CountWakes(AtomicUsize);

    impl Wake for CountWakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

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
        let limits = |soft, hard| Limits { soft, hard };
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
    fn a_release_wakes_whoever_waits_to_be_admitted() {
        let budget = Budget::new(1000);
        let mut lease = budget.lease();
        lease.try_grow(900).unwrap();
        let count = Arc::new(CountWakes::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut cx = Context::from_waker(&waker);
        let mut admitted = pin!(budget.admitted());
        assert!(admitted.as_mut().poll(&mut cx).is_pending());
        drop(lease);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert!(admitted.as_mut().poll(&mut cx).is_ready());
    }

    #[test]
    fn whoever_gives_up_waiting_leaves_nothing_behind() {
        let budget = Budget::new(1000);
        let mut lease = budget.lease();
        lease.try_grow(900).unwrap();
        let waker = Arc::new(CountWakes::default());
        for _ in 0..3 {
            let task = Waker::from(Arc::clone(&waker));
            let mut admitted = pin!(budget.admitted());
            let polled = admitted.as_mut().poll(&mut Context::from_waker(&task));
            assert!(polled.is_pending());
        }
        assert_eq!(Arc::strong_count(&waker), 1, "no task is kept by its waker");
    }
}
