//! `probabilistic_sampler`: keeps a part of the spans or log records, the same part on every collector.
//!
//! ```text
//! item ─▶ what it carries (span.rs, record.rs) ─▶ decide (choice.rs) ─▶ dropped
//!                                                       └─▶ kept, with the threshold written into it
//! ```

mod choice;
mod config;
mod meter;
mod record;
mod span;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ledger::{Budget, Reason};
use otlp::{Carrier, Malformed, Place, Signal, sift};
use pipeline::component::{Component, Host, Outbox, Processor, ProcessorComponent, Stability};
use pipeline::{Batch, Now};

use crate::rewriting::rewrite_batch;
use choice::Sampler;
use config::Config;
use meter::Meter;
use record::Records;

/// Processor `probabilistic_sampler`.
pub(crate) struct ProbabilisticSampler {
    sampler: Sampler,
    /// What is looked for on log records; spans have nothing to be configured.
    records: Records,
    budget: Arc<Budget>,
    meter: Meter,
}

impl Component for ProbabilisticSampler {
    const NAME: &'static str = "probabilistic_sampler";
    const SIGNALS: &'static [Signal] = &[Signal::Traces, Signal::Logs];
    const STABILITY: Stability = Stability::Beta;
    const EXAMPLE: &'static str = "\
sampling_percentage: 15
mode: proportional
";
    const REFERENCE: &'static str = include_str!("reference.md");
    type Config = Config;
}

impl ProcessorComponent for ProbabilisticSampler {
    fn build(config: &Config, host: &Host) -> Result<Box<dyn Processor>, String> {
        Ok(Box::new(Self {
            sampler: Sampler::new(config),
            records: Records::new(config),
            budget: Arc::clone(&host.budget),
            meter: Meter::new(host, &config.from_attribute),
        }))
    }
}

impl ProbabilisticSampler {
    /// Whether the item is kept; if so its sampling is written into it.
    fn keeps(&self, carrier: &mut Carrier<'_, '_>) -> Result<bool, Malformed> {
        let Place::Item(entry) = carrier.place() else {
            return Ok(true);
        };
        let choice = match entry.item.log_record()? {
            Some(record) => self.records.choose(&self.sampler, &record, carrier)?,
            None => span::choose(&self.sampler, entry.item.body, carrier)?,
        };
        self.meter.chosen(&choice);
        Ok(choice.is_kept)
    }
}

impl Processor for ProbabilisticSampler {
    fn process(&mut self, batch: Batch, _now: Now, out: &mut Outbox) {
        let signal = batch.signal();
        let mut dropped = 0;
        rewrite_batch(batch, &self.budget, out, |chunk| {
            let sifted = sift(signal, &chunk.bytes, |carrier| self.keeps(carrier))?;
            let sifted = sifted.map(|(bytes, kept)| (bytes, kept as u64));
            dropped += chunk.items - sifted.as_ref().map_or(0, |(_, kept)| *kept);
            Ok(sifted)
        });
        if dropped > 0 {
            out.drop_items(dropped, Reason::NotSampled);
        }
    }
}
