//! `batch`: many small requests become few large ones, by moving them into one list.

mod batcher;
mod config;
mod cut;
mod meter;
mod partitions;
#[cfg(test)]
mod tests;

use std::time::Duration;

use otlp::Signal;
use pipeline::component::{
    Component, Flush, Holds, Host, Outbox, Processor, ProcessorComponent, Stability, State,
};
use pipeline::{Batch, ContextKey, Now, Outcome, Refusal, Shards};

use batcher::{Batcher, Rules};
use config::Config;
use partitions::Partitions;

/// Processor `batch`.
pub(crate) struct BatchProcessor {
    rules: Rules,
    batchers: Batchers,
}

enum Batchers {
    /// Everything is merged. Opened by the first batch, which says the signal.
    One(Option<Batcher>),
    ByMetadata(Partitions),
}

impl Component for BatchProcessor {
    const NAME: &'static str = "batch";
    const SIGNALS: &'static [Signal] = &Signal::ALL;
    const STABILITY: Stability = Stability::Stable;
    const EXAMPLE: &'static str = "\
timeout: 200ms
send_batch_size: 8192
send_batch_max_size: 16384
metadata_keys: [x-tenant]
metadata_cardinality_limit: 100
";
    const REFERENCE: &'static str = include_str!("reference.md");
    type Config = Config;

    fn keeps(config: &Config, key: &ContextKey) -> bool {
        let ContextKey::Metadata(name) = key else {
            return false;
        };
        config
            .metadata_keys
            .iter()
            .any(|key| key.eq_ignore_ascii_case(name))
    }
}

impl ProcessorComponent for BatchProcessor {
    const HOLDS: Holds = Holds::Requests;

    fn build(config: &Config, host: &Host) -> Result<Box<dyn Processor>, String> {
        Ok(Box::new(Self::new(config, host)))
    }
}

impl BatchProcessor {
    fn new(config: &Config, host: &Host) -> Self {
        let batchers = if config.metadata_keys.is_empty() {
            Batchers::One(None)
        } else {
            Batchers::ByMetadata(Partitions::new(config))
        };
        Self {
            rules: Rules::new(config, host),
            batchers,
        }
    }
}

impl Processor for BatchProcessor {
    fn admit(&self, batch: &Batch, now: Now) -> Result<(), Refusal> {
        match &self.batchers {
            Batchers::One(_) => Ok(()),
            Batchers::ByMetadata(partitions) => partitions.admit(batch, now),
        }
    }

    fn process(&mut self, batch: Batch, now: Now, out: &mut Outbox) {
        if batch.items() == 0 {
            // A request without items has nothing to wait for.
            batch.resolve(Outcome::Delivered);
            return;
        }
        match &mut self.batchers {
            Batchers::One(batcher) => {
                let batcher = batcher.get_or_insert_with(|| {
                    self.rules.meter.combinations(1);
                    Batcher::new(batch.signal(), None)
                });
                batcher.take(batch, now, &self.rules, out);
            }
            Batchers::ByMetadata(partitions) => partitions.take(batch, now, &self.rules, out),
        }
    }

    fn deadline(&self) -> Option<Duration> {
        match &self.batchers {
            Batchers::One(batcher) => batcher.as_ref().and_then(Batcher::deadline),
            Batchers::ByMetadata(partitions) => partitions.deadline(),
        }
    }

    fn tick(&mut self, now: Now, out: &mut Outbox) {
        match &mut self.batchers {
            Batchers::One(batcher) => {
                let is_due = |b: &&mut Batcher| b.deadline().is_some_and(|d| d <= now.mono);
                if let Some(batcher) = batcher.as_mut().filter(is_due) {
                    batcher.send_rest(&self.rules, out);
                }
            }
            Batchers::ByMetadata(partitions) => partitions.tick(now, &self.rules, out),
        }
    }

    fn flush(&mut self, now: Now, out: &mut Outbox) -> Flush {
        match &mut self.batchers {
            Batchers::One(batcher) => {
                if let Some(batcher) = batcher {
                    batcher.send_rest(&self.rules, out);
                }
                Flush::Done
            }
            Batchers::ByMetadata(partitions) => partitions.flush(now, &self.rules, out),
        }
    }

    fn yield_state(&mut self, _heirs: Shards) -> Vec<State> {
        let pending = match &mut self.batchers {
            Batchers::One(batcher) => batcher
                .take()
                .map(Batcher::into_pending)
                .into_iter()
                .collect(),
            Batchers::ByMetadata(partitions) => partitions.take_pending(),
        };
        vec![Box::new(Pending(pending))]
    }

    /// What its predecessor had waits anew, by the rules that hold now. What was kept apart for its senders goes on as
    /// it is: the keys may be others now, and their values are known no more.
    fn adopt(&mut self, state: State, now: Now, out: &mut Outbox) {
        let Ok(pending) = state.downcast::<Pending>() else {
            return;
        };
        for batch in pending.0.into_iter().filter(|batch| !batch.is_empty()) {
            match batch.context() {
                None => self.process(batch, now, out),
                Some(_) => out.push(batch),
            }
        }
    }
}

/// What a processor hands to its successor.
struct Pending(Vec<Batch>);
