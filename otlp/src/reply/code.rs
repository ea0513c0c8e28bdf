//! The codes of gRPC, and how they correspond to those of HTTP.

use std::fmt;

/// A gRPC status code; the discriminant is the number on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    Ok,
    Cancelled,
    Unknown,
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    Aborted,
    OutOfRange,
    Unimplemented,
    Internal,
    Unavailable,
    DataLoss,
    Unauthenticated,
}

/// Code, name, and the HTTP status with which the Collector's OTLP/HTTP receiver answers.
const CODES: [(Code, &str, u16); 17] = [
    (Code::Ok, "OK", 200),
    (Code::Cancelled, "CANCELLED", 503),
    (Code::Unknown, "UNKNOWN", 500),
    (Code::InvalidArgument, "INVALID_ARGUMENT", 400),
    (Code::DeadlineExceeded, "DEADLINE_EXCEEDED", 503),
    (Code::NotFound, "NOT_FOUND", 500),
    (Code::AlreadyExists, "ALREADY_EXISTS", 500),
    (Code::PermissionDenied, "PERMISSION_DENIED", 403),
    (Code::ResourceExhausted, "RESOURCE_EXHAUSTED", 429),
    (Code::FailedPrecondition, "FAILED_PRECONDITION", 500),
    (Code::Aborted, "ABORTED", 503),
    (Code::OutOfRange, "OUT_OF_RANGE", 503),
    (Code::Unimplemented, "UNIMPLEMENTED", 404),
    (Code::Internal, "INTERNAL", 500),
    (Code::Unavailable, "UNAVAILABLE", 503),
    (Code::DataLoss, "DATA_LOSS", 503),
    (Code::Unauthenticated, "UNAUTHENTICATED", 401),
];

/// How the Collector's OTLP/HTTP exporter reads an HTTP status; every other is `UNKNOWN`.
const HTTP: [(u16, Code); 8] = [
    (400, Code::InvalidArgument),
    (401, Code::Unauthenticated),
    (403, Code::PermissionDenied),
    (404, Code::Unimplemented),
    (429, Code::ResourceExhausted),
    (502, Code::Unavailable),
    (503, Code::Unavailable),
    (504, Code::Unavailable),
];

impl Code {
    const fn row(self) -> &'static (Self, &'static str, u16) {
        &CODES[self as usize]
    }

    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The name in the gRPC specification, such as `INVALID_ARGUMENT`.
    pub const fn name(self) -> &'static str {
        self.row().1
    }

    /// The status of an HTTP answer that says the same.
    pub const fn http(self) -> u16 {
        self.row().2
    }

    /// The code with this number; a number that gRPC does not know is `Unknown`, as it demands.
    pub fn from_number(number: u64) -> Self {
        let row = usize::try_from(number)
            .ok()
            .and_then(|number| CODES.get(number));
        row.map_or(Self::Unknown, |row| row.0)
    }

    /// What an HTTP answer without a status of gRPC means.
    pub fn from_http(status: u16) -> Self {
        match HTTP.iter().find(|row| row.0 == status) {
            Some((_, code)) => *code,
            None if (200..300).contains(&status) => Self::Ok,
            None => Self::Unknown,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
