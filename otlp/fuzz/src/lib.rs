//! What the fuzz targets share: how a request is made from the fuzzer's bytes.

use bytes::Bytes;
use otlp::{Census, Malformed, Signal, survey};

#[path = "../../tests/wire/schema.rs"]
mod schema;
#[path = "../../tests/wire/walk.rs"]
mod walk;

/// What one run works on.
pub struct Input {
    pub signal: Signal,
    pub request: Bytes,
    /// A number for whatever the target may choose.
    pub choice: usize,
}

impl Input {
    /// The first byte chooses the signal, and whether the rest is the request itself or the tape
    /// from which a well-formed one is made; the second byte is the choice.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let [kind, choice, rest @ ..] = bytes else {
            return None;
        };
        let signal = *Signal::ALL.get(usize::from(kind & 3))?;
        let request = if kind & 4 == 0 {
            Bytes::copy_from_slice(rest)
        } else {
            schema::request(signal, rest)
        };
        Some(Self {
            signal,
            request,
            choice: usize::from(*choice),
        })
    }

    /// The census, if a receiver would have let the request pass.
    pub fn census(&self) -> Option<Census> {
        survey(self.signal, &self.request).ok()
    }
}

/// Reads everything that the views show.
pub fn walk(signal: Signal, request: &[u8]) -> Result<(), Malformed> {
    walk::request(signal, request)
}

/// Counts the items by the views.
pub fn count(signal: Signal, request: &[u8]) -> Result<usize, Malformed> {
    walk::count(signal, request)
}
