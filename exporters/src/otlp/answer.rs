//! What a back end's answer means for a batch: taken, gone for good, or to be sent again.

use http::{HeaderMap, StatusCode, header};
use ledger::Reason;
use otlp::Signal;
use otlp::reply::{Code, Format, PartialSuccess, Status};
use pipeline::component::{Failure, Receipt};

use crate::client::retry_after;

/// The codes after which a batch is sent again (OTLP specification, "Failures"); `RESOURCE_EXHAUSTED` is one of them
/// only when the back end says when to come back.
const RETRYABLE_CODES: [Code; 6] = [
    Code::Cancelled,
    Code::DeadlineExceeded,
    Code::Aborted,
    Code::OutOfRange,
    Code::Unavailable,
    Code::DataLoss,
];

/// The HTTP statuses after which a batch is sent again; every other failure is final.
const RETRYABLE_HTTP: [u16; 4] = [429, 502, 503, 504];

/// The HTTP statuses whose `Retry-After` is heeded.
const THROTTLING_HTTP: [u16; 2] = [429, 503];

/// A successful answer's message.
pub(super) fn receipt(signal: Signal, format: Format, body: &[u8]) -> Result<Receipt, Failure> {
    match PartialSuccess::decode(signal, format, body) {
        Ok(None) => Ok(Receipt::default()),
        Ok(Some(partial)) => Ok(Receipt {
            rejected: partial.rejected,
            text: partial.message,
        }),
        Err(malformed) => Err(Failure::permanent(format!(
            "the back end's answer cannot be read: {malformed}"
        ))),
    }
}

pub(super) fn grpc_failure(status: &Status) -> Failure {
    let text = format!(
        "rpc error: code = {} desc = {}",
        status.code.name(),
        status.message
    );
    let told = status.code == Code::ResourceExhausted && status.retry_after.is_some();
    if told || RETRYABLE_CODES.contains(&status.code) {
        return Failure::Retryable {
            after: status.retry_after,
            text,
        };
    }
    let reason = match status.code {
        Code::InvalidArgument => Reason::Invalid,
        Code::ResourceExhausted => Reason::TooLarge,
        _ => Reason::Permanent,
    };
    Failure::Permanent { reason, text }
}

/// `now` is the Unix time in seconds, which a date in `Retry-After` is compared with.
pub(super) fn http_failure(
    url: &str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: u64,
) -> Failure {
    let mut text = format!(
        "error exporting items, request to {url} responded with HTTP Status Code {}",
        status.as_u16()
    );
    if let Some(message) = said(headers, body) {
        text.push_str(", Message=");
        text.push_str(&message);
    }
    if RETRYABLE_HTTP.contains(&status.as_u16()) {
        let heeded = THROTTLING_HTTP.contains(&status.as_u16());
        let after = heeded.then(|| retry_after(headers, now)).flatten();
        return Failure::Retryable { after, text };
    }
    let reason = match status.as_u16() {
        400 => Reason::Invalid,
        413 => Reason::TooLarge,
        _ => Reason::Permanent,
    };
    Failure::Permanent { reason, text }
}

/// The message of the `google.rpc.Status` with which OTLP servers explain a failure.
fn said(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let status = Status::decode(Format::from_content_type(kind)?, body).ok()?;
    Some(status.message).filter(|message| !message.is_empty())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[derive(Debug, PartialEq)]
    enum Meaning {
        Again(Option<u64>),
        Never(Reason),
    }

    fn meaning(failure: Failure) -> Meaning {
        match failure {
            Failure::Permanent { reason, .. } => Meaning::Never(reason),
            Failure::Retryable { after, .. } => Meaning::Again(after.map(|a| a.as_secs())),
            Failure::Partly(_) => unreachable!("it answers for a whole request"),
        }
    }

    #[test]
    fn every_grpc_code_has_its_meaning() {
        use Meaning::{Again, Never};
        let rows = [
            (Code::Cancelled, Again(None)),
            (Code::Unknown, Never(Reason::Permanent)),
            (Code::InvalidArgument, Never(Reason::Invalid)),
            (Code::DeadlineExceeded, Again(None)),
            (Code::NotFound, Never(Reason::Permanent)),
            (Code::AlreadyExists, Never(Reason::Permanent)),
            (Code::PermissionDenied, Never(Reason::Permanent)),
            (Code::ResourceExhausted, Never(Reason::TooLarge)),
            (Code::FailedPrecondition, Never(Reason::Permanent)),
            (Code::Aborted, Again(None)),
            (Code::OutOfRange, Again(None)),
            (Code::Unimplemented, Never(Reason::Permanent)),
            (Code::Internal, Never(Reason::Permanent)),
            (Code::Unavailable, Again(None)),
            (Code::DataLoss, Again(None)),
            (Code::Unauthenticated, Never(Reason::Permanent)),
        ];
        for (code, expected) in rows {
            assert_eq!(
                meaning(grpc_failure(&Status::new(code, "no"))),
                expected,
                "{code}"
            );
        }
    }

    #[test]
    fn a_hint_is_heeded_and_makes_resource_exhausted_retryable() {
        for code in [Code::ResourceExhausted, Code::Unavailable] {
            let status = Status::new(code, "busy").with_retry_after(Duration::from_secs(3));
            assert_eq!(
                meaning(grpc_failure(&status)),
                Meaning::Again(Some(3)),
                "{code}"
            );
        }
    }

    #[test]
    fn every_http_status_has_its_meaning() {
        use Meaning::{Again, Never};
        let rows = [
            (300, Never(Reason::Permanent)),
            (400, Never(Reason::Invalid)),
            (401, Never(Reason::Permanent)),
            (403, Never(Reason::Permanent)),
            (404, Never(Reason::Permanent)),
            (408, Never(Reason::Permanent)),
            (413, Never(Reason::TooLarge)),
            (429, Again(Some(7))),
            (500, Never(Reason::Permanent)),
            (501, Never(Reason::Permanent)),
            (502, Again(None)),
            (503, Again(Some(7))),
            (504, Again(None)),
        ];
        let headers = HeaderMap::from_iter([(header::RETRY_AFTER, "7".parse().unwrap())]);
        for (status, expected) in rows {
            let status = StatusCode::from_u16(status).unwrap();
            let failure = http_failure("http://x/v1/traces", status, &headers, b"", 0);
            assert_eq!(meaning(failure), expected, "{status}");
        }
    }

    #[test]
    fn a_failure_says_who_answered_what() {
        let status = Status::new(Code::Unavailable, "draining");
        let headers = HeaderMap::from_iter([(
            header::CONTENT_TYPE,
            "application/json; charset=utf-8".parse().unwrap(),
        )]);
        let body = status.encode(Format::Json);
        let failure = http_failure(
            "http://tempo:4318/v1/logs",
            StatusCode::SERVICE_UNAVAILABLE,
            &headers,
            &body,
            0,
        );
        assert_eq!(
            failure.to_string(),
            "error exporting items, request to http://tempo:4318/v1/logs responded with HTTP \
             Status Code 503, Message=draining"
        );
    }
}
