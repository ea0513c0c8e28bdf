//! `google.rpc.Status` with a `RetryInfo`: how a request is refused, over gRPC and over HTTP.
//!
//! Sources: `google/rpc/status.proto`, `google/rpc/error_details.proto`, and the OTLP specification
//! 1.10, "Failures" and "OTLP/gRPC throttling".

use std::fmt;
use std::time::Duration;

use super::{Code, Format, MAX_ANSWER, kept};
use crate::Malformed;
use crate::json::{self, Field, Kind, Message, Presence};
use crate::wire::{Fields, Value, put_len, put_uint};

/// The trailer whose value is a whole [`Status`] in base64.
pub const STATUS_DETAILS_TRAILER: &str = "grpc-status-details-bin";

/// The trailer whose value is a bare RetryInfo in base64, which is all that some clients read.
pub const RETRY_INFO_TRAILER: &str = "google.rpc.retryinfo-bin";

const RETRY_INFO_TYPE: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// The longest span of `google.protobuf.Duration`, some 10,000 years.
const LONGEST: Duration = Duration::from_secs(315_576_000_000);

/// The members of a status in JSON that an exporter reads; details there are for people.
static STATUS: Message = Message(&[
    Field::new(1, "code", Kind::Int32, Presence::Implicit),
    Field::new(2, "message", Kind::String, Presence::Implicit),
]);

/// Why a request was not taken, and when to send it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub code: Code,
    pub message: String,
    /// What the server asks the client to wait. Its mere presence makes `RESOURCE_EXHAUSTED`
    /// retryable.
    pub retry_after: Option<Duration>,
}

impl Status {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    pub fn with_retry_after(self, delay: Duration) -> Self {
        Self {
            retry_after: Some(delay),
            ..self
        }
    }

    pub fn encode(&self, format: Format) -> Vec<u8> {
        match format {
            Format::Protobuf => self.to_protobuf(),
            Format::Json => self.to_json().into_bytes(),
        }
    }

    /// The value of an HTTP answer's `Retry-After` in seconds, rounded up so that nobody is early.
    /// Only answers 429 and 503 have it.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let delay = self
            .retry_after
            .filter(|_| matches!(self.code.http(), 429 | 503))?;
        Some(
            delay
                .as_secs()
                .saturating_add(u64::from(delay.subsec_nanos() > 0)),
        )
    }

    fn to_protobuf(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.message.len() + 96);
        if self.code != Code::Ok {
            put_uint(&mut out, 1, self.code.number().into());
        }
        if !self.message.is_empty() {
            put_len(&mut out, 2, self.message.as_bytes());
        }
        if let Some(delay) = self.retry_after {
            let mut detail = Vec::with_capacity(64);
            put_len(&mut detail, 1, RETRY_INFO_TYPE.as_bytes());
            put_len(&mut detail, 2, &encode_retry_info(delay));
            put_len(&mut out, 3, &detail);
        }
        out
    }

    fn to_json(&self) -> String {
        let code = self.code.number();
        let message = serde_json::Value::from(self.message.as_str());
        let details = self.retry_after.map(|delay| {
            let delay = delay.min(LONGEST);
            let delay = format!("{}{}s", delay.as_secs(), Fraction(delay.subsec_nanos()));
            format!(r#","details":[{{"@type":"{RETRY_INFO_TYPE}","retryDelay":"{delay}"}}]"#)
        });
        format!(
            r#"{{"code":{code},"message":{message}{}}}"#,
            details.unwrap_or_default()
        )
    }

    /// Reads a status: a trailer out of its base64, or the body of an HTTP answer. The message is
    /// kept in bounds. A JSON body tells no delay, because HTTP has `Retry-After` for it.
    pub fn decode(format: Format, bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > MAX_ANSWER {
            return Err(Malformed("answer longer than 64 KiB"));
        }
        match format {
            Format::Protobuf => Self::of_protobuf(bytes),
            Format::Json => {
                let status = json::decode_message(&STATUS, bytes)
                    .map_err(|_| Malformed("answer that is no JSON of a status"))?;
                Self::of_protobuf(&status)
            }
        }
    }

    fn of_protobuf(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut status = Self::new(Code::Ok, "");
        for field in Fields::new(bytes) {
            let field = field?;
            match (field.number, field.value) {
                (1, Value::Varint(code)) => status.code = Code::from_number(code),
                (2, Value::Len(text)) => status.message = kept(text),
                (3, Value::Len(detail)) => {
                    status.retry_after = delay_of(detail)?.or(status.retry_after);
                }
                _ => {}
            }
        }
        Ok(status)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// A `google.rpc.RetryInfo`.
pub fn encode_retry_info(delay: Duration) -> Vec<u8> {
    let delay = delay.min(LONGEST);
    let mut duration = Vec::with_capacity(16);
    if delay.as_secs() > 0 {
        put_uint(&mut duration, 1, delay.as_secs());
    }
    if delay.subsec_nanos() > 0 {
        put_uint(&mut duration, 2, delay.subsec_nanos().into());
    }
    let mut info = Vec::with_capacity(18);
    put_len(&mut info, 1, &duration);
    info
}

/// The delay of a `google.rpc.RetryInfo`: zero where it is absent or negative, and at most what its
/// type can say.
pub fn decode_retry_info(info: &[u8]) -> Result<Duration, Malformed> {
    let (mut seconds, mut nanos) = (0, 0);
    for field in Fields::new(info) {
        let field = field?;
        let (1, Value::Len(duration)) = (field.number, field.value) else {
            continue;
        };
        for field in Fields::new(duration) {
            let field = field?;
            match (field.number, field.value) {
                (1, Value::Varint(value)) => seconds = value as i64,
                (2, Value::Varint(value)) => nanos = value as i32,
                _ => {}
            }
        }
    }
    let (Ok(seconds), Ok(nanos)) = (u64::try_from(seconds), u32::try_from(nanos)) else {
        return Ok(Duration::ZERO);
    };
    if nanos >= 1_000_000_000 {
        return Err(Malformed(
            "retry delay with a second or more of nanoseconds",
        ));
    }
    let seconds = Duration::from_secs(seconds).min(LONGEST);
    Ok((seconds + Duration::from_nanos(nanos.into())).min(LONGEST))
}

/// The delay in a `google.protobuf.Any`, if that is a RetryInfo.
fn delay_of(detail: &[u8]) -> Result<Option<Duration>, Malformed> {
    let (mut name, mut info) = (&b""[..], &b""[..]);
    for field in Fields::new(detail) {
        let field = field?;
        match (field.number, field.value) {
            (1, Value::Len(value)) => name = value,
            (2, Value::Len(value)) => info = value,
            _ => {}
        }
    }
    if name != RETRY_INFO_TYPE.as_bytes() {
        return Ok(None);
    }
    decode_retry_info(info).map(Some)
}

/// The part of a second in nanoseconds, with the 0, 3, 6 or 9 digits of protobuf JSON.
struct Fraction(u32);

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            nanos if nanos % 1_000_000 == 0 => write!(f, ".{:03}", nanos / 1_000_000),
            nanos if nanos % 1_000 == 0 => write!(f, ".{:06}", nanos / 1_000),
            nanos => write!(f, ".{nanos:09}"),
        }
    }
}
