//! Why a request was not taken, and what its sender may do.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ledger::{Kind, LastError, LastErrors, Reason};
use telemetry::metrics::{Counter, Family, Metrics};

use crate::clock::Now;
use crate::sender::{Agent, KnownAgents, Sender};
use crate::service::Shared;

/// The hint that goes with a refusal unless somebody knows better. Several SDKs drop their data at once when asked to
/// wait longer than a few seconds, so it is short.
pub const RETRY_HINT: Duration = Duration::from_secs(1);

/// Some SDKs lose what is refused and others send it again: by their names an operator knows which it was.
const REFUSED: Family = Family::counter(
    "tracegate_receiver_refused_requests",
    "Number of requests that were answered with anything but success",
);

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

// === impl Refusals ===

/// What one receiver on one worker has refused, and whom.
pub(crate) struct Refusals {
    receiver: String,
    agents: KnownAgents,
    errors: Arc<LastErrors>,
    metrics: Metrics,
    /// Opened at the first refusal of a kind. As many as transports, reasons and user agents, which are all bounded.
    counters: RefCell<HashMap<(&'static str, &'static str, Agent), Counter>>,
}

impl Refusals {
    pub(crate) fn new(receiver: &str, shared: &Shared) -> Self {
        Self {
            receiver: receiver.to_owned(),
            agents: KnownAgents::new(Arc::clone(&shared.agents)),
            errors: Arc::clone(&shared.errors),
            metrics: shared.metrics.clone(),
            counters: RefCell::default(),
        }
    }

    pub(crate) fn sender(&self, peer: Option<IpAddr>, user_agent: Option<&[u8]>) -> Sender {
        Sender {
            peer,
            agent: user_agent.map(|h| self.agents.find(h)).unwrap_or_default(),
        }
    }

    pub(crate) fn count(
        &self,
        transport: &'static str,
        sender: Sender,
        reason: &'static str,
        text: &str,
        now: Now,
    ) {
        let Sender { peer, agent } = sender;
        let mut counters = self.counters.borrow_mut();
        let counter = counters.entry((transport, reason, agent));
        let counter = counter.or_insert_with(|| {
            let name = self.agents.name(agent);
            let labels = [
                ("receiver", self.receiver.as_str()),
                ("transport", transport),
                ("reason", reason),
                ("user_agent", name.as_deref().unwrap_or("unknown")),
            ];
            self.metrics.counter(&REFUSED, &labels)
        });
        counter.add(1);
        // What is the sender's own fault is worth a look; the rest are many, and the same for all.
        let theirs = [Reason::Invalid, Reason::TooLarge].into_iter();
        if let Some(reason) = { theirs }.find(|theirs| theirs.name() == reason) {
            self.errors.note(LastError {
                reason: Some(reason),
                peer,
                user_agent: self.agents.name(agent),
                ..LastError::new(Kind::Receiver, &self.receiver, text, now.unix_nanos)
            });
        }
    }
}
