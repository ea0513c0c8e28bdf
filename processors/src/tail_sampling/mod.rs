//! Decides for whole traces: their spans wait until most of them have come, and then go on together or not at all.
//!
//! ```text
//! batch ─▶ span ─▶ verdict remembered? ─yes─▶ it follows ─┐
//!                     │ no                                ├─▶ emitter ─▶ out
//!                     ▼                                   │
//!                  log (bytes), traces (facts) ─▶ due ─▶ policies ─▶ cache
//! ```

mod ahead;
mod alarm;
mod cache;
mod config;
mod emit;
mod id;
mod index;
mod ingest;
mod log;
mod mark;
mod meter;
mod pending;
mod policies;
mod queue;
mod rules;
mod sampler;
mod slab;
mod state;
#[cfg(test)]
mod tests;
mod why;

use otlp::Signal;
use pipeline::component::{
    Component, Holds, Host, Place, Processor, ProcessorComponent, Sampling, Stability,
};

use config::Config;
use sampler::Sampler;

/// Processor `tail_sampling`.
pub(crate) struct TailSampling;

impl Component for TailSampling {
    const NAME: &'static str = "tail_sampling";
    const SIGNALS: &'static [Signal] = &[Signal::Traces];
    const STABILITY: Stability = Stability::Beta;
    const EXAMPLE: &'static str = "\
decision_wait: 10s
num_traces: 100000
policies:
  - name: errors
    type: status_code
    status_code: {status_codes: [ERROR]}
  - name: slow
    type: latency
    latency: {threshold_ms: 1000}
  - name: a-tenth
    type: probabilistic
    probabilistic: {sampling_percentage: 10}
";
    const REFERENCE: &'static str = include_str!("reference.md");
    const OWN_KEYS: &'static [&'static str] = &[
        "max_pending_bytes",
        "on_overflow",
        "record_policy",
        "record_threshold",
        "why",
    ];
    type Config = Config;
}

impl ProcessorComponent for TailSampling {
    const HOLDS: Holds = Holds::Items;
    const PLACE: Place = Place::Shard;
    const SAMPLING: Sampling = Sampling::Decides;

    fn shards(config: &Config) -> usize {
        config.parts() as usize
    }

    fn build(config: &Config, host: &Host) -> Result<Box<dyn Processor>, String> {
        Ok(Box::new(Sampler::new(config, host)?))
    }
}
