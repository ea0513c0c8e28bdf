//! What every connector that makes a signal must do with each pair of signals that it joins.

use std::time::Duration;

use config::{Faults, Kind};
use otlp::Signal;

use super::processor::{check_claim, drain, tick};
use super::table::with_body;
use super::{host, sample};
use crate::batch::Batch;
use crate::clock::Now;
use crate::component::{BuildProcessor, ConnectorFactory, Outbox};

/// Batches given to each connector.
const BATCHES: usize = 20;

/// Between two batches. In all it is longer than any example's flush interval.
const STEP: Duration = Duration::from_secs(30);

/// Checks every row × pair with its example configuration: what it makes is of the signal that it says, with true
/// counts; a tick is never late; a flush ends. Panics with the row and pair that fail. Edges have nothing to check.
pub fn check_connectors(table: &[ConnectorFactory]) {
    for factory in table {
        let mut faults = Faults::new();
        let planned = with_body(
            Kind::Connector,
            factory.name,
            factory.example,
            &mut faults,
            |c, f| (factory.plan)(c, f),
        );
        let planned = planned
            .unwrap_or_else(|| panic!("{}: its example is not read: {faults:?}", factory.name));
        assert!(!factory.joins.is_empty(), "{} joins nothing", factory.name);
        if let Some(maker) = planned.build.maker {
            for &(from, to) in factory.joins {
                check(factory.name, &maker, from, to);
            }
        }
    }
}

fn check(name: &str, maker: &BuildProcessor, from: Signal, to: Signal) {
    let row = format!("{name} from {from} to {to}");
    let host = host(ledger::Kind::Connector, name, Some(from));
    let mut connector =
        (maker.make)(&host).unwrap_or_else(|text| panic!("{row}: it cannot be built: {text}"));
    let (mut taken, mut dropped, mut made) = (0, 0, 0);
    let mut note = |out: &mut Outbox| {
        dropped += out.drain_dropped().map(|(items, _)| items).sum::<u64>();
        let pushed: Vec<Batch> = out.drain().collect();
        for batch in &pushed {
            assert_eq!(batch.signal(), to, "{row}: it makes another signal");
            check_claim(&row, batch);
            made += batch.items();
        }
    };
    let mut now = Duration::ZERO;
    for seed in 0..BATCHES {
        let batch = sample(from, 1 + seed % 7, seed);
        let mut out = Outbox::default();
        now += STEP;
        if connector.admit(&batch, Now::at(now)).is_ok() {
            taken += batch.items();
            connector.process(batch, Now::at(now), &mut out);
        }
        note(&mut out);
        tick(&row, connector.as_mut(), now, &mut note);
    }
    drain(&row, connector.as_mut(), now, &mut note);
    assert!(taken > 0, "{row}: it took nothing at all");
    assert!(made > 0, "{row}: it made nothing at all");
    assert!(dropped <= taken, "{row}: it drops more than it took");
}
