//! What the user chose for an exporter's delivery, resolved and checked.

use std::time::Duration;

use config::{GoDuration, Optional, blocks};

use crate::batch::ContextKey;

/// Delivery of one exporter. The configuration blocks of `config` turn into this.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `None`: each export runs for its caller, who waits for the result.
    pub queue: Option<Queue>,
    /// `None`: a retryable failure is final.
    pub retry: Option<Retry>,
    /// Bound of one attempt; `None`: no bound.
    pub timeout: Option<Duration>,
    /// The back end gets batches in the order in which they came: one at a time, and one that waits to be sent again
    /// holds up those behind it.
    pub in_order: bool,
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
    /// Batches of senders who differ in this are kept apart.
    pub partition_keys: Vec<ContextKey>,
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
        self.queue
            .as_ref()
            .is_none_or(|queue| queue.wait_for_result)
    }

    pub(crate) fn blocks(&self) -> bool {
        self.queue
            .as_ref()
            .is_none_or(|queue| queue.block_on_overflow)
    }
}

// === from the configuration blocks ===

impl Settings {
    /// From the blocks that every exporter with a queue has. The blocks have been validated.
    pub fn new(
        timeout: GoDuration,
        retry: &blocks::Retry,
        queue: &Optional<blocks::Queue>,
    ) -> Self {
        Self {
            queue: queue.as_ref().map(Queue::from),
            retry: retry.enabled.then(|| Retry::from(retry)),
            timeout: some_time(timeout),
            in_order: false,
        }
    }

    /// For exporters that cannot fail for long: no retry, no timeout, a queue only where asked for.
    pub fn direct(queue: &Optional<blocks::Queue>) -> Self {
        Self {
            queue: queue.as_ref().map(Queue::from),
            retry: None,
            timeout: None,
            in_order: false,
        }
    }
}

impl From<&blocks::Queue> for Queue {
    fn from(queue: &blocks::Queue) -> Self {
        Self {
            consumers: usize::try_from(queue.num_consumers).unwrap_or(1),
            size: u64::try_from(queue.queue_size).unwrap_or(1),
            sizer: queue.sizer.into(),
            wait_for_result: queue.wait_for_result,
            block_on_overflow: queue.block_on_overflow,
            merge: queue.batch.as_ref().map(Merge::from),
        }
    }
}

impl From<&blocks::QueueBatch> for Merge {
    fn from(batch: &blocks::QueueBatch) -> Self {
        let keys = batch.partition.metadata_keys.iter().cloned();
        Self {
            flush_timeout: batch.flush_timeout.get(),
            min_size: u64::try_from(batch.min_size).unwrap_or(0),
            max_size: u64::try_from(batch.max_size).ok().filter(|size| *size > 0),
            sizer: batch.sizer.into(),
            partition_keys: keys.map(ContextKey::Metadata).collect(),
        }
    }
}

impl From<blocks::Sizer> for Sizer {
    fn from(sizer: blocks::Sizer) -> Self {
        match sizer {
            blocks::Sizer::Requests => Self::Requests,
            blocks::Sizer::Items => Self::Items,
            blocks::Sizer::Bytes => Self::Bytes,
        }
    }
}

impl From<&blocks::Retry> for Retry {
    fn from(retry: &blocks::Retry) -> Self {
        Self {
            initial_interval: retry.initial_interval.get(),
            randomization_factor: retry.randomization_factor,
            multiplier: retry.multiplier,
            max_interval: retry.max_interval.get(),
            max_elapsed_time: some_time(retry.max_elapsed_time),
        }
    }
}

/// Zero means "no bound" throughout the Collector's settings.
fn some_time(duration: GoDuration) -> Option<Duration> {
    Some(duration.get()).filter(|duration| !duration.is_zero())
}
