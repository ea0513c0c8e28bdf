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
    // "Trailers-Only" answers have everything in the head.
    let fields = if head.contains_key(GRPC_STATUS) {
        &head
    } else {
        &trailers
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
