//! The little of gRPC and of OTLP's answers that both ends need: framing, status details, partial
//! success.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use otlp::wire::{self, Fields, Value};

/// Compressed flag and four bytes of length before every message.
pub const PREFIX: usize = 5;

/// Status codes, from `google.rpc.Code`.
pub const OK: u32 = 0;
pub const INVALID_ARGUMENT: u32 = 3;
pub const DEADLINE_EXCEEDED: u32 = 4;
pub const RESOURCE_EXHAUSTED: u32 = 8;
pub const UNIMPLEMENTED: u32 = 12;
pub const UNAVAILABLE: u32 = 14;
pub const UNAUTHENTICATED: u32 = 16;

/// The prefix of a message with this length.
pub fn prefix(compressed: bool, length: usize) -> [u8; PREFIX] {
    let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [compressed.into(), a, b, c, d]
}

/// Whether the one message of a body is compressed, and its bytes; `None` when the body is not
/// exactly one message.
pub fn message(body: &[u8]) -> Option<(bool, &[u8])> {
    let ([flag, length @ ..], message) = body.split_first_chunk::<PREFIX>()?;
    let whole = u64::from(u32::from_be_bytes(*length)) == message.len() as u64;
    (whole && *flag <= 1).then_some((*flag == 1, message))
}

/// An encoded `google.rpc.Status`, with a `RetryInfo` among its details when there is a delay.
/// Source: google/rpc/status.proto and error_details.proto.
pub fn status(code: u32, text: &str, retry: Option<Duration>) -> Vec<u8> {
    let mut status = Vec::new();
    wire::put_uint(&mut status, 1, code.into());
    wire::put_len(&mut status, 2, text.as_bytes());
    if let Some(retry) = retry {
        let mut delay = Vec::new();
        wire::put_uint(&mut delay, 1, retry.as_secs());
        wire::put_uint(&mut delay, 2, retry.subsec_nanos().into());
        let mut retry_info = Vec::new();
        wire::put_len(&mut retry_info, 1, &delay);
        let mut any = Vec::new();
        wire::put_len(&mut any, 1, b"type.googleapis.com/google.rpc.RetryInfo");
        wire::put_len(&mut any, 2, &retry_info);
        wire::put_len(&mut status, 3, &any);
    }
    status
}

/// The value of the header `grpc-status-details-bin`.
pub fn details(status: &[u8]) -> String {
    STANDARD_NO_PAD.encode(status)
}

/// An encoded `Export…ServiceResponse` whose `partial_success` rejects items; the same fields in
/// all three signals.
pub fn partial_success(rejected: u64, text: &str) -> Vec<u8> {
    let mut partial = Vec::new();
    wire::put_uint(&mut partial, 1, rejected);
    wire::put_len(&mut partial, 2, text.as_bytes());
    let mut response = Vec::new();
    wire::put_len(&mut response, 1, &partial);
    response
}

/// The items that an encoded `Export…ServiceResponse` says were rejected; 0 for a plain success
/// or an unreadable one.
pub fn rejected(response: &[u8]) -> u64 {
    let field = |message, number| {
        Fields::new(message)
            .map_while(Result::ok)
            .find(|field| field.number == number)
    };
    let Some(Value::Len(partial)) = field(response, 1).map(|field| field.value) else {
        return 0;
    };
    match field(partial, 1).map(|field| field.value) {
        Some(Value::Varint(rejected)) => rejected,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_exactly_one_message() {
        let mut body = prefix(true, 3).to_vec();
        body.extend_from_slice(b"abc");
        assert_eq!(message(&body), Some((true, &b"abc"[..])));
        for torn in [
            &body[..7],
            &body[..4],
            &[body.clone(), body.clone()].concat(),
        ] {
            assert_eq!(message(torn), None);
        }
    }

    #[test]
    fn a_partial_success_says_how_many_were_rejected() {
        assert_eq!(rejected(&partial_success(7, "too old")), 7);
        assert_eq!(rejected(&[]), 0);
        assert_eq!(rejected(b"\x0a\xff not protobuf"), 0);
    }
}
