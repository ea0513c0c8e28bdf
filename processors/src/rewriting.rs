//! Batches whose requests are written anew.

use std::sync::Arc;

use bytes::Bytes;
use ledger::{Budget, Reason, charge};
use otlp::Malformed;
use pipeline::component::Outbox;
use pipeline::{Batch, Chunk, Outcome};

/// Sends the batch on with other requests: `rewrite` gives a request's successor with the number of its items, or
/// `None` if it has left out all of them. A request that cannot be read is dropped.
///
/// Whoever leaves items out counts them.
pub(crate) fn rewrite_batch(
    batch: Batch,
    budget: &Arc<Budget>,
    out: &mut Outbox,
    mut rewrite: impl FnMut(&Chunk) -> Result<Option<(Bytes, u64)>, Malformed>,
) {
    let mut rewritten = Batch::empty(batch.signal());
    let (chunks, context) = batch.into_parts();
    for chunk in chunks {
        match rewrite(&chunk) {
            Ok(Some((bytes, items))) => {
                let bytes = charge(budget, &chunk.bytes, bytes);
                rewritten.push(Chunk {
                    bytes,
                    items,
                    ..chunk
                });
            }
            Ok(None) => chunk.replaced(),
            Err(_) => {
                out.drop_items(chunk.items, Reason::Invalid);
                chunk.end(Outcome::Permanent(Reason::Invalid));
            }
        }
    }
    if !rewritten.is_empty() {
        out.push(rewritten.with_context(context));
    }
}
