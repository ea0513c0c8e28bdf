//! The door of the budget: who may begin to bring a body in, in which order, and what those inside will still bring.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::budget::{Budget, Lease};

/// What a body is taken for before any has been measured: a hundred spans or so.
const FIRST_GUESS: u64 = 64 << 10;

/// Each body moves the guess by one part in this many of the difference.
const GUESS_PART: u64 = 8;

/// Bodies that are being read count for one part in this many of the admission limit at most. Else a few hundred
/// senders that begin a body each and then say nothing would keep everybody out.
const EXPECTED_PART: u64 = 2;

/// Where bodies wait to be admitted.
#[derive(Debug)]
pub(crate) struct Door {
    /// What the bodies are counted at that have been admitted and are being read.
    expected: AtomicU64,
    /// What a body usually comes to in the end.
    typical: AtomicU64,
    /// Set while somebody waits, so that a release looks for wakers only then, and newcomers go to the end.
    waiting: AtomicBool,
    queue: Mutex<Queue>,
}

/// Those who wait, by the order in which they came.
#[derive(Debug, Default)]
struct Queue {
    came: u64,
    wakers: BTreeMap<u64, Waker>,
    /// Who has been let in and has not noticed yet, and what he is counted at.
    let_in: BTreeMap<u64, u64>,
}

/// Waits until a new body may begin. Dropped before, it leaves nothing behind: a budget may be exhausted for hours,
/// while senders come and give up.
#[derive(Debug)]
pub struct Admitted<'a> {
    budget: &'a Arc<Budget>,
    place: Option<u64>,
}

// === impl Door ===

impl Default for Door {
    fn default() -> Self {
        Self {
            expected: AtomicU64::new(0),
            typical: AtomicU64::new(FIRST_GUESS),
            waiting: AtomicBool::new(false),
            queue: Mutex::default(),
        }
    }
}

impl Door {
    /// What admitted bodies count for beside what has come of them.
    pub(crate) fn expected(&self, admission: u64) -> u64 {
        let expected = self.expected.load(Ordering::Relaxed);
        expected.min(admission / EXPECTED_PART)
    }

    /// Counts a body that is admitted, and says at what.
    pub(crate) fn count_in(&self) -> u64 {
        let typical = self.typical.load(Ordering::Relaxed).max(1);
        self.expected.fetch_add(typical, Ordering::Relaxed);
        typical
    }

    /// Ends what [`count_in`](Self::count_in) has begun.
    pub(crate) fn came(&self, expected: u64) {
        self.expected.fetch_sub(expected, Ordering::SeqCst);
    }

    /// Learns from a body that came to so many bytes.
    pub(crate) fn measure(&self, bytes: u64) {
        let typical = self.typical.load(Ordering::Relaxed);
        let next = typical - typical / GUESS_PART + bytes / GUESS_PART;
        self.typical.store(next, Ordering::Relaxed);
    }

    pub(crate) fn is_waited_at(&self) -> bool {
        self.waiting.load(Ordering::SeqCst)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place at the end of the queue.
    fn queue_up(&self, waker: &Waker) -> u64 {
        let mut queue = self.queue();
        queue.came += 1;
        let place = queue.came;
        queue.wakers.insert(place, waker.clone());
        self.waiting.store(true, Ordering::SeqCst);
        place
    }

    /// What the body at this place is counted at, if it has been let in.
    fn passed(&self, place: u64, waker: &Waker) -> Option<u64> {
        let mut queue = self.queue();
        let expected = queue.let_in.remove(&place);
        if expected.is_none() {
            queue.wakers.insert(place, waker.clone());
        }
        expected
    }

    /// Gives a place up.
    fn leave(&self, place: u64) {
        let mut queue = self.queue();
        queue.wakers.remove(&place);
        let expected = queue.let_in.remove(&place);
        self.waiting
            .store(!queue.wakers.is_empty(), Ordering::SeqCst);
        self.came(expected.unwrap_or(0));
    }
}

impl Budget {
    /// Lets in those who have waited longest, as many as there is room for.
    pub(crate) fn let_in(&self) {
        if !self.door.is_waited_at() || !self.has_room() {
            return;
        }
        let mut queue = self.door.queue();
        let mut woken = Vec::new();
        while self.has_room()
            && let Some((place, waker)) = queue.wakers.pop_first()
        {
            queue.let_in.insert(place, self.door.count_in());
            woken.push(waker);
        }
        self.door
            .waiting
            .store(!queue.wakers.is_empty(), Ordering::SeqCst);
        // A waker may be the last to hold its task, whose end comes back to the queue.
        drop(queue);
        woken.into_iter().for_each(Waker::wake);
    }
}

// === impl Admitted ===

impl<'a> Admitted<'a> {
    pub(crate) const fn new(budget: &'a Arc<Budget>) -> Self {
        Self {
            budget,
            place: None,
        }
    }
}

impl Future for Admitted<'_> {
    type Output = Lease;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Lease> {
        let budget = self.budget;
        let place = match self.place {
            Some(place) => place,
            None => {
                if let Some(lease) = budget.try_admit() {
                    return Poll::Ready(lease);
                }
                let place = *self.place.insert(budget.door.queue_up(cx.waker()));
                // A release between the look and the place has not seen us: look again, and not ahead of the store.
                fence(Ordering::SeqCst);
                budget.let_in();
                place
            }
        };
        match budget.door.passed(place, cx.waker()) {
            Some(expected) => {
                self.place = None;
                Poll::Ready(budget.lease_of(expected))
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.budget.door.leave(place);
            self.budget.let_in();
        }
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

    /// Somebody at the door, and how often he was woken.
    struct Waiting<'a> {
        admitted: Pin<Box<Admitted<'a>>>,
        wakes: Arc<CountWakes>,
    }

    impl<'a> Waiting<'a> {
        fn at(budget: &'a Arc<Budget>) -> Self {
            let mut waiting = Self {
                admitted: Box::pin(budget.admitted()),
                wakes: Arc::default(),
            };
            assert!(waiting.look().is_none(), "there is room");
            waiting
        }

        fn look(&mut self) -> Option<Lease> {
            let waker = Waker::from(Arc::clone(&self.wakes));
            match self
                .admitted
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
            {
                Poll::Ready(lease) => Some(lease),
                Poll::Pending => None,
            }
        }

        fn wakes(&self) -> usize {
            self.wakes.0.load(Ordering::SeqCst)
        }
    }

    /// A lease of so many bytes.
    fn taken(budget: &Arc<Budget>, bytes: usize) -> Lease {
        let mut lease = budget.lease();
        lease.try_grow(bytes).unwrap();
        lease
    }

    /// A budget that admits up to 600 KiB and has learned that bodies come to 100 KiB.
    fn learned() -> Arc<Budget> {
        let budget = Budget::new(800 << 10);
        for _ in 0..100 {
            budget.door.measure(100 << 10);
        }
        budget
    }

    #[test]
    fn a_release_lets_in_whoever_waits() {
        let budget = Budget::new(1000);
        let lease = taken(&budget, 900);
        let mut waiting = Waiting::at(&budget);
        drop(lease);
        assert_eq!(waiting.wakes(), 1);
        assert!(waiting.look().is_some());
    }

    #[test]
    fn so_many_are_let_in_as_there_is_room_for_and_the_first_come_first() {
        let budget = learned();
        let mut inside = taken(&budget, 700 << 10);
        let mut waiting: Vec<_> = (0..5).map(|_| Waiting::at(&budget)).collect();
        let woken =
            |waiting: &[Waiting<'_>]| -> Vec<_> { waiting.iter().map(Waiting::wakes).collect() };
        inside.give_back(250 << 10);
        assert_eq!(woken(&waiting), [1, 1, 0, 0, 0], "of 150 KiB");
        assert!(budget.try_admit().is_none(), "others have waited longer");
        let mut first = waiting[0].look().unwrap();
        assert!(waiting[2].look().is_none());
        // It brings less than was expected.
        first.try_grow(10 << 10).unwrap();
        let _body = first.attach(vec![0; 10 << 10]);
        assert_eq!(woken(&waiting), [1, 1, 1, 0, 0]);
    }

    #[test]
    fn nobody_is_counted_for_what_he_may_bring_while_there_is_plenty() {
        let budget = learned();
        let inside: Vec<_> = (0..20).map(|_| budget.try_admit().unwrap()).collect();
        assert_eq!(budget.door.expected(u64::MAX), 0);
        let _taken = taken(&budget, 301 << 10);
        let _counted = budget.try_admit().unwrap();
        assert!(budget.door.expected(u64::MAX) > 0);
        drop(inside);
    }

    #[test]
    fn those_who_bring_nothing_keep_nobody_out_while_half_is_free() {
        let budget = learned();
        let inside = taken(&budget, 700 << 10);
        let mut silent: Vec<_> = (0..50).map(|_| Waiting::at(&budget)).collect();
        let mut next = Waiting::at(&budget);
        drop(inside);
        let _leases: Vec<_> = silent.iter_mut().map(|one| one.look().unwrap()).collect();
        assert!(next.look().is_some());
    }

    #[test]
    fn whoever_gives_up_leaves_nothing_behind() {
        let budget = Budget::new(1000);
        let _lease = taken(&budget, 900);
        let waker = Arc::new(CountWakes::default());
        for _ in 0..3 {
            let task = Waker::from(Arc::clone(&waker));
            let mut admitted = pin!(budget.admitted());
            let polled = admitted.as_mut().poll(&mut Context::from_waker(&task));
            assert!(polled.is_pending());
        }
        assert_eq!(Arc::strong_count(&waker), 1, "no task is kept by its waker");
        assert!(!budget.door.is_waited_at());
    }

    #[test]
    fn whoever_gives_up_when_it_is_his_turn_makes_room_for_the_next() {
        let budget = learned();
        let mut inside = taken(&budget, 700 << 10);
        let first = Waiting::at(&budget);
        let mut second = Waiting::at(&budget);
        inside.give_back(150 << 10);
        assert_eq!((first.wakes(), second.wakes()), (1, 0));
        drop(first);
        assert_eq!(second.wakes(), 1);
        let lease = second.look().unwrap();
        drop(lease);
        assert_eq!(budget.door.expected(u64::MAX), 0);
    }

    #[test]
    fn what_bodies_usually_come_to_is_learned_from_them() {
        let door = Door::default();
        let settled = |bytes: u64| {
            (0..200).for_each(|_| door.measure(bytes));
            let typical = door.typical.load(Ordering::Relaxed);
            assert!(
                typical.abs_diff(bytes) <= bytes / 8 + 8,
                "{typical} {bytes}"
            );
        };
        [500, 4 << 20, 0, 250 << 10].into_iter().for_each(settled);
    }
}
