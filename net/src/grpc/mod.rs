//! Unary gRPC over HTTP/2: five bytes of framing, statuses as trailers. Payloads are bytes; nothing is decoded here.

mod answer;
mod call;

use http::HeaderValue;
use http::header::HeaderName;

pub use answer::{encoding, failure, no_call, success, unframe};
pub use call::{outcome, request};

/// Compressed flag and length (gRPC over HTTP/2, "Length-Prefixed-Message").
pub const PREFIX: usize = 5;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const STATUS_DETAILS: HeaderName = HeaderName::from_static(otlp::reply::STATUS_DETAILS_TRAILER);

/// The five-byte prefix of a message.
fn prefix(compressed: bool, length: usize) -> [u8; PREFIX] {
    let [a, b, c, d] = (length as u32).to_be_bytes();
    [u8::from(compressed), a, b, c, d]
}
