//! Several requests as one.

use bytes::{Bytes, BytesMut};

/// The request that holds the resource groups of all `requests` in order.
///
/// Merging is concatenation. An export request has one field, the repeated resource groups, and a
/// decoder appends the elements of a repeated field wherever they stand in the message; in general
/// protobuf defines the concatenation of two encoded messages as their merge. Resources that are
/// equal stay apart, as the Collector leaves them.
///
/// Exporters that write a list of chunks need not call this. A lone request is returned as it is;
/// otherwise all bytes are copied once.
pub fn merge(requests: &[Bytes]) -> Bytes {
    if let [lone] = requests {
        return lone.clone();
    }
    let mut merged = BytesMut::with_capacity(requests.iter().map(Bytes::len).sum());
    for request in requests {
        merged.extend_from_slice(request);
    }
    merged.freeze()
}
