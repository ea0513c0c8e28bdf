//! Pieces of exactly the largest size, cut between requests where possible and inside one where not.

use std::sync::Arc;

use ledger::{Budget, Reason, charge};
use otlp::{Malformed, Signal, retain, split};
use pipeline::component::Outbox;
use pipeline::{Batch, Chunk, Outcome};

/// Pieces of `max` items in order; only the last may have fewer. A request that must be cut and
/// cannot be read is dropped.
pub(super) fn cut(batch: Batch, max: u64, budget: &Arc<Budget>, out: &mut Outbox) -> Vec<Batch> {
    let signal = batch.signal();
    let mut pieces = Vec::new();
    let mut piece = Batch::empty(signal);
    let mut add = |chunk: Chunk| {
        piece.push(chunk);
        let room = max.saturating_sub(piece.items());
        if room == 0 {
            pieces.push(std::mem::replace(&mut piece, Batch::empty(signal)));
        }
        if room == 0 { max } else { room }
    };
    let mut room = max;
    for chunk in batch.into_parts().0 {
        if chunk.items <= room {
            room = add(chunk);
            continue;
        }
        match cut_request(signal, &chunk, [room, max], budget) {
            Ok(parts) => {
                parts.into_iter().for_each(|part| room = add(part));
                chunk.replaced();
            }
            Err(_) => {
                out.drop_items(chunk.items, Reason::Invalid);
                chunk.end(Outcome::Permanent(Reason::Invalid));
            }
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

/// A request as parts of which the first has `first` items and all others but the last `max`.
fn cut_request(
    signal: Signal,
    chunk: &Chunk,
    [first, max]: [u64; 2],
    budget: &Arc<Budget>,
) -> Result<Vec<Chunk>, Malformed> {
    let mut parts = Vec::new();
    let mut rest = chunk.bytes.clone();
    if first < max {
        let mut seen = 0;
        let head = retain(signal, &chunk.bytes, |_| {
            seen += 1;
            Ok(seen <= first)
        })?;
        seen = 0;
        let tail = retain(signal, &chunk.bytes, |_| {
            seen += 1;
            Ok(seen > first)
        })?;
        parts.extend(head);
        rest = tail.map(|(bytes, _)| bytes).unwrap_or_default();
    }
    parts.extend(split(
        signal,
        &rest,
        usize::try_from(max).unwrap_or(usize::MAX),
    )?);
    let part = |(bytes, items)| chunk.part(charge(budget, &chunk.bytes, bytes), items as u64);
    Ok(parts.into_iter().map(part).collect())
}
