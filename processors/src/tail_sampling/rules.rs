//! How long and how many traces wait.

use ledger::Budget;

use super::config::{Config, OnOverflow, PENDING_BYTES_MIN, Strategy, divided};
use super::pending::Waits;

#[derive(Debug)]
pub(super) struct Rules {
    pub(super) waits: Waits,
    pub(super) traces_max: usize,
    pub(super) bytes_max: u64,
    pub(super) trace_bytes_max: Option<u64>,
    pub(super) overflow: OnOverflow,
    pub(super) drops_at_end: bool,
    /// As soon as a policy keeps or drops a trace.
    pub(super) decides_on_arrival: bool,
}

impl Rules {
    pub(super) fn new(config: &Config, budget: &Budget) -> Self {
        let some = |bytes: u64| (bytes > 0).then_some(bytes);
        let parts = config.parts();
        let bytes_max = some(config.max_pending_bytes.bytes()).unwrap_or(budget.limit() / 2);
        let after_root = config.decision_wait_after_root_received.get();
        Self {
            waits: Waits {
                first: config.decision_wait.get(),
                root: (!after_root.is_zero()).then_some(after_root),
            },
            traces_max: usize::try_from(divided(config.num_traces, parts)).unwrap_or(usize::MAX),
            bytes_max: divided(bytes_max, parts).max(PENDING_BYTES_MIN),
            trace_bytes_max: some(config.maximum_trace_size_bytes),
            overflow: config.overflow(),
            drops_at_end: config.drop_pending_traces_on_shutdown,
            decides_on_arrival: config.sampling_strategy == Strategy::SpanIngest,
        }
    }
}
