//! What every processor must do with every signal that it carries.

use std::time::Duration;

use config::{Faults, Kind};
use otlp::Signal;

use super::table::with_body;
use super::{host, items_of, sample};
use crate::batch::Batch;
use crate::clock::Now;
use crate::component::{Flush, Outbox, Place, Processor, ProcessorFactory};
use crate::shards::Shards;

/// Batches given to each processor.
const BATCHES: usize = 20;

/// Calls of `flush` after which a processor that still says "more" never ends.
const FLUSHES_MAX: usize = 1000;

/// Checks every row × signal with its example configuration: what goes in comes out, is dropped with a reason or is
/// held; a tick is never late; a flush empties; claimed counts are true. Panics with the row and signal that fail.
pub fn check_processors(table: &[ProcessorFactory]) {
    for factory in table {
        for &signal in factory.signals {
            check(factory, signal);
        }
    }
}

fn check(factory: &ProcessorFactory, signal: Signal) {
    let row = format!("{} on {signal}", factory.name);
    let mut faults = Faults::new();
    let planned = with_body(
        Kind::Processor,
        factory.name,
        factory.example,
        &mut faults,
        |c, f| (factory.plan)(c, f),
    );
    let planned = planned.unwrap_or_else(|| panic!("{row}: its example is not read: {faults:?}"));
    let host = host(ledger::Kind::Processor, factory.name, Some(signal));
    let mut processor = (planned.build.make)(&host)
        .unwrap_or_else(|text| panic!("{row}: it cannot be built: {text}"));

    let mut ledger = Fates::default();
    let mut now = Duration::ZERO;
    for seed in 0..BATCHES {
        let batch = sample(signal, 1 + seed % 7, seed);
        let mut out = Outbox::default();
        now += Duration::from_millis(37);
        if processor.admit(&batch, Now::at(now)).is_ok() {
            ledger.taken += batch.items();
            processor.process(batch, Now::at(now), &mut out);
        }
        let mut note = |out: &mut Outbox| ledger.note(&row, out);
        note(&mut out);
        tick(&row, processor.as_mut(), now, &mut note);
    }
    let mut note = |out: &mut Outbox| ledger.note(&row, out);
    drain(&row, processor.as_mut(), now, &mut note);
    assert!(ledger.taken > 0, "{row}: it took nothing at all");
    assert_eq!(
        ledger.taken,
        ledger.passed + ledger.dropped,
        "{row}: items were lost or invented"
    );
    assert_eq!(
        processor.deadline(),
        None,
        "{row}: it is empty and still wants to be ticked"
    );
    for shards in [1, 3] {
        if shards == 1 || planned.build.place == Place::Shard && signal == Signal::Traces {
            let make =
                || (planned.build.make)(&host).unwrap_or_else(|text| panic!("{row}: {text}"));
            check_handover(&row, signal, Shards::new(shards), make);
        }
    }
}

/// Instances on so many shards hand over to others, of which there is one more if there are several: nothing is lost,
/// and nothing comes twice.
fn check_handover(
    row: &str,
    signal: Signal,
    shards: Shards,
    make: impl Fn() -> Box<dyn Processor>,
) {
    let now = Now::at(Duration::from_secs(1));
    let mut fates = Fates::default();
    let mut out = Outbox::default();
    let mut all: Vec<_> = (0..shards.count()).map(|_| make()).collect();
    for seed in 0..BATCHES {
        for (at, part) in shards.divide(sample(signal, 1 + seed % 7, seed)) {
            if all[at].admit(&part, now).is_ok() {
                fates.taken += part.items();
                all[at].process(part, now, &mut out);
            }
        }
        fates.note(row, &mut out);
    }
    let heirs = Shards::new(match shards.count() {
        1 => 1,
        several => several + 1,
    });
    let mut successors: Vec<_> = (0..heirs.count()).map(|_| make()).collect();
    for predecessor in &mut all {
        let states = predecessor.yield_state(heirs);
        assert!(
            states.is_empty() || states.len() == heirs.count(),
            "{row}: it hands over to {} of {} heirs",
            states.len(),
            heirs.count()
        );
        for (successor, state) in successors.iter_mut().zip(states) {
            successor.adopt(state, now, &mut out);
        }
    }
    fates.note(row, &mut out);
    for processor in all.iter_mut().chain(&mut successors) {
        let mut note = |out: &mut Outbox| fates.note(row, out);
        drain(row, processor.as_mut(), now.mono, &mut note);
    }
    assert_eq!(
        fates.taken,
        fates.passed + fates.dropped,
        "{row}: items were lost or invented when its state was handed over"
    );
}

/// Items by their fate.
#[derive(Default)]
struct Fates {
    taken: u64,
    passed: u64,
    dropped: u64,
}

impl Fates {
    fn note(&mut self, row: &str, out: &mut Outbox) {
        self.dropped += out.drain_dropped().map(|(items, _)| items).sum::<u64>();
        for batch in out.drain() {
            check_claim(row, &batch);
            self.passed += batch.items();
        }
    }
}

pub(super) fn check_claim(row: &str, batch: &Batch) {
    assert_eq!(
        batch.items(),
        items_of(batch),
        "{row}: it claims a count that is not true"
    );
    let bytes: usize = batch.chunks().iter().map(|chunk| chunk.bytes.len()).sum();
    assert_eq!(
        batch.bytes(),
        bytes,
        "{row}: it claims a size that is not true"
    );
    assert!(batch.items() > 0, "{row}: it passes on batches of nothing");
}

/// Ticks once if the processor asks for it by now; the tick must move its deadline on.
pub(super) fn tick(
    row: &str,
    processor: &mut dyn Processor,
    now: Duration,
    note: &mut impl FnMut(&mut Outbox),
) {
    let Some(deadline) = processor.deadline().filter(|deadline| *deadline <= now) else {
        return;
    };
    let mut out = Outbox::default();
    processor.tick(Now::at(now), &mut out);
    let emitted = !out.is_empty();
    note(&mut out);
    let moved = processor.deadline() != Some(deadline);
    assert!(
        emitted || moved,
        "{row}: a tick at its deadline does nothing, for ever"
    );
}

pub(super) fn drain(
    row: &str,
    processor: &mut dyn Processor,
    now: Duration,
    note: &mut impl FnMut(&mut Outbox),
) {
    for _ in 0..FLUSHES_MAX {
        let mut out = Outbox::default();
        let flushed = processor.flush(Now::at(now), &mut out);
        note(&mut out);
        if flushed == Flush::Done {
            return;
        }
    }
    panic!("{row}: its flush never ends");
}
