//! Components that change, hold or refuse data. Adding one is a folder and a row in [`ALL`].

mod batch;
mod charge;
#[cfg(test)]
mod fixture;
mod memory_limiter;

use pipeline::component::ProcessorFactory;

/// Every processor of this build.
pub const ALL: &[ProcessorFactory] = &[
    ProcessorFactory::of::<batch::BatchProcessor>(),
    ProcessorFactory::of::<memory_limiter::MemoryLimiter>(),
];
