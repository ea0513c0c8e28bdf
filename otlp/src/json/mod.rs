//! OTLP/JSON, both ways: one table per message says all, one reader and one writer walk the tables.
//!
//! The reader takes what the OTLP specification and protobuf JSON allow, and what the Collector
//! takes beyond that: keys in lowerCamelCase or snake_case, numbers in quotes, enums by name, null
//! as the default of anything. What it does not know it skips; what it knows and cannot read it
//! refuses, because half a request taken in silence is a loss that nobody sees.
//!
//! Neither way builds a tree, and neither trusts a depth: an AnyValue may hold 64 levels.

mod field;
mod place;
mod reader;
pub(crate) mod schema;
#[cfg(test)]
mod tests;
mod text;
mod writer;

use std::fmt;

use crate::{Malformed, Signal};

pub(crate) use field::{Field, Kind, Message, Presence};
pub use text::{as_text, parse_double};

/// Why a body is not OTLP/JSON: the sender's fault, and sending it again will not help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonFault {
    what: String,
    /// Keys and positions from the root on, such as `resourceSpans[0].scopeSpans`; may be empty.
    place: String,
    /// From 1 on; 0 where the fault is not at one place.
    line: usize,
    column: usize,
    too_large: bool,
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed OTLP/JSON: {}", self.what)?;
        if !self.place.is_empty() {
            write!(f, ", at {}", self.place)?;
        }
        if self.line > 0 {
            write!(f, ", line {} column {}", self.line, self.column)?;
        }
        Ok(())
    }
}

impl std::error::Error for JsonFault {}

impl JsonFault {
    /// The same, of a body that begins at this line of a file.
    #[must_use]
    pub fn from_line(mut self, first: usize) -> Self {
        if self.line > 0 {
            self.line += first.saturating_sub(1);
        }
        self
    }

    /// The request is not malformed, but costs more than was allowed.
    pub const fn is_too_large(&self) -> bool {
        self.too_large
    }
}

/// Turns an export request in OTLP/JSON into the same request in protobuf.
///
/// The result is at most four times as long as the body (a list of zeros in `bucketCounts`), and
/// nearly always shorter. `{}` is an empty request, but a body whose keys are all strange is one
/// that was sent to the wrong place.
pub fn decode(signal: Signal, body: &[u8]) -> Result<Vec<u8>, JsonFault> {
    decode_within(signal, body, usize::MAX)
}

/// [`decode`] of a request that costs at most `cost_max` bytes, where every element of a list
/// counts as [`ELEMENT_COST_MIN`](crate::ELEMENT_COST_MIN) at least: three bytes of text are an
/// element, and reading must end before millions of them have been written.
pub fn decode_within(signal: Signal, body: &[u8], cost_max: usize) -> Result<Vec<u8>, JsonFault> {
    let read = reader::read(schema::request(signal), body, cost_max)?;
    match read.strange {
        Some(key) if !read.known => Err(JsonFault::whole(format!(
            "no {:?} in a request of {signal}, whose first key is {key:?}",
            signal.json_root(),
        ))),
        _ => Ok(read.bytes),
    }
}

/// Prints an encoded export request as OTLP/JSON, without white space.
///
/// Fields that the schema does not know are skipped. Text that is not UTF-8 is printed with the
/// replacement character, as one broken string must not cost its neighbours. A field that has
/// another wire type than its own is an error. The result is at most some 16 times as long as the
/// request.
pub fn encode(signal: Signal, request: &[u8]) -> Result<Vec<u8>, Malformed> {
    encode_message(schema::request(signal), request)
}

/// [`decode`] for any message. Strange keys are skipped.
pub(crate) fn decode_message(message: &'static Message, body: &[u8]) -> Result<Vec<u8>, JsonFault> {
    reader::read(message, body, usize::MAX).map(|read| read.bytes)
}

/// [`encode`] for any message.
pub(crate) fn encode_message(
    message: &'static Message,
    bytes: &[u8],
) -> Result<Vec<u8>, Malformed> {
    writer::write(message, bytes)
}
