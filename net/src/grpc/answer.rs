//! The server's half: taking the prefix off a request, and answering.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use otlp::reply::{self, Code, Format, Status};

use super::{GRPC, GRPC_MESSAGE, GRPC_STATUS, PREFIX, STATUS_DETAILS, prefix};
use crate::answer::Answer;
use crate::body::Received;
use crate::encoding::{Encoding, GRPC_ACCEPT};

/// Some SDKs read the delay here and not in the details.
const RETRY_INFO: HeaderName = HeaderName::from_static(reply::RETRY_INFO_TRAILER);

/// A status text beyond this is cut: it travels in a header.
const MESSAGE_MAX: usize = 1024;

/// Takes the prefix off the body of a unary request of this encoding, and says how the message is encoded.
pub fn unframe(body: &mut Received, encoding: Encoding) -> Result<Encoding, Status> {
    let Some([flag, a, b, c, d]) = body.peek::<PREFIX>() else {
        return Err(invalid("the body is shorter than a gRPC message prefix"));
    };
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if length != body.len() - PREFIX {
        return Err(invalid(
            "the length in the gRPC message prefix is not the length of the body",
        ));
    }
    body.advance(PREFIX);
    match (flag, encoding) {
        (0, _) => Ok(Encoding::Identity),
        (1, Encoding::Identity) => {
            let text = "grpc: compressed flag set with identity or empty encoding";
            Err(Status::new(Code::Internal, text))
        }
        (1, encoding) => Ok(encoding),
        _ => Err(invalid("unknown flag in the gRPC message prefix")),
    }
}

/// A successful answer with this encoded message.
pub fn success(message: &[u8]) -> Response<Answer> {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(GRPC_STATUS, HeaderValue::from_static("0"));
    answer(Answer::new(framed(message)).with_trailers(trailers))
}

/// An answer that is nothing but a status ("Trailers-Only").
pub fn failure(status: &Status) -> Response<Answer> {
    let mut response = answer(Answer::empty());
    let headers = response.headers_mut();
    headers.insert(GRPC_STATUS, HeaderValue::from(status.code.number()));
    let message = percent_encoded(&status.message);
    if let Ok(message) = HeaderValue::try_from(message) {
        headers.insert(GRPC_MESSAGE, message);
    }
    if status.code == Code::Unimplemented {
        headers.insert(
            "grpc-accept-encoding",
            HeaderValue::from_static(GRPC_ACCEPT),
        );
    }
    if let Some(delay) = status.retry_after {
        insert_binary(headers, STATUS_DETAILS, &status.encode(Format::Protobuf));
        insert_binary(headers, RETRY_INFO, &reply::encode_retry_info(delay));
    }
    response
}

/// The whole answer to a request that is no call, as grpc-go gives it.
pub fn no_call(method: &Method, headers: &HeaderMap) -> Option<Response<Answer>> {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_grpc = kind
        .and_then(|kind| kind.strip_prefix(GRPC.as_bytes()))
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')));
    let (http, status) = if !is_grpc {
        let kind = String::from_utf8_lossy(kind.unwrap_or_default());
        let text = format!("invalid gRPC request content-type {kind:?}");
        let status = Status::new(Code::InvalidArgument, text);
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, status)
    } else if method != Method::POST {
        let method = method.as_str();
        let text = format!("Received a HEADERS frame with :method {method:?} which should be POST");
        let status = Status::new(Code::Internal, text);
        (StatusCode::METHOD_NOT_ALLOWED, status)
    } else {
        return None;
    };
    let mut response = failure(&status);
    *response.status_mut() = http;
    Some(response)
}

/// The `grpc-encoding` of a request; the error is the answer's status.
pub fn encoding(headers: &HeaderMap) -> Result<Encoding, Status> {
    let Some(value) = headers.get("grpc-encoding") else {
        return Ok(Encoding::Identity);
    };
    value
        .to_str()
        .ok()
        .and_then(Encoding::from_grpc)
        .ok_or_else(|| {
            let text = format!("grpc: Decompressor is not installed for grpc-encoding {value:?}");
            Status::new(Code::Unimplemented, text)
        })
}

/// The message behind its prefix.
fn framed(message: &[u8]) -> Bytes {
    if message.is_empty() {
        // The plain answer of success: an uncompressed message of no bytes.
        return Bytes::from_static(&[0; PREFIX]);
    }
    [&prefix(false, message.len()), message].concat().into()
}

fn invalid(text: &str) -> Status {
    Status::new(Code::InvalidArgument, text)
}

fn answer(body: Answer) -> Response<Answer> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    response
}

fn insert_binary(headers: &mut HeaderMap, name: HeaderName, value: &[u8]) {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD_NO_PAD.encode(value);
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(name, value);
    }
}

/// `grpc-message` is percent-encoded (gRPC over HTTP/2, "Status-Message").
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes().take(MESSAGE_MAX) {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            _ => {
                out.push('%');
                for digit in [byte >> 4, byte & 15] {
                    out.push(
                        char::from_digit(u32::from(digit), 16)
                            .unwrap_or('0')
                            .to_ascii_uppercase(),
                    );
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The encoding and the message that come out of a body, or the code of the answer.
    fn check(body: &[u8], encoding: Encoding, expected: Result<(Encoding, &[u8]), Code>) {
        let mut received = Received::of(body.chunks(3).map(<[u8]>::to_vec));
        let found = unframe(&mut received, encoding).map_err(|status| status.code);
        let found = found.map(|encoding| (encoding, received.into_bytes()));
        let expected = expected.map(|(encoding, m)| (encoding, Bytes::copy_from_slice(m)));
        assert_eq!(found, expected, "{body:?} of {encoding:?}");
    }

    #[test]
    fn a_message_is_taken_out_of_its_frame() {
        use Encoding::{Gzip, Identity};
        check(b"\0\0\0\0\x02hi", Identity, Ok((Identity, b"hi")));
        check(b"\0\0\0\0\0", Identity, Ok((Identity, b"")));
        check(b"\x01\0\0\0\x02hi", Gzip, Ok((Gzip, b"hi")));
        // Each message says for itself whether it is compressed.
        check(b"\0\0\0\0\x02hi", Gzip, Ok((Identity, b"hi")));
    }

    #[test]
    fn a_frame_that_is_none_is_refused() {
        use Encoding::{Gzip, Identity};
        check(b"", Identity, Err(Code::InvalidArgument));
        check(b"\0\0\0\0", Identity, Err(Code::InvalidArgument));
        check(b"\0\0\0\0\x02h", Identity, Err(Code::InvalidArgument));
        check(b"\0\0\0\0\x02hi!", Identity, Err(Code::InvalidArgument));
        check(
            b"\0\xff\xff\xff\xffhi",
            Identity,
            Err(Code::InvalidArgument),
        );
        check(b"\x02\0\0\0\x02hi", Gzip, Err(Code::InvalidArgument));
        check(b"\x01\0\0\0\x02hi", Identity, Err(Code::Internal));
    }

    #[test]
    fn only_a_post_of_grpc_is_a_call() {
        let check = |method: Method, kind: &str, expected: Option<(u16, &str)>| {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())]);
            let found = no_call(&method, &headers).map(|answer| {
                let status = answer.headers()[GRPC_STATUS].to_str().unwrap().to_owned();
                (answer.status().as_u16(), status)
            });
            let expected = expected.map(|(http, status)| (http, status.to_owned()));
            assert_eq!(found, expected, "{method} {kind}");
        };
        check(Method::POST, "application/grpc", None);
        check(Method::POST, "application/grpc+proto", None);
        check(Method::POST, "application/grpc;charset=utf-8", None);
        check(Method::POST, "application/grpc-web", Some((415, "3")));
        check(Method::POST, "application/x-protobuf", Some((415, "3")));
        check(Method::POST, "", Some((415, "3")));
        check(Method::GET, "application/grpc", Some((405, "13")));
        check(Method::GET, "text/html", Some((415, "3")));
    }

    #[test]
    fn a_refusal_says_everything_in_its_head() {
        let delay = std::time::Duration::from_secs(1);
        let status = Status::new(Code::Unavailable, "50 % is é\n").with_retry_after(delay);
        let response = failure(&status);
        let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok());
        assert_eq!(header("grpc-status"), Some("14"));
        assert_eq!(header("grpc-message"), Some("50 %25 is %C3%A9%0A"));
        assert_eq!(header("google.rpc.retryinfo-bin"), Some("CgIIAQ"));
        assert!(header("grpc-status-details-bin").is_some());
        assert!(http_body::Body::is_end_stream(response.body()));
    }
}
