//! The client's half: one unary request, and what its answer says.

use bytes::{Buf, Bytes};
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use otlp::reply::{Code, Format, MAX_ANSWER, Status};

use super::{GRPC, GRPC_MESSAGE, GRPC_STATUS, PREFIX, STATUS_DETAILS, prefix};
use crate::client::{Answered, ChunkBody, Chunks};
use crate::encoding::Encoding;
use crate::tail::{self, Tail};

/// A request with one message that is the concatenation of `message`.
pub fn request(
    uri: Uri,
    headers: &HeaderMap,
    message: Vec<Bytes>,
    encoding: Encoding,
) -> Request<ChunkBody> {
    let length = message.iter().map(Bytes::len).sum();
    let head = Bytes::copy_from_slice(&prefix(encoding != Encoding::Identity, length));
    let chunks: Chunks = std::iter::once(head).chain(message).collect();
    let mut request = Request::new(ChunkBody::new(chunks));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    let all = request.headers_mut();
    *all = headers.clone();
    all.insert(CONTENT_TYPE, GRPC);
    all.insert(TE, HeaderValue::from_static("trailers"));
    if let Some(name) = encoding
        .grpc_name()
        .filter(|_| encoding != Encoding::Identity)
    {
        all.insert("grpc-encoding", HeaderValue::from_static(name));
    }
    request
}

/// Reads an answer to its end: the message, or the status that came instead.
pub async fn outcome(answered: &mut Answered) -> Result<Bytes, Status> {
    let head = std::mem::take(answered.response.headers_mut());
    let http = answered.response.status();
    let Tail { body, trailers } = match tail::read(answered.response.body_mut(), MAX_ANSWER).await {
        Ok(tail) => tail,
        Err(text) => return Err(Status::new(Code::Unavailable, text)),
    };
    judged(http, &head, body, &trailers)
}

fn judged(
    http: http::StatusCode,
    head: &HeaderMap,
    body: Bytes,
    trailers: &HeaderMap,
) -> Result<Bytes, Status> {
    // "Trailers-Only" answers have everything in the head.
    let fields = if head.contains_key(GRPC_STATUS) {
        head
    } else {
        trailers
    };
    let number = fields
        .get(GRPC_STATUS)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match number {
        Some(0) => message(body),
        Some(number) => Err(status(Code::from_number(number), fields)),
        None => Err(without_status(http)),
    }
}

fn message(mut body: Bytes) -> Result<Bytes, Status> {
    match body.first() {
        Some(0) if body.len() >= PREFIX => {
            body.advance(PREFIX);
            Ok(body)
        }
        // No message, or one compressed though we did not offer to read that: nothing in it matters to an export.
        _ => Ok(Bytes::new()),
    }
}

fn status(code: Code, fields: &HeaderMap) -> Status {
    let text = fields
        .get(GRPC_MESSAGE)
        .map(|value| percent_decoded(value.as_bytes()));
    let details = fields.get(STATUS_DETAILS).and_then(|value| {
        use base64::Engine;
        let text = value.as_bytes().trim_ascii_end();
        let text = text
            .strip_suffix(b"==")
            .or(text.strip_suffix(b"="))
            .unwrap_or(text);
        base64::engine::general_purpose::STANDARD_NO_PAD
            .decode(text)
            .ok()
    });
    let decode = |d: Vec<u8>| Status::decode(Format::Protobuf, &d).ok()?.retry_after;
    let retry_after = details.and_then(decode);
    Status {
        code,
        message: text.unwrap_or_default(),
        retry_after,
    }
}

/// The peer is no gRPC server, or a proxy answered for it ("HTTP to gRPC status code mapping").
fn without_status(http: http::StatusCode) -> Status {
    let code = match http.as_u16() {
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502 | 503 | 504 => Code::Unavailable,
        _ => Code::Unknown,
    };
    Status::new(code, format!("the answer is not gRPC: HTTP status {http}"))
}

fn percent_decoded(text: &[u8]) -> String {
    let hex = |digit: u8| char::from(digit).to_digit(16);
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == b'%'
            && let [high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            out.push((high * 16 + low) as u8);
            rest = after;
        } else {
            out.push(byte);
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use std::time::Duration;

    fn fields(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (http::HeaderName::from_static(name), value.parse().unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    /// What an answer of this head, body and trailers means.
    fn check(head: &HeaderMap, body: &[u8], trailers: &HeaderMap, expected: Result<&[u8], Status>) {
        let found = judged(
            http::StatusCode::OK,
            head,
            Bytes::copy_from_slice(body),
            trailers,
        );
        assert_eq!(
            found,
            expected.map(Bytes::copy_from_slice),
            "{head:?} {trailers:?}"
        );
    }

    #[test]
    fn the_status_stands_in_the_trailers_or_alone_in_the_head() {
        let (none, ok) = (HeaderMap::new(), fields(&[("grpc-status", "0")]));
        check(&none, b"\0\0\0\0\x02hi", &ok, Ok(b"hi"));
        check(&none, b"\0\0\0\0\0", &ok, Ok(b""));
        check(&ok, b"", &none, Ok(b""));
        let busy = fields(&[
            ("grpc-status", "14"),
            ("grpc-message", "50%25 busy%zz%C3%A9%4"),
        ]);
        let said = Status::new(Code::Unavailable, "50% busy%zzé%4");
        check(&busy, b"", &none, Err(said.clone()));
        check(&none, b"", &busy, Err(said));
        let odd = fields(&[("grpc-status", "99")]);
        check(&none, b"", &odd, Err(Status::new(Code::Unknown, "")));
    }

    #[test]
    fn a_message_that_we_cannot_read_is_no_message() {
        let (none, ok) = (HeaderMap::new(), fields(&[("grpc-status", "0")]));
        for body in [&b""[..], b"\0\0\0", b"\x01\0\0\0\x02hi"] {
            check(&none, body, &ok, Ok(b""));
        }
    }

    #[test]
    fn an_answer_without_a_status_is_judged_by_its_http_status() {
        let rows = [
            (200, Code::Unknown),
            (400, Code::Internal),
            (401, Code::Unauthenticated),
            (403, Code::PermissionDenied),
            (404, Code::Unimplemented),
            (429, Code::Unavailable),
            (500, Code::Unknown),
            (502, Code::Unavailable),
            (503, Code::Unavailable),
            (504, Code::Unavailable),
        ];
        let none = HeaderMap::new();
        for (number, expected) in rows {
            let http = http::StatusCode::from_u16(number).unwrap();
            for head in [&none, &fields(&[("grpc-status", "soon")])] {
                let found = judged(http, head, Bytes::new(), &none).unwrap_err();
                assert_eq!(found.code, expected, "{number}");
            }
        }
    }

    #[test]
    fn a_delay_is_read_from_the_details_however_they_are_padded() {
        let delay = Duration::from_millis(1500);
        let status = Status::new(Code::ResourceExhausted, "").with_retry_after(delay);
        let padded =
            base64::engine::general_purpose::STANDARD.encode(status.encode(Format::Protobuf));
        let bare = padded.trim_end_matches('=');
        let rows = [
            (&*padded, Some(delay)),
            (bare, Some(delay)),
            ("%%", None),
            ("AAAA", None),
            ("", None),
        ];
        for (details, expected) in rows {
            let head = fields(&[("grpc-status", "8"), ("grpc-status-details-bin", details)]);
            let none = HeaderMap::new();
            let found = judged(http::StatusCode::OK, &head, Bytes::new(), &none).unwrap_err();
            assert_eq!(
                (found.code, found.retry_after),
                (Code::ResourceExhausted, expected),
                "{details}"
            );
        }
    }
}
