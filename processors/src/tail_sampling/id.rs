//! The ids of traces, and their hashes.

use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;

pub(super) type TraceId = [u8; 16];

/// Ids are the senders' choice, so their hashes are seeded.
#[derive(Clone, Debug, Default)]
pub(super) struct IdHasher(DefaultHashBuilder);

impl IdHasher {
    /// An id is hashed as one number: as an array of bytes it would take three times as long.
    #[inline]
    pub(super) fn hash(&self, id: &TraceId) -> u64 {
        self.0.hash_one(u128::from_ne_bytes(*id))
    }
}
