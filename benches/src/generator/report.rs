//! What a run of the generator found out.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::Acked;
use crate::latency::Latency;

/// Why a request was not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refused {
    /// A gRPC status other than OK.
    Grpc(u32),
    /// An HTTP status other than 2xx, or a gRPC answer without a gRPC status.
    Http(u16),
    /// No answer within [`Options::patience`](super::Options::patience).
    TimedOut,
    /// The connection broke before the answer: the collector may have taken the request.
    Broken,
    /// A connection could not be made: counts attempts, not requests.
    NotConnected,
    /// Never sent: too many requests of an open loop were waiting for their answers, or the
    /// connection was closed and no other was made.
    NotSent,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grpc(code) => write!(f, "grpc {code}"),
            Self::Http(code) => write!(f, "http {code}"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Broken => f.write_str("broken"),
            Self::NotConnected => f.write_str("not connected"),
            Self::NotSent => f.write_str("not sent"),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Acknowledged requests.
    pub requests: u64,
    /// Items of acknowledged requests, rejected ones included.
    pub items: u64,
    /// Items that a partial success rejected.
    pub rejected: u64,
    /// Requests that were not acknowledged, by reason.
    pub refused: BTreeMap<Refused, u64>,
    pub elapsed: Duration,
    /// Time from sending to the answer of acknowledged requests; in an open loop, from when sending
    /// was due.
    pub latency: Latency,
    /// Payload bytes of an item before compression.
    pub bytes_per_item: f64,
    /// The acknowledged requests, with [`Options::record`](super::Options::record). A request of
    /// which a partial success rejected items is not among them: nobody can say which ones.
    pub acked: Vec<Acked>,
    /// The first number that a later run may use.
    pub next: u64,
}

impl Report {
    /// Requests that were not acknowledged, for whatever reason.
    pub fn refusals(&self) -> u64 {
        self.refused.values().sum()
    }

    pub fn items_per_second(&self) -> f64 {
        self.items as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    pub fn to_json(&self) -> serde_json::Value {
        let micros = |fraction| self.latency.quantile(fraction).as_micros() as u64;
        let refused: serde_json::Map<_, _> = self
            .refused
            .iter()
            .map(|(why, count)| (why.to_string(), (*count).into()))
            .collect();
        serde_json::json!({
            "requests": self.requests,
            "items": self.items,
            "rejected": self.rejected,
            "refused": refused,
            "seconds": self.elapsed.as_secs_f64(),
            "items_per_second": self.items_per_second(),
            "bytes_per_item": self.bytes_per_item,
            "p50_us": micros(0.5),
            "p99_us": micros(0.99),
            "max_us": self.latency.max().as_micros() as u64,
            "next": self.next,
        })
    }
}
