//! What every exporter gets for free: a bounded queue, merging, retry and timeout, in that order.
//!
//! ```text
//! intake (room reserved) ─▶ [merge] ─▶ waiting ─▶ attempt (≤ num_consumers) ─▶ done
//!                                         ▲  ▲         │ retryable, refused for good
//!                                         │  └─ halves ┤
//!                                         └── timer ◀──┘   a waiting retry occupies no consumer
//! ```
//! Room is taken when a batch enters and given back when its fate is known, not when it leaves the queue.

mod attempt;
mod cut;
mod entry;
mod intake;
mod merge;
mod queue;
mod report;
mod retry;
mod search;
mod settings;
#[cfg(test)]
mod tests;

pub(crate) use intake::{Entries, Intake, Permit, Room};
pub(crate) use queue::Delivery;
pub use settings::{Merge, Queue, Retry, Settings, Sizer};
