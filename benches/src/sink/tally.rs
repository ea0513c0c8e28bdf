//! What has arrived at the sink.

use bytes::Bytes;
use http::HeaderMap;
use otlp::Signal;

use crate::{ItemId, Protocol};

/// Most ids that are remembered, 512 MB: further items are counted in [`Counts::forgotten`] and the
/// oracle must not be asked.
const MAX_IDS: usize = 64 << 20;

/// Most payload bytes that are kept: further payloads are counted in [`Counts::forgotten`].
const MAX_KEPT: usize = 512 << 20;

/// Sums since the start or since the last `forget`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accepted TCP connections.
    pub connections: u64,
    /// Exports that reached the sink whole, whatever the answer.
    pub requests: u64,
    /// Exports that were answered with success.
    pub taken: u64,
    /// Exports that the script refused, hung up on or reset.
    pub refused: u64,
    /// Exports that could not be read: bad framing, bad compression or bad protobuf.
    pub malformed: u64,
    /// Items of taken exports, by [`Signal::index`]; without items of JSON payloads, which are not
    /// read.
    pub by_signal: [u64; 3],
    /// Bytes of all request bodies as they came off the socket.
    pub wire_bytes: u64,
    /// Bytes of the taken exports after inflation.
    pub payload_bytes: u64,
    /// Items whose ids, or exports whose payloads, were too many to keep.
    pub forgotten: u64,
}

impl Counts {
    /// Items of taken exports, all signals together.
    pub fn items(&self) -> u64 {
        self.by_signal.iter().sum()
    }

    pub fn items_of(&self, signal: Signal) -> u64 {
        self.by_signal
            .get(signal.index())
            .copied()
            .unwrap_or_default()
    }

    pub fn to_json(&self) -> serde_json::Value {
        let mut items = serde_json::Map::new();
        for signal in Signal::ALL {
            items.insert(signal.items().to_owned(), self.items_of(signal).into());
        }
        serde_json::json!({
            "connections": self.connections,
            "requests": self.requests,
            "taken": self.taken,
            "refused": self.refused,
            "malformed": self.malformed,
            "items": items,
            "wire_bytes": self.wire_bytes,
            "payload_bytes": self.payload_bytes,
            "forgotten": self.forgotten,
        })
    }
}

/// One taken export, kept whole.
#[derive(Clone, Debug)]
pub struct Received {
    pub signal: Signal,
    pub protocol: Protocol,
    pub headers: HeaderMap,
    /// When it came, since the Unix epoch.
    pub unix_nanos: u64,
    /// The encoded request without framing and compression.
    pub payload: Bytes,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) counts: Counts,
    pub(super) ids: Vec<ItemId>,
    pub(super) received: Vec<Received>,
    kept: usize,
}

impl Tally {
    pub(super) fn take(&mut self, signal: Signal, items: u64, ids: &[ItemId], bytes: usize) {
        self.counts.taken += 1;
        self.counts.payload_bytes += bytes as u64;
        if let Some(sum) = self.counts.by_signal.get_mut(signal.index()) {
            *sum += items;
        }
        let room = MAX_IDS - self.ids.len();
        let (kept, forgotten) = ids.split_at(ids.len().min(room));
        self.ids.extend_from_slice(kept);
        self.counts.forgotten += forgotten.len() as u64;
    }

    pub(super) fn keep(&mut self, received: Received) {
        if self.kept + received.payload.len() > MAX_KEPT {
            self.counts.forgotten += 1;
            return;
        }
        self.kept += received.payload.len();
        self.received.push(received);
    }
}
