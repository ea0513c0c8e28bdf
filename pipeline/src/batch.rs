//! What travels through a pipeline: encoded requests of one signal, with what is known of them.

use std::hint;
use std::sync::Arc;

use bytes::Bytes;
use otlp::{Selection, Signal};
use smallvec::SmallVec;

use crate::sender::Sender;
use crate::share::{Outcome, Share};

/// What memory gives at a time.
const LINE: usize = 64;

/// Half of what the second cache of a core holds on most machines.
const NEAR_BYTES_MAX: usize = 1 << 20;

/// One whole encoded export request.
#[derive(Clone, Debug)]
pub struct Chunk {
    pub bytes: Bytes,
    /// Spans, data points or log records in it.
    pub items: u64,
    /// Present only while a sender waits for more than "accepted".
    pub share: Option<Share>,
    /// Kept for each request, because merging mixes senders and a back end may refuse what one of them sent.
    pub sender: Sender,
    /// The spans that are meant, where a request is divided among shards and its bytes are in all parts; `None`: all.
    /// Only processors that live on shards are given any, and they pass none on.
    pub selection: Option<Arc<Selection>>,
}

/// Encoded requests of one signal. Concatenated they are one request, so merging is moving a chunk.
#[derive(Clone, Debug)]
pub struct Batch {
    signal: Signal,
    chunks: SmallVec<[Chunk; 1]>,
    items: u64,
    bytes: usize,
    context: Option<Arc<Context>>,
}

/// What is known of the sender beside the payload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The peer's IP address without port, as `client.address`.
    pub peer: Option<std::net::IpAddr>,
    /// Request metadata in lower case, one entry a value; kept only with `include_metadata`.
    pub metadata: Vec<(String, String)>,
    /// What the receiver's authenticator found: attributes such as `username` and `subject`.
    pub identity: Arc<[(String, String)]>,
}

/// One thing that is known of the sender, which somebody behind needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContextKey {
    /// Request metadata of this name; case does not count.
    Metadata(String),
    /// What the receiver's authenticator found under this name.
    Identity(String),
}

impl Context {
    /// The values of a key, in the order received.
    pub fn values<'a>(&'a self, key: &'a ContextKey) -> impl Iterator<Item = &'a str> {
        let (pairs, name) = match key {
            ContextKey::Metadata(name) => (self.metadata.as_slice(), name),
            ContextKey::Identity(name) => (self.identity.as_ref(), name),
        };
        let called = move |found: &str| match key {
            ContextKey::Metadata(_) => found.eq_ignore_ascii_case(name),
            ContextKey::Identity(_) => found == name,
        };
        pairs
            .iter()
            .filter(move |(found, _)| called(found))
            .map(|(_, value)| value.as_str())
    }

    /// The values of a metadata key (case-insensitive), in the order received.
    pub fn metadata<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.metadata
            .iter()
            .filter(move |(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.as_str())
    }
}

impl Chunk {
    /// A part of this request, which answers for it together with the other parts. Then this one is
    /// [`replaced`](Self::replaced).
    pub fn part(&self, bytes: Bytes, items: u64) -> Self {
        Self {
            bytes,
            items,
            share: self.share.clone(),
            sender: self.sender,
            selection: None,
        }
    }

    /// Brings the bytes near for who walks over all of them, as after a `batch` processor that let them wait: they lie
    /// where memory is slow, and each length must be there before the place of the next is known. Here the CPU waits
    /// for many lines at a time.
    pub fn bring_near(&self) {
        let lines = self.bytes.iter().take(NEAR_BYTES_MAX).step_by(LINE);
        hint::black_box(lines.fold(0, |all, byte| all ^ byte));
    }

    /// As [`part`](Self::part), of the same bytes.
    pub(crate) fn selected(&self, selection: Arc<Selection>, items: u64) -> Self {
        Self {
            selection: Some(selection),
            ..self.part(self.bytes.clone(), items)
        }
    }

    /// Encoded bytes of what is meant.
    fn size(&self) -> usize {
        let selected = self.selection.as_ref().map(|selection| selection.bytes());
        selected.unwrap_or(self.bytes.len())
    }

    /// Its parts, if there are any, answer for it from here on.
    pub fn replaced(self) {
        if let Some(share) = self.share {
            share.release();
        }
    }

    /// Tells the sender, if he waits, what became of it.
    pub fn end(self, outcome: Outcome) {
        if let Some(share) = self.share {
            share.end(self.items, outcome);
        }
    }
}

impl Batch {
    /// A batch of one request.
    pub fn new(signal: Signal, bytes: Bytes, items: u64) -> Self {
        let mut batch = Self::empty(signal);
        batch.push(Chunk {
            bytes,
            items,
            share: None,
            sender: Sender::default(),
            selection: None,
        });
        batch
    }

    pub fn empty(signal: Signal) -> Self {
        Self {
            signal,
            chunks: SmallVec::new(),
            items: 0,
            bytes: 0,
            context: None,
        }
    }

    /// Items that a sender waits for.
    pub(crate) fn waited(&self) -> u64 {
        let waited = self.chunks.iter().filter(|chunk| chunk.share.is_some());
        waited.map(|chunk| chunk.items).sum()
    }

    /// The same requests, all from this sender.
    pub fn with_sender(mut self, sender: Sender) -> Self {
        for chunk in &mut self.chunks {
            chunk.sender = sender;
        }
        self
    }

    /// The sender of all requests, if it is the same.
    pub fn sender(&self) -> Option<Sender> {
        let sender = self.chunks.first()?.sender;
        let same = self.chunks.iter().all(|chunk| chunk.sender == sender);
        same.then_some(sender)
    }

    /// Brings the requests of each sender together; their order stays.
    pub(crate) fn sort_by_sender(&mut self) {
        self.chunks.sort_by_key(|chunk| chunk.sender);
    }

    pub fn with_context(mut self, context: Option<Arc<Context>>) -> Self {
        self.context = context;
        self
    }

    pub fn signal(&self) -> Signal {
        self.signal
    }

    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    pub fn items(&self) -> u64 {
        self.items
    }

    /// Encoded bytes of all chunks.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub fn context(&self) -> Option<&Arc<Context>> {
        self.context.as_ref()
    }

    pub fn push(&mut self, chunk: Chunk) {
        self.items += chunk.items;
        self.bytes += chunk.size();
        self.chunks.push(chunk);
    }

    /// Takes the chunks of `other` behind its own. The contexts are the caller's business.
    pub fn append(&mut self, other: Self) {
        debug_assert_eq!(self.signal, other.signal, "a batch carries one signal");
        self.items += other.items;
        self.bytes += other.bytes;
        self.chunks.extend(other.chunks);
    }

    /// The chunks and the context, for a processor that rebuilds the batch.
    pub fn into_parts(self) -> (SmallVec<[Chunk; 1]>, Option<Arc<Context>>) {
        (self.chunks, self.context)
    }

    /// Tells every waiting sender what became of its part.
    pub fn resolve(self, outcome: Outcome) {
        self.chunks.into_iter().for_each(|chunk| chunk.end(outcome));
    }

    /// Lets every waiting sender go whom nobody promised an answer: what follows is not theirs to wait for.
    pub(crate) fn release(&mut self) {
        for chunk in &mut self.chunks {
            if let Some(share) = chunk.share.take_if(|share| !share.is_promised()) {
                share.release();
            }
        }
    }

    /// Lets every waiting sender go: what it sent ends here, and well.
    pub(crate) fn release_all(&mut self) {
        for chunk in &mut self.chunks {
            if let Some(share) = chunk.share.take() {
                share.release();
            }
        }
    }

    /// Attaches a sender's share to the only chunk of a freshly received batch.
    pub(crate) fn share(&mut self, share: Share) {
        if let Some(chunk) = self.chunks.first_mut() {
            chunk.share = Some(share);
        }
    }
}
