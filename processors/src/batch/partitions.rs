//! Batches kept apart by client metadata.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use ledger::Reason;
use pipeline::component::{Flush, Outbox};
use pipeline::{Batch, Context, Now, Outcome, Refusal};

use super::batcher::{Batcher, Rules};
use super::config::Config;

/// A combination of values that sent nothing for this long is forgotten when room is needed for
/// another. A tenant that reports every minute keeps its place.
pub(super) const IDLE_MAX: Duration = Duration::from_secs(5 * 60);

const TOO_MANY: Refusal = Refusal::never(
    Reason::MetadataCardinality,
    "too many batcher metadata-value combinations",
);

/// The values of all keys, each with its length in front, so that no two combinations look alike.
type Combination = Arc<[u8]>;

/// One batcher for each combination of values.
#[derive(Debug)]
pub(super) struct Partitions {
    /// In lower case.
    keys: Vec<String>,
    /// Combinations at the same time.
    limit: usize,
    by_values: HashMap<Combination, Partition>,
    schedule: Schedule,
    /// For the combination of the batch at hand.
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Partition {
    combination: Combination,
    batcher: Batcher,
    /// Where the schedule has it.
    slot: Slot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    /// It holds items, which are to be sent then.
    Due(Duration),
    /// It holds nothing, and may be forgotten from then on.
    Idle(Duration),
}

#[derive(Debug, Default)]
struct Schedule {
    due: BTreeSet<(Duration, Combination)>,
    idle: BTreeSet<(Duration, Combination)>,
}

// === impl Partitions ===

impl Partitions {
    pub(super) fn new(config: &Config) -> Self {
        let limit = match config.metadata_cardinality_limit {
            0 => usize::MAX,
            limit => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        Self {
            keys: config
                .metadata_keys
                .iter()
                .map(|key| key.to_lowercase())
                .collect(),
            limit,
            by_values: HashMap::new(),
            schedule: Schedule::default(),
            scratch: Vec::new(),
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.schedule.due.first().map(|(deadline, _)| *deadline)
    }

    pub(super) fn admit(&self, batch: &Batch, now: Now) -> Result<(), Refusal> {
        let has_room = self.by_values.len() < self.limit || self.schedule.forgettable(now);
        if has_room {
            return Ok(());
        }
        let mut combination = Vec::new();
        write_combination(&self.keys, batch.context(), &mut combination);
        if self.by_values.contains_key(combination.as_slice()) {
            Ok(())
        } else {
            Err(TOO_MANY)
        }
    }

    pub(super) fn take(&mut self, batch: Batch, now: Now, rules: &Rules, out: &mut Outbox) {
        write_combination(&self.keys, batch.context(), &mut self.scratch);
        let is_known = self.by_values.contains_key(self.scratch.as_slice());
        if !is_known && !self.open(&batch, now, rules) {
            // Only what another processor emits gets here: the driver asks `admit` for requests.
            out.drop_items(batch.items(), TOO_MANY.reason);
            batch.resolve(Outcome::Permanent(TOO_MANY.reason));
            return;
        }
        if let Some(partition) = self.by_values.get_mut(self.scratch.as_slice()) {
            partition.batcher.take(batch, now, rules, out);
            self.schedule.settle(partition, now);
        }
    }

    /// Sends what is due.
    pub(super) fn tick(&mut self, now: Now, rules: &Rules, out: &mut Outbox) {
        while self.deadline().is_some_and(|deadline| deadline <= now.mono) {
            self.send_first(now, rules, out);
        }
    }

    /// Sends the batch of one combination.
    pub(super) fn flush(&mut self, now: Now, rules: &Rules, out: &mut Outbox) -> Flush {
        self.send_first(now, rules, out);
        if self.schedule.due.is_empty() {
            Flush::Done
        } else {
            Flush::More
        }
    }

    /// Everything that waits. No combination is known any more.
    pub(super) fn take_pending(&mut self) -> Vec<Batch> {
        self.schedule = Schedule::default();
        let partitions = std::mem::take(&mut self.by_values).into_values();
        partitions
            .map(|partition| partition.batcher.into_pending())
            .collect()
    }

    fn send_first(&mut self, now: Now, rules: &Rules, out: &mut Outbox) {
        let Some((_, combination)) = self.schedule.due.pop_first() else {
            return;
        };
        if let Some(partition) = self.by_values.get_mut(&combination) {
            partition.batcher.send_rest(rules, out);
            self.schedule.settle(partition, now);
        }
    }

    /// Opens a batcher for the combination in `scratch`, if there is room.
    fn open(&mut self, batch: &Batch, now: Now, rules: &Rules) -> bool {
        while self.schedule.forgettable(now) {
            if let Some((_, combination)) = self.schedule.idle.pop_first() {
                self.by_values.remove(&combination);
            }
        }
        if self.by_values.len() >= self.limit {
            return false;
        }
        let combination = Combination::from(self.scratch.as_slice());
        let context = Arc::new(kept(&self.keys, batch.context()));
        let slot = Slot::Idle(now.mono.saturating_add(IDLE_MAX));
        self.schedule.put(slot, Arc::clone(&combination));
        let partition = Partition {
            combination: Arc::clone(&combination),
            batcher: Batcher::new(batch.signal(), Some(context)),
            slot,
        };
        self.by_values.insert(combination, partition);
        rules.meter.combinations(self.by_values.len());
        true
    }
}

// === impl Schedule ===

impl Schedule {
    /// Whether a combination has been idle for long enough.
    fn forgettable(&self, now: Now) -> bool {
        self.idle
            .first()
            .is_some_and(|(forget, _)| *forget <= now.mono)
    }

    /// Moves a partition to where it belongs after its batcher was called.
    fn settle(&mut self, partition: &mut Partition, now: Now) {
        let slot = match partition.batcher.deadline() {
            Some(deadline) => Slot::Due(deadline),
            None => Slot::Idle(now.mono.saturating_add(IDLE_MAX)),
        };
        if slot == partition.slot {
            return;
        }
        match partition.slot {
            Slot::Due(time) => self.due.remove(&(time, Arc::clone(&partition.combination))),
            Slot::Idle(time) => self
                .idle
                .remove(&(time, Arc::clone(&partition.combination))),
        };
        partition.slot = slot;
        self.put(slot, Arc::clone(&partition.combination));
    }

    fn put(&mut self, slot: Slot, combination: Combination) {
        match slot {
            Slot::Due(time) => self.due.insert((time, combination)),
            Slot::Idle(time) => self.idle.insert((time, combination)),
        };
    }
}

/// Writes the values of all keys, as they were received.
fn write_combination(keys: &[String], context: Option<&Arc<Context>>, into: &mut Vec<u8>) {
    into.clear();
    for key in keys {
        let values = || {
            context
                .into_iter()
                .flat_map(|context| context.metadata(key))
        };
        into.extend_from_slice(&values().count().to_le_bytes());
        for value in values() {
            into.extend_from_slice(&value.len().to_le_bytes());
            into.extend_from_slice(value.as_bytes());
        }
    }
}

/// The part of the context that merging keeps.
fn kept(keys: &[String], context: Option<&Arc<Context>>) -> Context {
    let mut metadata = Vec::new();
    for key in keys {
        let values = context
            .into_iter()
            .flat_map(|context| context.metadata(key));
        metadata.extend(values.map(|value| (key.clone(), value.to_owned())));
    }
    Context {
        metadata,
        ..Context::default()
    }
}
