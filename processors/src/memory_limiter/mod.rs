//! `memory_limiter`: bounds the memory of the process for as long as it stands in a pipeline.
//!
//! It decides nothing about a batch. What has come as far as here is in memory, and to keep it waiting would free
//! none: the limits hold at the door, where the budget admits bodies (`ledger::Budget`).

mod config;
mod meter;
#[cfg(test)]
mod tests;

use ledger::Limits;
use otlp::Signal;
use pipeline::component::{Component, Host, Outbox, Processor, ProcessorComponent, Stability};
use pipeline::{Batch, Now};
use telemetry::memory::{ReadFile, read_file};

use self::config::Config;
use meter::Meter;

/// Processor `memory_limiter`.
pub(crate) struct MemoryLimiter {
    limits: Limits,
    meter: Meter,
}

impl Component for MemoryLimiter {
    const NAME: &'static str = "memory_limiter";
    const SIGNALS: &'static [Signal] = &Signal::ALL;
    const STABILITY: Stability = Stability::Stable;
    const EXAMPLE: &'static str = "\
check_interval: 1s
limit_percentage: 80
spike_limit_percentage: 25
";
    const REFERENCE: &'static str = include_str!("reference.md");
    type Config = Config;
}

impl ProcessorComponent for MemoryLimiter {
    fn build(config: &Config, host: &Host) -> Result<Box<dyn Processor>, String> {
        Ok(Box::new(Self::new(config, host, read_file)?))
    }
}

impl MemoryLimiter {
    fn new(config: &Config, host: &Host, read: ReadFile) -> Result<Self, String> {
        Ok(Self {
            limits: config.limits(read)?,
            meter: Meter::new(host),
        })
    }
}

impl Processor for MemoryLimiter {
    fn limits(&self) -> Option<Limits> {
        Some(self.limits)
    }

    fn process(&mut self, batch: Batch, _now: Now, out: &mut Outbox) {
        self.meter.accepted(batch.items());
        out.push(batch);
    }
}
