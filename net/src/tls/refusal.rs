//! Handshakes that came to nothing: why, how often, and a line in the log now and then.

use std::fmt;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustls::{CertificateError, Error};
use telemetry::metrics::{Counter, Family};
use tokio::time::Instant;

use super::Owner;

/// Whoever can connect can make a line: no more than one in this time, which says how many there would have been.
const LINE_EVERY: Duration = Duration::from_secs(1);

const REFUSED: Family = Family::counter(
    "tracegate_tls_handshake_failures",
    "TLS handshakes of clients that failed, by cause.",
);

/// Why a handshake failed: the values of the label `cause`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The client went away; port scanners and TCP health checks do.
    Closed,
    Timeout,
    /// It spoke no TLS.
    NotTls,
    /// No version, suite, group or protocol in common.
    Incompatible,
    NoCertificate,
    UnknownAuthority,
    Expired,
    NotYetValid,
    /// Any other fault of its certificate.
    BadCertificate,
    /// The client refused us.
    RefusedByPeer,
    Other,
}

/// Counts and tells the refusals of one server.
pub(super) struct Refusals {
    kind: String,
    component: String,
    part: String,
    /// By [`Cause`].
    counters: [Counter; Cause::ALL.len()],
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    last: Option<Instant>,
    unsaid: u64,
}

// === impl Cause ===

impl Cause {
    const ALL: [Self; 11] = [
        Self::Closed,
        Self::Timeout,
        Self::NotTls,
        Self::Incompatible,
        Self::NoCertificate,
        Self::UnknownAuthority,
        Self::Expired,
        Self::NotYetValid,
        Self::BadCertificate,
        Self::RefusedByPeer,
        Self::Other,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::NotTls => "not_tls",
            Self::Incompatible => "incompatible",
            Self::NoCertificate => "no_certificate",
            Self::UnknownAuthority => "unknown_authority",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::BadCertificate => "bad_certificate",
            Self::RefusedByPeer => "refused_by_peer",
            Self::Other => "other",
        }
    }

    pub(super) fn of(error: &io::Error) -> Self {
        let tls = error.get_ref().and_then(|cause| cause.downcast_ref());
        match tls {
            Some(Error::NoCertificatesPresented) => Self::NoCertificate,
            Some(Error::InvalidCertificate(fault)) => match fault {
                CertificateError::UnknownIssuer => Self::UnknownAuthority,
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    Self::Expired
                }
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    Self::NotYetValid
                }
                _ => Self::BadCertificate,
            },
            Some(Error::InvalidMessage(_)) => Self::NotTls,
            Some(Error::PeerIncompatible(_) | Error::NoApplicationProtocol) => Self::Incompatible,
            Some(Error::AlertReceived(_)) => Self::RefusedByPeer,
            Some(_) => Self::Other,
            None => match error.kind() {
                io::ErrorKind::TimedOut => Self::Timeout,
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe => Self::Closed,
                _ => Self::Other,
            },
        }
    }
}

// === impl Refusals ===

impl Refusals {
    pub(super) fn new(owner: Owner<'_>) -> Self {
        let [kind, component, part] = owner.labels();
        let counter = |cause: Cause| {
            let labels = [kind, component, part, ("cause", cause.name())];
            owner.metrics.counter(&REFUSED, &labels)
        };
        Self {
            kind: owner.kind.to_owned(),
            component: owner.component.to_owned(),
            part: owner.part.to_owned(),
            counters: Cause::ALL.map(counter),
            lines: Mutex::default(),
        }
    }

    /// Counts a handshake that failed, and says so if the last line is old enough. One that was just broken off is
    /// no attack and no mistake, so it is counted alone.
    pub(super) fn refused(&self, peer: &dyn fmt::Display, error: &io::Error) {
        let cause = Cause::of(error);
        if let Some(counter) = self.counters.get(cause as usize) {
            counter.add(1);
        }
        if cause == Cause::Closed {
            return;
        }
        if let Some(unsaid) = self.may_say() {
            tracing::warn!(
                otelcol.component.id = self.component,
                otelcol.component.kind = self.kind,
                part = self.part,
                peer = %peer,
                cause = cause.name(),
                error = %error,
                unsaid,
                "TLS handshake refused"
            );
        }
    }

    /// How many lines were left out since the last one, if it is time for another.
    #[allow(clippy::disallowed_methods, reason = "the rim: the rate of log lines")]
    fn may_say(&self) -> Option<u64> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if lines
            .last
            .is_some_and(|last| now.duration_since(last) < LINE_EVERY)
        {
            lines.unsaid += 1;
            return None;
        }
        lines.last = Some(now);
        Some(std::mem::take(&mut lines.unsaid))
    }
}
