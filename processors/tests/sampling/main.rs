//! `tail_sampling` against the Collector: it keeps the same of the same traces.
#![allow(clippy::unwrap_used, reason = "a test stops where its premise fails")]

mod properties;
mod sets;
mod traces;
mod verdicts;

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use config::Faults;
use otlp::view::Request;
use otlp::{Malformed, Signal, survey};
use pipeline::component::{Outbox, Processor};
use pipeline::{Batch, Now, testkit};

use sets::{PAUSE, Set, WAIT};
use traces::Feed;

/// What the Go Collector kept: `tests/interop/tail_sampling/run` asks it.
const RECORDED: &str = include_str!("verdicts.txt");

#[test]
fn the_same_traces_are_kept_as_by_the_collector() {
    let feed = traces::feed(verdicts::RECORDED, 0);
    let (digest, recorded) = verdicts::read(RECORDED);
    assert_eq!(
        traces::digest(&feed),
        digest,
        "these are other traces: record again"
    );
    let mut unexplained = Vec::new();
    let sets = sets::all();
    assert_eq!(recorded.len(), sets.len());
    let verdicts = judged(&sets, &feed);
    for ((set, ours), (name, theirs)) in sets.iter().zip(&verdicts).zip(&recorded) {
        assert_eq!(set.name, name);
        let (found, explained) = verdicts::differences(set.name, &feed.traces, ours, theirs);
        assert!(
            explained <= feed.traces.len() / 10,
            "{}: {explained} differ",
            set.name
        );
        unexplained.extend(found);
    }
    verdicts::all_explained(&unexplained);
}

/// What each set keeps, the sets shared by two threads.
fn judged(sets: &[Set], feed: &Feed) -> Vec<Vec<bool>> {
    let (some, others) = sets.split_at(sets.len() / 2);
    std::thread::scope(|scope| {
        let some = scope.spawn(|| some.iter().map(|set| judge(set, feed)).collect::<Vec<_>>());
        let others: Vec<_> = others.iter().map(|set| judge(set, feed)).collect();
        let mut all = some.join().unwrap();
        all.extend(others);
        all
    })
}

/// Which traces a set keeps.
fn judge(set: &Set, feed: &Feed) -> Vec<bool> {
    let mut processor = build(&set.config);
    let mut out = Outbox::default();
    let [early, late] = &feed.requests;
    send(processor.as_mut(), early, 0, &mut out);
    tick(processor.as_mut(), PAUSE, &mut out);
    send(processor.as_mut(), late, PAUSE, &mut out);
    tick(processor.as_mut(), PAUSE + WAIT + 1, &mut out);
    assert_eq!(processor.deadline(), None, "{}: something waits", set.name);
    let mut kept: HashMap<[u8; 16], u64> = HashMap::new();
    for batch in out.drain() {
        for chunk in batch.chunks() {
            let count = Request::new(Signal::Traces, &chunk.bytes).for_each_item(|entry| {
                let id = entry.item.span()?.unwrap().trace_id.try_into().unwrap();
                *kept.entry(id).or_default() += 1;
                Ok::<_, Malformed>(())
            });
            count.unwrap();
        }
    }
    traces::kept(feed, set.name, |trace| {
        kept.get(&trace.id).copied().unwrap_or_default()
    })
}

fn build(config: &str) -> Box<dyn Processor> {
    let row = processors::ALL
        .iter()
        .find(|row| row.is_called("tail_sampling"));
    let mut faults = Faults::default();
    let yaml = format!("processors: {{tail_sampling: {config}}}");
    let document = testkit::document(&yaml, &mut faults);
    let document = document.unwrap_or_else(|| panic!("{faults:?}"));
    let component = document.processors.iter().next().unwrap();
    let planned = (row.unwrap().plan)(component, &mut faults);
    let host = testkit::host(ledger::Kind::Processor, "under_test", Some(Signal::Traces));
    (planned.unwrap_or_else(|| panic!("{faults:?}")).build.make)(&host).unwrap()
}

fn at(seconds: u64) -> Now {
    Now::at(Duration::from_secs(seconds))
}

fn send(processor: &mut dyn Processor, requests: &[Vec<u8>], seconds: u64, out: &mut Outbox) {
    for request in requests {
        let bytes = Bytes::copy_from_slice(request);
        let items = survey(Signal::Traces, &bytes).unwrap().items as u64;
        processor.process(Batch::new(Signal::Traces, bytes, items), at(seconds), out);
    }
}

/// Ticks whenever the processor asks for it, up to a time.
fn tick(processor: &mut dyn Processor, seconds: u64, out: &mut Outbox) {
    while let Some(due) = processor.deadline().filter(|due| due.as_secs() < seconds) {
        processor.tick(Now::at(due), out);
    }
}
