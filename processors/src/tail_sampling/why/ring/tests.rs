//! What the ring remembers, in how much memory, and how it moves.

use super::super::super::policies::Policies;
use super::super::Why;
use super::super::record::{Cause, Outcome};
use super::moving::Memory;
use super::*;

const RING: u64 = 1 << 20;

fn charter() -> Arc<Charter> {
    let policies = serde_json::from_str(r#"[{"name":"all","type":"always_sample"}]"#).unwrap();
    let policies: Vec<_> = policies;
    Arc::clone(Policies::new(&policies, 1, false).unwrap().charter())
}

fn id(number: u64) -> TraceId {
    let mut id = [7; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    id
}

/// Decided at this time, with so many spans as its number says.
fn decided(number: u64, at: Duration) -> Decided<'static> {
    Decided {
        id: id(number),
        outcome: Outcome::NotSampled,
        cause: Cause::Due,
        policy: None,
        has_root: true,
        at,
        first: at.saturating_sub(Duration::from_secs(10)),
        last: at.saturating_sub(Duration::from_secs(9)),
        spans: number as u32,
        bytes: 4770,
        millis: 812,
        trail: &[1, 1, 1],
    }
}

/// So many decisions, one each millisecond.
fn filled(count: u64, budget: &Arc<Budget>) -> Ring {
    let (mut ring, charter) = (Ring::new(RING, budget), charter());
    for number in 0..count {
        ring.append(&decided(number, Duration::from_millis(number)), 0, &charter);
    }
    ring
}

fn knows(ring: &Ring, number: u64, now: Duration) -> bool {
    let found = ring.find(&id(number), now);
    assert!(found.len() <= 1);
    found
        .iter()
        .all(|(record, _)| record.decided == decided(number, Duration::from_millis(number)))
        && !found.is_empty()
}

#[test]
fn the_newest_decisions_are_kept_within_the_bytes_and_all_before_them_forgotten() {
    let budget = Budget::new(1 << 30);
    let ring = filled(100_000, &budget);
    let now = Duration::from_millis(100_000);
    assert!(budget.used() <= RING, "{}", budget.used());
    let forgotten = ring.forgotten(now).unwrap().as_millis() as u64;
    assert!((60_000..90_000).contains(&forgotten), "{forgotten}");
    assert!((0..=forgotten).all(|number| !knows(&ring, number, now)));
    assert!((forgotten + 1..100_000).all(|number| knows(&ring, number, now)));
    drop(ring);
    assert_eq!(budget.used(), 0);
}

#[test]
fn numbers_of_segments_wrap_without_harm() {
    let budget = Budget::new(1 << 30);
    let mut ring = filled(0, &budget);
    ring.first = u16::MAX - 3;
    let charter = charter();
    for number in 0..50_000 {
        ring.append(&decided(number, Duration::from_millis(number)), 0, &charter);
    }
    let now = Duration::from_millis(50_000);
    let forgotten = ring.forgotten(now).unwrap().as_millis() as u64;
    assert!((forgotten + 1..50_000).all(|number| knows(&ring, number, now)));
}

#[test]
fn late_spans_are_counted_for_the_newest_decision() {
    let (budget, charter) = (Budget::new(1 << 30), charter());
    let mut ring = Ring::new(RING, &budget);
    for second in [1, 2] {
        ring.append(&decided(5, Duration::from_secs(second)), 0, &charter);
    }
    ring.add_late(&id(5));
    ring.add_late(&id(6));
    let found = ring.find(&id(5), Duration::from_secs(3));
    let late: Vec<_> = found
        .iter()
        .map(|(record, _)| (record.decided.at.as_secs(), record.late))
        .collect();
    assert_eq!(late, [(2, 1), (1, 0)]);
}

#[test]
fn where_little_comes_an_hour_is_an_hour() {
    let (budget, charter) = (Budget::new(1 << 30), charter());
    let mut ring = Ring::new(RING, &budget);
    for minute in 0..600 {
        ring.append(
            &decided(minute, Duration::from_secs(minute * 60)),
            0,
            &charter,
        );
    }
    let now = Duration::from_secs(599 * 60);
    assert_eq!(ring.forgotten(now), Some(now - HORIZON));
    let known = (0..600).filter(|&minute| !ring.find(&id(minute), now).is_empty());
    assert_eq!(known.collect::<Vec<_>>(), (539..600).collect::<Vec<_>>());
    assert!(ring.segments.len() <= 14, "{}", ring.segments.len());
}

#[test]
fn a_change_of_policies_keeps_what_was_decided_before_with_its_own() {
    let budget = Budget::new(1 << 30);
    let (mut ring, first, second) = (Ring::new(RING, &budget), charter(), charter());
    for (number, charter) in [(1, &first), (2, &second)] {
        ring.append(&decided(number, Duration::from_secs(number)), 0, charter);
    }
    let now = Duration::from_secs(3);
    assert!(Arc::ptr_eq(ring.find(&id(1), now)[0].1, &first));
    assert!(Arc::ptr_eq(ring.find(&id(2), now)[0].1, &second));
    assert!(
        budget.used() < 2 * SEGMENT_BYTES as u64,
        "{}",
        budget.used()
    );
}

#[test]
fn memory_is_cut_by_trace_and_put_together_again() {
    let budget = Budget::new(1 << 30);
    let whole = Memory::of(filled(1000, &budget));
    let parts = whole.split(3, &|id| usize::from(id[7]) % 3, &budget);
    let now = Duration::from_millis(1000);
    for number in 0..1000 {
        let holders = parts.iter().filter(|part| knows(part.ring(), number, now));
        assert_eq!(holders.count(), 1, "{number}");
    }
    let host = crate::fixture::host();
    let mut again = Why::new(BYTES_MAX, &charter(), &host);
    parts
        .into_iter()
        .for_each(|part| again.adopt(part, &budget));
    assert!((0..1000).all(|number| knows(&again.ring, number, now)));
    assert_eq!(again.ring.segments.len(), whole.ring().segments.len());
    let in_order = again.ring.all().map(|(record, _)| record.decided.spans);
    assert!(in_order.is_sorted());
}

#[test]
fn a_successor_remembers_what_fits_its_own_bounds() {
    let host = crate::fixture::host();
    let charters = [charter(), charter()];
    let mut before = Why::new(4 * RING, &charters[0], &host);
    for number in 0..50_000 {
        before.note(&decided(number, Duration::from_millis(number)));
    }
    let mut after = Why::new(RING, &charters[1], &host);
    after.adopt(before.yield_memory(&host.budget), &host.budget);
    let now = Duration::from_millis(50_000);
    after.note(&decided(50_000, now));
    assert!(host.budget.used() <= RING, "{}", host.budget.used());
    let known = |number| {
        after
            .ring
            .find(&id(number), now)
            .pop()
            .map(|(_, charter)| charter)
    };
    assert!(Arc::ptr_eq(known(49_999).unwrap(), &charters[0]));
    assert!(Arc::ptr_eq(known(50_000).unwrap(), &charters[1]));
    assert!(known(0).is_none() && before.ring.find(&id(49_999), now).is_empty());
}

#[test]
fn of_a_small_budget_most_is_left_to_the_spans() {
    let budget = Budget::new(8 << 20);
    let host = pipeline::testkit::host_with(Arc::clone(&budget), ledger::Kind::Processor, "p");
    let mut why = Why::new(64 << 20, &charter(), &host);
    for number in 0..50_000 {
        why.note(&decided(number, Duration::from_millis(number)));
    }
    assert!(budget.used() <= RING, "{}", budget.used());
}
