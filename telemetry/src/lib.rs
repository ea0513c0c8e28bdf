//! Our own health: metric families for Prometheus, log lines in the Collector's shape, and the
//! resource that names this process in both.
//!
//! Nothing here reads a clock: the composition root passes one in.

pub mod logging;
pub mod memory;
pub mod metrics;
mod process;
mod resource;

use std::sync::Arc;

pub use process::Process;
pub use resource::Resource;

/// Tells the time: nanoseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;
