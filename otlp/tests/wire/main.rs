//! The wire half against prost: what we say about encoded requests is what a generated decoder
//! says, whatever a sender may have written.

#![allow(clippy::unwrap_used, reason = "a test stops where its premise fails")]

mod edit;
mod framing;
mod hostile;
mod oracle;
mod retain;
mod schema;
mod split;
mod survey;
mod views;
mod walk;
mod write;

use bytes::Bytes;
use otlp::Signal;
use proptest::prelude::*;

/// A signal and a random request of it.
fn any_request() -> impl Strategy<Value = (Signal, Bytes)> {
    let tape = prop::collection::vec(any::<u8>(), 0..900);
    (prop::sample::select(&Signal::ALL[..]), tape)
        .prop_map(|(signal, tape)| (signal, schema::request(signal, &tape)))
}
