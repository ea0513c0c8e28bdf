//! How many connections the process bears, and which one goes when a newcomer finds no room: the one that has been
//! without a request for longest.
//!
//! Open files are the process's, so this is one count for all listeners and workers. A connection takes its slot when
//! it is accepted and writes there when its requests begin and end, with plain stores; the lock is taken where
//! connections come and go.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

/// Connections while nobody has said what the process bears.
const UNTOLD: usize = 10_000;

/// A newcomer to a process that is this near its limit makes an idle connection go, so that the limit itself is met
/// only if all are busy. The newcomer need not wait then until the other has gone.
const HEADROOM_MAX: usize = 64;

/// Idle connections that one look finds. Without it every newcomer to a full process would look at all.
const FOUND_MAX: usize = 64;

/// The value of [`Slot::idle_since`] while a request is under way.
const BUSY: u64 = u64::MAX;

static CONNECTIONS: Connections = Connections::new();

/// The connections of this process.
pub fn connections() -> &'static Connections {
    &CONNECTIONS
}

/// A count with a limit, and who may go.
#[derive(Debug)]
pub struct Connections {
    limit: AtomicUsize,
    open: AtomicUsize,
    evicted: AtomicU64,
    register: Mutex<Register>,
}

#[derive(Debug)]
struct Register {
    /// Each knows its place here.
    slots: Vec<Arc<Slot>>,
    /// The longest idle of the last look, and since when; the longest stands last.
    found: Vec<(u64, Arc<Slot>)>,
    /// Connections that have been asked to leave and are still there.
    leaving: usize,
}

/// What one connection says of itself.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Microseconds of [`micros`], or [`BUSY`].
    idle_since: AtomicU64,
    /// Written under the lock.
    place: AtomicUsize,
    /// Written under the lock.
    is_leaving: AtomicBool,
    leave: Notify,
}

/// A slot for as long as the connection is open.
#[derive(Debug)]
pub(crate) struct Entered {
    connections: &'static Connections,
    slot: Arc<Slot>,
}

// === impl Connections ===

impl Connections {
    const fn new() -> Self {
        Self {
            limit: AtomicUsize::new(UNTOLD),
            open: AtomicUsize::new(0),
            evicted: AtomicU64::new(0),
            register: Mutex::new(Register {
                slots: Vec::new(),
                found: Vec::new(),
                leaving: 0,
            }),
        }
    }

    /// At least one is borne. Connections beyond a new limit stay.
    pub fn set_limit(&self, limit: usize) {
        self.limit.store(limit.max(1), Ordering::Relaxed);
    }

    pub fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// How many have been asked to go to make room.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// Whether another may be accepted. Several listeners that ask at the same time may pass the limit by one each.
    pub(crate) fn has_room(&self) -> bool {
        self.open() < self.limit()
    }

    /// Takes a slot for a newcomer, who is idle as of now, and makes another go if it is getting narrow.
    pub(crate) fn enter(&'static self, now: Instant) -> Entered {
        let slot = Arc::new(Slot {
            // A newcomer is not asked to make room for itself.
            idle_since: AtomicU64::new(BUSY),
            place: AtomicUsize::new(0),
            is_leaving: AtomicBool::new(false),
            leave: Notify::new(),
        });
        let mut register = self.register();
        slot.place.store(register.slots.len(), Ordering::Relaxed);
        register.slots.push(Arc::clone(&slot));
        self.open.store(register.slots.len(), Ordering::Relaxed);
        let limit = self.limit();
        let headroom = (limit / 16).clamp(1, HEADROOM_MAX).min(limit - 1);
        self.leave(&mut register, limit - headroom);
        slot.idle(now);
        drop(register);
        Entered {
            connections: self,
            slot,
        }
    }

    /// Asks the connection that has been idle for longest to go, if there is no room and nobody is going already;
    /// whether one is going then.
    pub(crate) fn make_room(&self) -> bool {
        self.leave(&mut self.register(), self.limit() - 1)
    }

    /// Asks one to go if more than `bound` would stay.
    fn leave(&self, register: &mut Register, bound: usize) -> bool {
        if register.slots.len() - register.leaving <= bound {
            return true;
        }
        for look in [false, true] {
            if look {
                register.look();
            }
            while let Some((since, slot)) = register.found.pop() {
                if slot.try_claim(since) {
                    slot.is_leaving.store(true, Ordering::Relaxed);
                    slot.leave.notify_one();
                    register.leaving += 1;
                    self.evicted.fetch_add(1, Ordering::Relaxed);
                    return true;
                }
            }
        }
        false
    }

    fn register(&self) -> MutexGuard<'_, Register> {
        // Nothing in here panics between two changes that belong together.
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Register {
    /// Finds the connections that have been idle for longest.
    fn look(&mut self) {
        let idle = self.slots.iter().filter_map(|slot| {
            let since = slot.idle_since.load(Ordering::Relaxed);
            let stays = !slot.is_leaving.load(Ordering::Relaxed);
            (stays && since != BUSY).then(|| (since, Arc::clone(slot)))
        });
        let mut idle: Vec<_> = idle.collect();
        if idle.len() > FOUND_MAX {
            idle.select_nth_unstable_by_key(FOUND_MAX, |(since, _)| *since);
            idle.truncate(FOUND_MAX);
        }
        idle.sort_unstable_by_key(|(since, _)| std::cmp::Reverse(*since));
        self.found = idle;
    }
}

// === impl Slot ===

impl Slot {
    pub(crate) fn busy(&self) {
        self.idle_since.store(BUSY, Ordering::Relaxed);
    }

    pub(crate) fn idle(&self, since: Instant) {
        self.idle_since.store(micros(since), Ordering::Relaxed);
    }

    /// Resolves when the connection must make room for another.
    pub(crate) async fn asked_to_leave(&self) {
        self.leave.notified().await;
    }

    /// Marks the slot so that it is asked once, if nothing has happened on it since it was found. A request that comes
    /// in the same moment is served: who is asked to leave finishes what has begun.
    fn try_claim(&self, since: u64) -> bool {
        let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
        self.idle_since
            .compare_exchange(since, BUSY, success, failure)
            .is_ok()
    }
}

// === impl Entered ===

impl Entered {
    pub(crate) fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // Who was found and goes by himself is not to be asked.
        self.slot.busy();
        let mut register = self.connections.register();
        let place = self.slot.place.load(Ordering::Relaxed);
        if place < register.slots.len() {
            register.slots.swap_remove(place);
        }
        if self.slot.is_leaving.load(Ordering::Relaxed) {
            register.leaving -= 1;
        }
        if let Some(moved) = register.slots.get(place) {
            moved.place.store(place, Ordering::Relaxed);
        }
        let open = register.slots.len();
        self.connections.open.store(open, Ordering::Relaxed);
    }
}

/// Time as the slots hold it: since the first connection of the process.
fn micros(instant: Instant) -> u64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    let first = *FIRST.get_or_init(|| instant);
    instant.saturating_duration_since(first).as_micros() as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Connections of a process that bears this many.
    fn process(limit: usize) -> &'static Connections {
        let connections: &'static Connections = Box::leak(Box::new(Connections::new()));
        connections.set_limit(limit);
        connections
    }

    #[allow(clippy::disallowed_methods, reason = "a test of the rim")]
    fn after(seconds: u64) -> Instant {
        static START: OnceLock<Instant> = OnceLock::new();
        *START.get_or_init(Instant::now) + Duration::from_secs(1000 + seconds)
    }

    /// Which of them have been asked to leave.
    fn asked(entered: &[Entered]) -> Vec<usize> {
        let is_asked = |entered: &Entered| {
            let mut waiting = Box::pin(entered.slot().asked_to_leave());
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            Future::poll(waiting.as_mut(), &mut cx).is_ready()
        };
        let numbered = entered.iter().enumerate();
        numbered
            .filter(|(_, e)| is_asked(e))
            .map(|(n, _)| n)
            .collect()
    }

    #[test]
    fn the_longest_idle_goes_when_it_is_getting_narrow() {
        let process = process(4);
        let mut entered: Vec<_> = (0..3).map(|n| process.enter(after(n))).collect();
        // The first has been busy in between, the second still is.
        entered[0].slot().busy();
        entered[0].slot().idle(after(10));
        entered[1].slot().busy();
        assert_eq!(asked(&entered), [0; 0]);
        entered.push(process.enter(after(11)));
        assert_eq!(
            (process.open(), process.evicted(), asked(&entered)),
            (4, 1, vec![2])
        );
        assert!(!process.has_room());
        assert!(process.make_room(), "one is going");
        assert_eq!(asked(&entered), [0; 0], "nobody else need go");
        drop(entered.remove(2));
        entered.push(process.enter(after(12)));
        assert_eq!(asked(&entered), [0]);
    }

    #[test]
    fn who_is_busy_stays_and_who_has_left_is_forgotten() {
        let process = process(2);
        let first = process.enter(after(0));
        first.slot().busy();
        let second = process.enter(after(1));
        second.slot().busy();
        assert!(!process.make_room(), "all are busy");
        drop(first);
        assert!(process.has_room());
        drop(second);
        assert_eq!(process.open(), 0);
    }

    #[test]
    fn of_many_the_longest_idle_go_one_after_the_other() {
        let process = process(200);
        let entered: Vec<_> = (0..200).map(|n| process.enter(after(n))).collect();
        // Some are asked before the last have come.
        assert_eq!(asked(&entered), (0..12).collect::<Vec<_>>());
        for n in 12..150 {
            process.set_limit(200 - n);
            assert!(process.make_room());
            assert_eq!(asked(&entered), [n]);
        }
    }

    #[test]
    fn even_a_limit_of_nothing_bears_one() {
        let process = process(0);
        assert!(process.has_room());
        let _only = process.enter(after(0));
        assert!(!process.has_room());
    }
}
