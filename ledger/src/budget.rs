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
    limit: AtomicU64,
    /// Bytes in use from which no new body is admitted; [`NO_SOFT_LIMIT`] while nobody has said.
    soft: AtomicU64,
    used: AtomicU64,
    /// Set while somebody waits to be admitted, so that a release looks for wakers only then.
    waiting: AtomicBool,
    waiters: Mutex<Waiters>,
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
            limit: AtomicU64::new(limit),
            soft: AtomicU64::new(NO_SOFT_LIMIT),
            used: AtomicU64::new(0),
            waiting: AtomicBool::new(false),
            waiters: Mutex::default(),
        })
    }

    /// Takes the thresholds of a memory limiter: from `soft` bytes in use no new body is admitted, and beyond `hard`
    /// no body is charged. Of several limiters the lowest hold; the first `soft` replaces the default. Says
    /// whether anything has changed.
    pub fn restrict(&self, soft: u64, hard: u64) -> bool {
        let old_hard = self.limit.fetch_min(hard, Ordering::Relaxed);
        let old_soft = self.soft.fetch_min(soft, Ordering::Relaxed);
        hard < old_hard || soft < old_soft
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

/// `made` with a lease on the budget. What was made is already in memory, so the budget may be overdrawn: the door closes
/// until it has room again.
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
    fn the_lowest_thresholds_of_all_limiters_hold() {
        let budget = Budget::new(1000);
        assert!(budget.restrict(900, 5000));
        assert_eq!((budget.admission(), budget.limit()), (900, 1000));
        assert!(budget.restrict(400, 500));
        assert!(!budget.restrict(450, 600));
        assert_eq!((budget.admission(), budget.limit()), (400, 500));
        assert!(budget.restrict(NO_SOFT_LIMIT, 300));
        assert_eq!((budget.admission(), budget.limit()), (300, 300));
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
