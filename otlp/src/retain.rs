//! A request without some of its items.

use bytes::Bytes;

use crate::view::Entry;
use crate::wire::Malformed;
use crate::{Place, Signal, sift};

/// Keeps the items for which `keep` says so, and returns the request with their number; `None` if
/// no item is left.
///
/// Metrics, scopes and resources that lose all their items go too; what is kept is copied as it
/// stands, in order. If every item is kept the request is returned as it is.
///
/// # Errors
/// The framing is broken, or `keep` failed.
pub fn retain(
    signal: Signal,
    request: &Bytes,
    mut keep: impl FnMut(&Entry<'_, '_>) -> Result<bool, Malformed>,
) -> Result<Option<(Bytes, usize)>, Malformed> {
    sift(signal, request, |carrier| match carrier.place() {
        Place::Item(entry) => keep(entry),
        Place::Resource(_) | Place::Scope(..) => Ok(true),
    })
}
