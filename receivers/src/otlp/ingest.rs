//! From a body on a socket to a request in the pipelines: the same steps for gRPC and HTTP.

use std::sync::Arc;

use hyper::body::Incoming;
use net::body::{self, BodyFault, Received};
use net::encoding::{Encoding, InflateFault, inflate_off};
use otlp::reply::{Code, Format, Status};
use otlp::{Signal, json, survey};
use pipeline::{Batch, Context, Inlet, Inlets, Outcome, RETRY_HINT, Refusal};

/// The inlets of one transport on one worker, and how large a request may be.
pub(super) struct Ingest {
    inlets: Inlets,
    /// By [`Signal::index`].
    signals: [Option<Inlet>; 3],
    /// Bytes of a request, as sent and again as decoded.
    cap: usize,
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
    /// Over a size limit, for which HTTP has a status of its own.
    too_large: bool,
}

impl Ingest {
    pub(super) fn new(inlets: Inlets, transport: &'static str, cap: usize) -> Self {
        let signals = Signal::ALL.map(|signal| inlets.open(signal, transport));
        Self {
            inlets,
            signals,
            cap,
        }
    }

    /// The inlet of a signal, if some pipeline takes it from this receiver.
    pub(super) fn inlet(&self, signal: Signal) -> Option<&Inlet> {
        self.signals.get(signal.index())?.as_ref()
    }

    /// Reads a body, waiting first until the memory budget admits it. `framing` is what the protocol adds.
    pub(super) async fn read(&self, body: Incoming, framing: usize) -> Result<Received, Rejection> {
        self.inlets.admit_body().await?;
        let lease = self.inlets.budget().lease();
        let read = body::read(body, lease, self.cap + framing).await;
        Ok(read.map_err(|fault| match fault {
            // The sender knows the limit on his request, not on what the protocol adds to it.
            BodyFault::TooLarge { .. } => BodyFault::TooLarge { cap: self.cap },
            other => other,
        })?)
    }

    /// Decodes a request and offers it to the pipelines.
    pub(super) async fn offer(
        &self,
        inlet: &Inlet,
        body: Received,
        reading: Reading,
        context: Arc<Context>,
    ) -> Result<(), Rejection> {
        let (mut bytes, mut lease) = body.into_parts();
        if reading.encoding != Encoding::Identity {
            let sent = bytes.len();
            let (inflated, charged) = inflate_off(reading.encoding, bytes, self.cap, lease).await?;
            (bytes, lease) = (inflated.into(), charged);
            lease.give_back(sent);
        }
        if reading.format == Format::Json {
            let decoded = json::decode(inlet.signal(), &bytes)
                .map_err(|fault| Rejection::invalid(fault.to_string()))?;
            lease
                .try_grow(decoded.len())
                .map_err(|_| BodyFault::Exhausted)?;
            lease.give_back(bytes.len());
            bytes = decoded.into();
        }
        let census = survey(inlet.signal(), &bytes)
            .map_err(|malformed| Rejection::invalid(malformed.to_string()))?;
        if census.cost > self.cap as u64 {
            return Err(BodyFault::TooLarge { cap: self.cap }.into());
        }
        let batch = Batch::new(inlet.signal(), lease.attach(bytes), census.items as u64)
            .with_context(Some(context));
        match inlet.offer(batch).await? {
            Outcome::Delivered => Ok(()),
            Outcome::Retryable(reason) => {
                Err(Rejection::unavailable(format!("not delivered: {reason}")))
            }
            Outcome::Permanent(reason) => {
                let text = format!("not delivered, and not to be sent again: {reason}");
                Err(Rejection {
                    status: Status::new(Code::Internal, text),
                    too_large: false,
                })
            }
        }
    }
}

// === impl Rejection ===

impl Rejection {
    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Self {
            status: Status::new(Code::InvalidArgument, text),
            too_large: false,
        }
    }

    fn unavailable(text: impl Into<String>) -> Self {
        let status = Status::new(Code::Unavailable, text).with_retry_after(RETRY_HINT);
        Self {
            status,
            too_large: false,
        }
    }

    /// The status of an HTTP answer.
    pub(super) fn http(&self) -> u16 {
        const CONTENT_TOO_LARGE: u16 = 413;
        if self.too_large {
            CONTENT_TOO_LARGE
        } else {
            self.status.code.http()
        }
    }
}

impl From<Status> for Rejection {
    fn from(status: Status) -> Self {
        Self {
            status,
            too_large: false,
        }
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.retry {
            Some(delay) => Status::new(Code::Unavailable, refusal.text).with_retry_after(delay),
            // As in the Collector: a permanent error of a pipeline is its own fault, not the sender's.
            None => Status::new(Code::Internal, refusal.text),
        };
        Self {
            status,
            too_large: false,
        }
    }
}

impl From<BodyFault> for Rejection {
    fn from(fault: BodyFault) -> Self {
        let too_large = matches!(fault, BodyFault::TooLarge { .. });
        Self {
            status: fault.status(),
            too_large,
        }
    }
}

impl From<InflateFault> for Rejection {
    fn from(fault: InflateFault) -> Self {
        let text = fault.to_string();
        match fault {
            InflateFault::TooLarge { .. } | InflateFault::Ratio => Self {
                status: Status::new(Code::ResourceExhausted, text),
                too_large: true,
            },
            InflateFault::Corrupt(_) => Self::invalid(text),
            InflateFault::Exhausted => Self::unavailable(text),
        }
    }
}
