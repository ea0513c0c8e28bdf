//! Cutting a batch into pieces of a limited size: between requests where that is enough, inside one where it is not.

use std::iter;
use std::sync::Arc;

use ledger::{Budget, charge};
use otlp::{split, split_bytes};
use smallvec::{SmallVec, smallvec};

use crate::batch::{Batch, Chunk};

/// What a piece may hold at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    Items(usize),
    Bytes(usize),
}

/// Pieces of at most this size, in order. A single item that is larger comes alone in its piece. A request that cannot
/// be read stays whole: the back end judges it.
pub(super) fn cut(batch: Batch, limit: Limit, budget: &Arc<Budget>) -> Vec<Batch> {
    let max = match limit {
        Limit::Items(max) => max as u64,
        Limit::Bytes(max) => max as u64,
    };
    let measure = |bytes: usize, items: u64| match limit {
        Limit::Items(_) => items,
        Limit::Bytes(_) => bytes as u64,
    };
    if measure(batch.bytes(), batch.items()) <= max {
        return vec![batch];
    }
    let signal = batch.signal();
    let (chunks, context) = batch.into_parts();
    let mut pieces: Vec<Batch> = Vec::new();
    for chunk in chunks
        .into_iter()
        .flat_map(|chunk| cut_chunk(signal, chunk, limit, budget))
    {
        let size = measure(chunk.bytes.len(), chunk.items);
        match pieces.last_mut() {
            Some(last) if measure(last.bytes(), last.items()) + size <= max => last.push(chunk),
            _ => {
                let mut piece = Batch::empty(signal).with_context(context.clone());
                piece.push(chunk);
                pieces.push(piece);
            }
        }
    }
    pieces
}

/// The items that are done and those that are left, by their number in the batch; all beyond the end of `left` are.
/// A request that cannot be read is left whole. What is done is only counted any more, so it may keep more bytes than
/// its items have.
pub(super) fn divide(batch: Batch, left: &[bool], budget: &Arc<Budget>) -> (Batch, Batch) {
    let signal = batch.signal();
    let (chunks, context) = batch.into_parts();
    let mut done = Batch::empty(signal).with_context(context.clone());
    let mut rest = Batch::empty(signal).with_context(context);
    let mut left = left.iter().copied().chain(iter::repeat(true));
    for chunk in chunks {
        let items = usize::try_from(chunk.items).unwrap_or(usize::MAX);
        let of_chunk: Vec<bool> = left.by_ref().take(items).collect();
        let mut flags = of_chunk.iter().copied();
        if of_chunk.iter().all(|is_left| !is_left) {
            done.push(chunk);
            continue;
        }
        let keep = |_: &otlp::view::Entry<'_, '_>| Ok(flags.next().unwrap_or(false));
        match otlp::retain(signal, &chunk.bytes, keep) {
            Ok(Some((bytes, kept))) if kept < items => {
                let kept = kept as u64;
                rest.push(chunk.part(charge(budget, &chunk.bytes, bytes), kept));
                done.push(chunk.part(chunk.bytes.clone(), chunk.items - kept));
                chunk.replaced();
            }
            _ => rest.push(chunk),
        }
    }
    (done, rest)
}

fn cut_chunk(
    signal: otlp::Signal,
    chunk: Chunk,
    limit: Limit,
    budget: &Arc<Budget>,
) -> SmallVec<[Chunk; 1]> {
    let fits = match limit {
        Limit::Items(max) => chunk.items <= max as u64,
        Limit::Bytes(max) => chunk.bytes.len() <= max,
    };
    if fits {
        return smallvec![chunk];
    }
    let pieces = match limit {
        Limit::Items(max) => split(signal, &chunk.bytes, max),
        Limit::Bytes(max) => split_bytes(signal, &chunk.bytes, max),
    };
    let Ok(pieces) = pieces else {
        return smallvec![chunk];
    };
    let piece = |(bytes, items)| chunk.part(charge(budget, &chunk.bytes, bytes), items as u64);
    let pieces = pieces.into_iter().map(piece).collect();
    chunk.replaced();
    pieces
}
