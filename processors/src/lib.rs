//! Components that change, hold or refuse data. Adding one is a folder and a row in [`ALL`].

mod actions;
mod attributes;
mod batch;
#[cfg(test)]
mod fixture;
mod matching;
mod memory_limiter;
mod probabilistic_sampler;
mod resource;
mod rewriting;
mod tail_sampling;

use pipeline::component::ProcessorFactory;

/// Every processor of this build.
pub const ALL: &[ProcessorFactory] = &[
    ProcessorFactory::of::<attributes::AttributesProcessor>(),
    ProcessorFactory::of::<batch::BatchProcessor>(),
    ProcessorFactory::of::<memory_limiter::MemoryLimiter>(),
    ProcessorFactory::of::<probabilistic_sampler::ProbabilisticSampler>(),
    ProcessorFactory::of::<resource::ResourceProcessor>(),
    ProcessorFactory::of::<tail_sampling::TailSampling>(),
];
