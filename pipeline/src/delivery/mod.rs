//! What every exporter gets for free: a bounded queue, merging, retry and timeout, in that order.
//!
//! ```text
//! intake (room reserved) ─▶ [merge] ─▶ waiting ─▶ attempt (≤ num_consumers) ─▶ done
//!                                         ▲            │ retryable
//!                                         └── timer ◀──┘   a waiting retry occupies no consumer
//! ```
//! Room is taken when a batch enters and given back when its fate is known, not when it leaves the queue.

mod cut;
mod intake;
mod merge;
mod queue;
mod retry;
mod settings;
#[cfg(test)]
mod tests;

pub(crate) use intake::{Entries, Intake, Room};
pub(crate) use queue::Delivery;
pub use settings::{Merge, Queue, Retry, Settings, Sizer};
