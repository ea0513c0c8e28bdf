//! Answers to export requests, as a receiver writes them and as an exporter reads them.
//!
//! Sources: the OTLP specification 1.10 ("OTLP/gRPC response", "OTLP/HTTP response") and
//! `collector/*/v1` of opentelemetry-proto.

mod code;
mod status;
#[cfg(test)]
mod tests;

use crate::json::{self, schema};
use crate::wire::{Fields, Value, put_len, put_uint};
use crate::{Malformed, Signal};

pub use code::Code;
pub use status::{
    RETRY_INFO_TRAILER, STATUS_DETAILS_TRAILER, Status, decode_retry_info, encode_retry_info,
};

/// The most bytes of an answer that are read, as in the Collector: an answer is a few words, and
/// whoever sends more than this does not send an answer. A longer one is malformed.
pub const MAX_ANSWER: usize = 64 << 10;

/// The message that says over gRPC that all of a request was taken: the empty one.
pub const GRPC_SUCCESS: &[u8] = &[];

/// Characters that are kept of a message in an answer: enough to explain, short enough to log.
const KEPT_TEXT: usize = 1024;

/// How the body of an OTLP/HTTP answer is written: as the request was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Protobuf,
    Json,
}

/// An answer of success that is not plain: items that were rejected for good, or a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialSuccess {
    /// Items rejected; zero makes the message a warning.
    pub rejected: u64,
    pub message: String,
}

// === impl Format ===

impl Format {
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }

    /// The format of a Content-Type; parameters such as `charset` do not matter.
    pub fn from_content_type(value: &str) -> Option<Self> {
        let essence = value.split(';').next().unwrap_or_default().trim();
        [Self::Protobuf, Self::Json]
            .into_iter()
            .find(|format| essence.eq_ignore_ascii_case(format.content_type()))
    }

    /// The body that says over HTTP that all of a request was taken, for every signal.
    ///
    /// The specification leaves `partial_success` unset. Like the Collector we send it empty, which
    /// says the same, as some clients take a body of no bytes for a broken answer.
    pub const fn success(self) -> &'static [u8] {
        match self {
            Self::Protobuf => &[0x0a, 0x00],
            Self::Json => br#"{"partialSuccess":{}}"#,
        }
    }
}

// === impl PartialSuccess ===

impl PartialSuccess {
    /// The response message of a signal.
    pub fn encode(&self, signal: Signal, format: Format) -> Vec<u8> {
        let mut partial = Vec::with_capacity(self.message.len() + 16);
        if self.rejected > 0 {
            put_uint(&mut partial, 1, self.rejected.min(i64::MAX as u64));
        }
        if !self.message.is_empty() {
            put_len(&mut partial, 2, self.message.as_bytes());
        }
        let mut response = Vec::with_capacity(partial.len() + 8);
        put_len(&mut response, 1, &partial);
        match format {
            Format::Protobuf => response,
            // What was encoded a moment ago is not malformed.
            Format::Json => {
                json::encode_message(schema::response(signal), &response).unwrap_or_default()
            }
        }
    }

    /// Reads a response message; `None` is success without reservation, and so is an empty body.
    pub fn decode(signal: Signal, format: Format, body: &[u8]) -> Result<Option<Self>, Malformed> {
        if body.len() > MAX_ANSWER {
            return Err(Malformed("answer longer than 64 KiB"));
        }
        match format {
            Format::Json if !body.is_empty() => {
                let response = json::decode_message(schema::response(signal), body)
                    .map_err(|_| Malformed("answer that is no JSON of an export response"))?;
                Self::of_response(&response)
            }
            _ => Self::of_response(body),
        }
    }

    fn of_response(response: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut read = Self {
            rejected: 0,
            message: String::new(),
        };
        for field in Fields::new(response) {
            let field = field?;
            if let (1, Value::Len(partial)) = (field.number, field.value) {
                read.merge(partial)?;
            }
        }
        let is_plain = read.rejected == 0 && read.message.is_empty();
        Ok(if is_plain { None } else { Some(read) })
    }

    fn merge(&mut self, partial: &[u8]) -> Result<(), Malformed> {
        for field in Fields::new(partial) {
            let field = field?;
            match (field.number, field.value) {
                // A count below zero counts nothing: the request was taken all the same.
                (1, Value::Varint(count)) => {
                    self.rejected = u64::try_from(count as i64).unwrap_or(0);
                }
                (2, Value::Len(text)) => self.message = kept(text),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The text of a peer, in bounds.
fn kept(text: &[u8]) -> String {
    String::from_utf8_lossy(text)
        .chars()
        .take(KEPT_TEXT)
        .collect()
}
