//! From a body on a socket to a request in the pipelines: the same steps for gRPC and HTTP.

use std::sync::Arc;

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue};
use hyper::body::Incoming;
use ledger::Reason;
use net::body::{self, BodyFault, Received};
use net::encoding::{self, Encoding, InflateFault, inflate_off};
use otlp::reply::{Code, Format, PartialSuccess, Status};
use otlp::{Signal, json, survey};
use pipeline::{Batch, Context, Inlet, Inlets, Outcome, RETRY_HINT, Refusal, Sender};

/// The inlets of one transport on one worker, and how large a request may be.
pub(super) struct Ingest {
    inlets: Inlets,
    /// By [`Signal::index`].
    signals: [Inlet; 3],
    /// Bytes of a request, as sent and again as decoded.
    cap: usize,
    transport: &'static str,
}

/// How a request's body is to be read.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    pub(super) encoding: Encoding,
    pub(super) format: Format,
}

/// Why a request was not taken, in the words of either protocol.
#[derive(Debug)]
pub(super) struct Rejection {
    pub(super) status: Status,
    /// For the metrics.
    reason: &'static str,
    /// Over the limit that a setting raises.
    is_over_limit: bool,
}

impl Ingest {
    pub(super) fn new(inlets: Inlets, transport: &'static str, cap: usize) -> Self {
        let signals = Signal::ALL.map(|signal| inlets.open(signal, transport));
        Self {
            inlets,
            signals,
            cap,
            transport,
        }
    }

    /// The inlet of a signal, if some pipeline takes it from this receiver.
    pub(super) fn inlet(&self, signal: Signal) -> Option<&Inlet> {
        self.signals
            .get(signal.index())
            .filter(|inlet| inlet.is_fed())
    }

    /// Reads a body, waiting first until the memory budget admits it. `framing` is what the protocol adds.
    pub(super) async fn read(&self, body: Incoming, framing: usize) -> Result<Received, Rejection> {
        let lease = self.inlets.admit_body().await?;
        let read = body::read(body, lease, self.cap + framing).await;
        Ok(read.map_err(|fault| match fault {
            // The sender knows the limit on his request, not on what the protocol adds to it.
            BodyFault::TooLarge { .. } => BodyFault::TooLarge { cap: self.cap },
            other => other,
        })?)
    }

    /// Who sends this request over this connection.
    pub(super) fn sender(&self, connection: &Context, headers: &HeaderMap) -> Sender {
        let agent = headers.get(USER_AGENT).map(HeaderValue::as_bytes);
        self.inlets.sender(connection.peer, agent)
    }

    /// Counts a request that is answered with a failure, and names the setting if a limit is what it passes.
    pub(super) fn refused(&self, sender: Sender, mut rejection: Rejection) -> Rejection {
        if rejection.is_over_limit {
            let setting = match self.transport {
                "grpc" => "max_recv_msg_size_mib",
                _ => "max_request_body_size",
            };
            let limit = format!(" (the receiver's {setting})");
            rejection.status.message.push_str(&limit);
        }
        let Rejection { status, reason, .. } = &rejection;
        self.inlets
            .refused(self.transport, sender, reason, &status.message);
        rejection
    }

    /// Decodes a request and offers it to the pipelines. Taken is also what a destination has taken with reservations:
    /// they are for the sender, who must not send it again.
    pub(super) async fn offer(
        &self,
        inlet: &Inlet,
        body: Received,
        reading: Reading,
        context: Arc<Context>,
        sender: &Sender,
    ) -> Result<Option<PartialSuccess>, Rejection> {
        let (mut bytes, mut lease) = body.into_parts();
        if reading.encoding != Encoding::Identity {
            let sent = bytes.len();
            let (inflated, charged) = inflate_off(reading.encoding, bytes, self.cap, lease).await?;
            (bytes, lease) = (inflated.into(), charged);
            lease.give_back(sent);
        }
        if reading.format == Format::Json {
            let (signal, cap, read) = (inlet.signal(), self.cap, bytes.len());
            let decoded = encoding::run(read, move || json::decode_within(signal, &bytes, cap));
            let decoded = decoded
                .await
                .map_err(|lost| Rejection::invalid(lost.to_string()))?;
            let decoded = decoded.map_err(|fault| match fault.is_too_large() {
                true => BodyFault::TooLarge { cap }.into(),
                false => Rejection::invalid(fault.to_string()),
            })?;
            lease
                .try_grow(decoded.len())
                .map_err(|_| BodyFault::Exhausted)?;
            lease.give_back(read);
            bytes = decoded.into();
        }
        let census = survey(inlet.signal(), &bytes)
            .map_err(|malformed| Rejection::invalid(malformed.to_string()))?;
        if census.cost > self.cap as u64 {
            return Err(BodyFault::TooLarge { cap: self.cap }.into());
        }
        let batch = Batch::new(inlet.signal(), lease.attach(bytes), census.items as u64)
            .with_sender(*sender)
            .with_context(Some(context));
        match inlet.offer(batch).await? {
            Outcome::Delivered => Ok(None),
            Outcome::Partial { rejected, reason } => Ok(Some(reservations(rejected, reason))),
            Outcome::Retryable(reason) => {
                let text = format!("not delivered: {reason}");
                let status = Status::new(Code::Unavailable, text).with_retry_after(RETRY_HINT);
                Err(Rejection::new(status, reason.name()))
            }
            Outcome::Permanent(reason) => {
                let text = format!("not delivered, and not to be sent again: {reason}");
                Err(Rejection::new(
                    Status::new(Code::Internal, text),
                    reason.name(),
                ))
            }
        }
    }
}

/// What a sender is told of items that a destination did not take: words of a closed list.
fn reservations(rejected: u64, reason: Reason) -> PartialSuccess {
    let text = match (reason, rejected) {
        (Reason::Invalid, _) => "a destination cannot read these items",
        (Reason::TooLarge, _) => "these items are too large for a destination",
        (_, 0) => "a destination has rejected some of the items that were sent together with these",
        _ => "a destination has rejected these items",
    };
    PartialSuccess {
        rejected,
        message: format!("{text}: {reason}"),
    }
}

// === impl Rejection ===

impl Rejection {
    fn new(status: Status, reason: &'static str) -> Self {
        Self {
            status,
            reason,
            is_over_limit: false,
        }
    }

    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Status::new(Code::InvalidArgument, text).into()
    }

    /// The status of an HTTP answer. What is over a size limit has one of its own.
    pub(super) fn http(&self) -> u16 {
        const CONTENT_TOO_LARGE: u16 = 413;
        if self.status.code == Code::ResourceExhausted {
            CONTENT_TOO_LARGE
        } else {
            self.status.code.http()
        }
    }
}

/// The reasons of what is decided before a request is read to its end.
impl From<Status> for Rejection {
    fn from(status: Status) -> Self {
        let reason = match status.code {
            Code::ResourceExhausted => Reason::TooLarge.name(),
            Code::Unavailable => Reason::MemoryLimit.name(),
            Code::Unauthenticated | Code::PermissionDenied => "unauthenticated",
            Code::DeadlineExceeded => "timeout",
            Code::Cancelled => "broken",
            _ => Reason::Invalid.name(),
        };
        Self::new(status, reason)
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.retry {
            Some(delay) => Status::new(Code::Unavailable, refusal.text).with_retry_after(delay),
            // As in the Collector: a permanent error of a pipeline is its own fault, not the sender's.
            None => Status::new(Code::Internal, refusal.text),
        };
        Self::new(status, refusal.reason.name())
    }
}

impl From<BodyFault> for Rejection {
    fn from(fault: BodyFault) -> Self {
        Self {
            is_over_limit: matches!(fault, BodyFault::TooLarge { .. }),
            ..fault.status().into()
        }
    }
}

impl From<InflateFault> for Rejection {
    fn from(fault: InflateFault) -> Self {
        let text = fault.to_string();
        let is_over_limit = matches!(fault, InflateFault::TooLarge { .. });
        let status = match fault {
            InflateFault::TooLarge { .. } | InflateFault::Ratio => {
                Status::new(Code::ResourceExhausted, text)
            }
            InflateFault::Corrupt(_) => Status::new(Code::InvalidArgument, text),
            InflateFault::Exhausted => {
                Status::new(Code::Unavailable, text).with_retry_after(RETRY_HINT)
            }
        };
        Self {
            is_over_limit,
            ..status.into()
        }
    }
}
