//! Which shard a trace belongs to, and how a batch is divided among them.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};

use otlp::Selection;
use smallvec::SmallVec;

use crate::batch::{Batch, Chunk};

/// Senders choose the ids of their traces, so that nobody but this process may know which of them meet. It is the same
/// on all workers and for all generations: a trace stays where it is, whatever else a reload changes.
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// So many shards, among which all traces are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shards(usize);

/// What of one batch goes where. There is at least one part, and none is empty.
pub(crate) type Parts = SmallVec<[(usize, Batch); 1]>;

impl Shards {
    /// At least one.
    pub const fn new(count: usize) -> Self {
        Self(if count == 0 { 1 } else { count })
    }

    pub const fn count(self) -> usize {
        self.0
    }

    /// The shard of a trace.
    pub fn of(self, trace_id: &[u8]) -> usize {
        if self.0 == 1 {
            return 0;
        }
        let hash = u128::from(SEED.hash_one(trace_id));
        ((hash * self.0 as u128) >> u64::BITS) as usize
    }

    /// Divides a batch by its traces. The parts share its bytes and its senders' claims.
    pub(crate) fn divide(self, batch: Batch) -> Parts {
        if self.0 == 1 {
            return Parts::from_buf([(0, batch)]);
        }
        let signal = batch.signal();
        let (chunks, context) = batch.into_parts();
        let empty = || Batch::empty(signal).with_context(context.clone());
        let mut parts: Vec<Batch> = std::iter::repeat_with(empty).take(self.0).collect();
        for chunk in chunks {
            let owner = |id: &[u8]| self.of(id);
            let selections = match &chunk.selection {
                None => otlp::divide(&chunk.bytes, self.0, owner),
                Some(selection) => selection.divide(&chunk.bytes, self.0, owner),
            };
            deal(chunk, selections, &mut parts);
        }
        let parts = parts.into_iter().enumerate();
        parts.filter(|(_, part)| !part.is_empty()).collect()
    }
}

/// Gives each part what is selected for it. Items that could not be read go with the first, which has to tell.
fn deal(chunk: Chunk, selections: Vec<Selection>, parts: &mut [Batch]) {
    let found: usize = selections.iter().map(Selection::len).sum();
    let mut unread = chunk.items.saturating_sub(found as u64);
    for (selection, part) in selections.into_iter().zip(parts) {
        let items = selection.len() as u64 + std::mem::take(&mut unread);
        if items == chunk.items {
            // All of it, as is usual where a request has one trace.
            return part.push(chunk);
        }
        if items > 0 {
            part.push(chunk.selected(Arc::new(selection), items));
        }
    }
    chunk.replaced();
}

#[cfg(test)]
mod tests {
    use otlp::Signal;

    use super::*;
    use crate::share::{Outcome, Share};

    fn id(number: u64) -> [u8; 16] {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        id
    }

    /// A request with one span for each of these traces.
    fn batch(traces: impl Iterator<Item = u64>) -> Batch {
        let span = |trace| format!(r#"{{"traceId":"{trace:016x}0000000000000000"}}"#);
        let spans: Vec<_> = traces.map(span).collect();
        let items = spans.len() as u64;
        let text = format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
            spans.join(",")
        );
        let bytes = otlp::json::decode(Signal::Traces, text.as_bytes()).unwrap();
        Batch::new(Signal::Traces, bytes.into(), items)
    }

    #[test]
    fn every_shard_has_its_part_of_ids_that_differ_in_few_bits() {
        let shards = Shards::new(4);
        let mut counts = [0; 4];
        (0..4000).for_each(|number| counts[shards.of(&id(number))] += 1);
        assert!(
            counts.iter().all(|count| (850..1150).contains(count)),
            "{counts:?}"
        );
        assert_eq!(Shards::new(1).of(&id(7)), 0);
    }

    #[test]
    fn a_batch_is_divided_without_a_copy_and_a_trace_is_in_one_part() {
        let batch = batch((0..40).chain(0..40));
        let (items, bytes) = (batch.items(), batch.chunks()[0].bytes.clone());
        let shards = Shards::new(3);
        let parts = shards.divide(batch);
        assert_eq!(
            parts.iter().map(|(_, part)| part.items()).sum::<u64>(),
            items
        );
        for (at, part) in &parts {
            let chunk = &part.chunks()[0];
            assert_eq!(chunk.bytes.as_ptr(), bytes.as_ptr());
            assert!(part.bytes() < bytes.len());
            let selection = chunk.selection.as_ref().unwrap();
            for resource in selection.resources(&bytes) {
                for scope in resource.unwrap().scopes() {
                    for item in scope.unwrap().1 {
                        let span = item.span().unwrap().unwrap();
                        assert_eq!(shards.of(span.trace_id), *at);
                    }
                }
            }
        }
        // Some of it divided again, by others, loses nothing.
        let again = parts
            .into_iter()
            .flat_map(|(_, part)| Shards::new(7).divide(part));
        assert_eq!(again.map(|(_, part)| part.items()).sum::<u64>(), items);
    }

    #[test]
    fn what_one_shard_has_whole_is_passed_on_as_it_is() {
        let parts = Shards::new(8).divide(batch([5, 5, 5].into_iter()));
        assert_eq!(parts.len(), 1);
        let (at, part) = &parts[0];
        assert_eq!((*at, part.items()), (Shards::new(8).of(&id(5)), 3));
        assert!(part.chunks()[0].selection.is_none());
    }

    #[test]
    fn items_that_cannot_be_read_are_in_the_first_part() {
        let broken = Batch::new(Signal::Traces, b"0123456789".as_slice().into(), 7);
        let parts = Shards::new(2).divide(broken);
        assert_eq!(parts.len(), 1);
        assert_eq!((parts[0].0, parts[0].1.items()), (0, 7));
        let mut bytes = batch(0..40).chunks()[0].bytes.to_vec();
        bytes.extend_from_slice(&[0x0a, 0x7f]);
        let parts = Shards::new(2).divide(Batch::new(Signal::Traces, bytes.into(), 50));
        let items = parts.iter().map(|(_, part)| part.items());
        assert_eq!(items.sum::<u64>(), 50);
        let selected = parts[0].1.chunks()[0].selection.as_ref().unwrap();
        assert_eq!(parts[0].1.items(), selected.len() as u64 + 10);
    }

    #[test]
    fn a_sender_that_waits_is_answered_when_all_parts_have_ended() {
        let mut batch = batch(0..40);
        let (share, mut answer) = Share::new(40);
        batch.share(share);
        let mut parts = Shards::new(2).divide(batch).into_iter();
        let (first, second) = (parts.next().unwrap().1, parts.next().unwrap().1);
        first.resolve(Outcome::Delivered);
        assert!(answer.try_recv().is_err());
        second.resolve(Outcome::Delivered);
        assert_eq!(answer.try_recv(), Ok(Outcome::Delivered));
    }
}
