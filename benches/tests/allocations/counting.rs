//! The allocator of this test binary: the system's, with a count of what the workers ask for.
//!
//! Generator, sink and test live in the same process, so only threads that are named as workers are
//! counted.
#![allow(
    unsafe_code,
    reason = "the contract of `GlobalAlloc`, passed on to the system's allocator"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::Sub;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How the service names the threads that carry its data.
const WORKER: &[u8] = b"worker-";

/// Linux keeps so many bytes of a thread's name, the closing zero included.
const NAME_MAX: usize = 16;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static IS_COUNTING: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

/// The figures belong to the process, so that only one test at a time may use them.
static TURN: Mutex<()> = Mutex::new(());

thread_local! {
    /// Whether this thread is a worker; `None` until it first allocates while somebody counts.
    static IS_WORKER: Cell<Option<bool>> = const { Cell::new(None) };
}

/// What workers asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allocations {
    /// Calls: a buffer that grows asks again.
    pub(crate) calls: u64,
    /// Bytes of all calls; growing counts the whole new size, as much may be copied.
    pub(crate) bytes: u64,
}

/// The right to count. Nothing is counted before [`start`](Self::start).
pub(crate) struct Turn(#[expect(dead_code, reason = "held, not read")] MutexGuard<'static, ()>);

struct Counting;

// === impl Allocations ===

impl Sub for Allocations {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            calls: self.calls - other.calls,
            bytes: self.bytes - other.bytes,
        }
    }
}

// === impl Turn ===

impl Turn {
    /// Waits for the other tests.
    pub(crate) fn wait() -> Self {
        Self(TURN.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts from now on. Workers must be running: a thread gets its name a little after its first
    /// allocation.
    pub(crate) fn start(&self) {
        CALLS.store(0, Ordering::SeqCst);
        BYTES.store(0, Ordering::SeqCst);
        IS_COUNTING.store(true, Ordering::SeqCst);
    }

    /// What was counted. Exact if the workers have ended.
    pub(crate) fn stop(&self) -> Allocations {
        IS_COUNTING.store(false, Ordering::SeqCst);
        Allocations {
            calls: CALLS.load(Ordering::SeqCst),
            bytes: BYTES.load(Ordering::SeqCst),
        }
    }
}

// === impl Counting ===

// SAFETY: every method passes its arguments to the system's allocator and returns what that
// returns. What is done beside it neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of this very method.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, new_size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn count(bytes: usize) {
    if IS_COUNTING.load(Ordering::Relaxed) && is_worker() {
        CALLS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

fn is_worker() -> bool {
    IS_WORKER.with(|known| {
        known.get().unwrap_or_else(|| {
            let is_worker = name().starts_with(WORKER);
            known.set(Some(is_worker));
            is_worker
        })
    })
}

/// The name of this thread, from the system: asking the standard library may allocate.
fn name() -> [u8; NAME_MAX] {
    let mut name = [0u8; NAME_MAX];
    // SAFETY: the system writes at most `name.len()` bytes, the closing zero included. On failure
    // it writes nothing.
    unsafe { libc::pthread_getname_np(libc::pthread_self(), name.as_mut_ptr().cast(), name.len()) };
    name
}
