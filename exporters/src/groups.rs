//! The resource groups of a batch, for exporters that take it apart.

use otlp::view::{Request, ResourceGroup};
use otlp::wire::Fields;
use otlp::{Malformed, Signal};
use pipeline::Batch;

/// Request → resource groups, for every signal.
pub(crate) const RESOURCE_GROUPS: u32 = 1;

/// The resource groups of all requests in the batch, each with its encoding.
pub(crate) fn groups(
    batch: &Batch,
) -> impl Iterator<Item = Result<(ResourceGroup<'_>, &[u8]), Malformed>> {
    let chunks = batch.chunks().iter();
    chunks.flat_map(|chunk| groups_of(batch.signal(), &chunk.bytes))
}

fn groups_of(
    signal: Signal,
    request: &[u8],
) -> impl Iterator<Item = Result<(ResourceGroup<'_>, &[u8]), Malformed>> {
    let groups = Request::new(signal, request).resource_groups();
    let bodies = children(request, RESOURCE_GROUPS);
    groups
        .zip(bodies)
        .map(|(group, body)| group.map(|group| (group, body)))
}

/// The bodies of the fields with this number, up to the first that cannot be read.
pub(crate) fn children(message: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    let mut fields = Fields::new(message);
    let all = std::iter::from_fn(move || fields.next_field().ok().flatten());
    all.filter(move |field| field.number == number)
        .map_while(|field| field.bytes().ok())
}
