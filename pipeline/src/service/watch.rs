//! Looks at the memory of the process for as long as memory limiters run.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;

use ledger::{Budget, Limits};
use telemetry::memory::{ReadFile, resident};

/// A thread of its own: a worker looks at nothing while it is busy, and a chain that is blocked is not ticked. When
/// this has been dropped nobody looks any more.
#[derive(Debug)]
pub(super) struct Watch {
    /// Nothing is ever sent.
    alive: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Says in the log when the door closes and opens.
#[derive(Debug, Default)]
struct Voice {
    is_refusing: bool,
}

impl Watch {
    pub(super) fn start(limits: Limits, budget: Arc<Budget>, read: ReadFile) -> io::Result<Self> {
        let (alive, over) = mpsc::channel();
        look(&budget, read);
        let name = "memory".to_owned();
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            let mut voice = Voice::default();
            while over.recv_timeout(limits.every) == Err(RecvTimeoutError::Timeout) {
                look(&budget, read);
                voice.tell(&budget);
            }
        })?;
        Ok(Self {
            alive: Some(alive),
            thread: Some(thread),
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.alive = None;
        if let Some(thread) = self.thread.take() {
            // It wakes at once. Had it panicked, it would look no more either.
            let _ = thread.join();
        }
    }
}

/// Where the kernel does not say what the process has, the payload alone counts.
fn look(budget: &Budget, read: ReadFile) {
    budget.occupies(resident(read).unwrap_or(0));
}

impl Voice {
    /// In the Collector's words.
    fn tell(&mut self, budget: &Budget) {
        let is_refusing = !budget.admits();
        if is_refusing == self.is_refusing {
            return;
        }
        self.is_refusing = is_refusing;
        let (used, occupied) = (budget.used(), budget.occupied());
        let (which, bytes) = match occupied >= budget.limit() {
            true => ("hard", occupied),
            false => ("soft", used),
        };
        let cur_mem_mib = bytes >> 20;
        match is_refusing {
            true => tracing::warn!(
                cur_mem_mib,
                "Memory usage is above {which} limit. Refusing data."
            ),
            false => tracing::info!(
                cur_mem_mib,
                "Memory usage back within limits. Resuming normal operation."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    #[tokio::test]
    async fn nobody_is_let_in_until_a_look_finds_less_memory_in_use() {
        static KIB: AtomicU64 = AtomicU64::new(100 << 10);
        let read: ReadFile = |path| {
            let line = format!("VmRSS:\t{} kB\n", KIB.load(Ordering::SeqCst));
            (path == "/proc/self/status").then_some(line)
        };
        let budget = Budget::new(1 << 30);
        let limits = Limits {
            soft: 80 << 20,
            hard: 100 << 20,
            every: Duration::from_millis(1),
        };
        budget.restrict(Some(limits));
        let _watch = Watch::start(limits, Arc::clone(&budget), read).unwrap();
        assert!(!budget.admits());
        KIB.store((100 << 10) - 1, Ordering::SeqCst);
        let admitted = tokio::time::timeout(Duration::from_secs(20), budget.admitted());
        assert!(admitted.await.is_ok());
    }
}
