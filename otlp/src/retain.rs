//! A request without some of its items.

use bytes::Bytes;

use crate::Signal;
use crate::rewrite::{Depth, Fate, Rewriter, Rewritten, rewrite};
use crate::splice::Splice;
use crate::view::{Entry, ResourceGroup, ScopeGroup};
use crate::wire::Malformed;

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
    keep: impl FnMut(&Entry<'_, '_>) -> Result<bool, Malformed>,
) -> Result<Option<(Bytes, usize)>, Malformed> {
    let Rewritten { request, kept } = rewrite(signal, request, &mut Retainer(keep))?;
    Ok((kept > 0).then_some((request, kept)))
}

struct Retainer<F>(F);

impl<'a, F> Rewriter<'a> for Retainer<F>
where
    F: FnMut(&Entry<'_, '_>) -> Result<bool, Malformed>,
{
    fn depth(&self) -> Depth {
        Depth::Item
    }

    fn resource(&mut self, _: &ResourceGroup<'a>, _: &mut Splice<'a>) -> Result<Fate, Malformed> {
        Ok(Fate::Kept)
    }

    fn scope(
        &mut self,
        _: (&ResourceGroup<'a>, &ScopeGroup<'a>),
        _: &mut Splice<'a>,
    ) -> Result<Fate, Malformed> {
        Ok(Fate::Kept)
    }

    fn item(
        &mut self,
        entry: &Entry<'_, 'a>,
        _: u32,
        _: &mut Splice<'a>,
    ) -> Result<Fate, Malformed> {
        Ok(if self.0(entry)? {
            Fate::Kept
        } else {
            Fate::Dropped
        })
    }
}
