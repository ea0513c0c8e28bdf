//! Why a request was not taken, and what its sender may do.

use std::fmt;
use std::time::Duration;

use ledger::Reason;

/// The hint that goes with a refusal unless somebody knows better. Several SDKs drop their data at once when asked to
/// wait longer than a few seconds, so it is short.
pub const RETRY_HINT: Duration = Duration::from_secs(1);

/// A request that was not taken. Nothing of it has gone on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub reason: Reason,
    /// When the same request may be sent again; `None`: never, it would be refused again.
    pub retry: Option<Duration>,
    pub text: &'static str,
}

impl Refusal {
    /// Refused for now.
    pub const fn later(reason: Reason, text: &'static str) -> Self {
        Self {
            reason,
            retry: Some(RETRY_HINT),
            text,
        }
    }

    /// Refused for good.
    pub const fn never(reason: Reason, text: &'static str) -> Self {
        Self {
            reason,
            retry: None,
            text,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl std::error::Error for Refusal {}
