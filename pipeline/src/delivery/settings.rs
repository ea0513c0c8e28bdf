//! What the user chose for an exporter's delivery, resolved and checked.

use std::time::Duration;

/// Delivery of one exporter. The configuration blocks of `config` turn into this.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `None`: each export runs for its caller, who waits for the result.
    pub queue: Option<Queue>,
    /// `None`: a retryable failure is final.
    pub retry: Option<Retry>,
    /// Bound of one attempt; `None`: no bound.
    pub timeout: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// Attempts that may run at the same time.
    pub consumers: usize,
    /// Capacity in units of `sizer`.
    pub size: u64,
    pub sizer: Sizer,
    /// Callers wait for the result of the export.
    pub wait_for_result: bool,
    /// A full queue stops its upstream even when this exporter has siblings.
    pub block_on_overflow: bool,
    pub merge: Option<Merge>,
}

/// What a queue counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizer {
    Requests,
    Items,
    Bytes,
}

/// Batching in the queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Merge {
    pub flush_timeout: Duration,
    /// A merged batch is sent from this size on.
    pub min_size: u64,
    /// Larger batches are split; `None`: never.
    pub max_size: Option<u64>,
    /// `Items` or `Bytes`.
    pub sizer: Sizer,
    /// Batches with different values of these metadata keys are kept apart.
    pub partition_keys: Vec<String>,
}

/// Exponential back-off with jitter.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    pub initial_interval: Duration,
    /// 0 to 1: each wait is drawn from `interval × (1 ± factor)`.
    pub randomization_factor: f64,
    pub multiplier: f64,
    pub max_interval: Duration,
    /// From the first attempt; `None`: for ever.
    pub max_elapsed_time: Option<Duration>,
}

impl Settings {
    /// Whether the sender of a request that comes straight here waits for the result.
    pub(crate) fn waits(&self) -> bool {
        self.queue.as_ref().is_none_or(|queue| queue.wait_for_result)
    }

    pub(crate) fn blocks(&self) -> bool {
        self.queue.as_ref().is_none_or(|queue| queue.block_on_overflow)
    }
}
