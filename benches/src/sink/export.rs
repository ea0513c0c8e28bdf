//! One export: read it, decide, count, answer.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use otlp::{Malformed, Signal};

use super::gate::Fuse;
use super::reply::{self, Reply};
use super::script::{Answer, Refuse};
use super::tally::Received;
use super::{Shared, control};
use crate::coding::Coding;
use crate::protocol::{Protocol, from_path};
use crate::{ItemId, clock, grpc, scan};

/// Largest body, before and after inflation: several times what any collector exports at once.
const MAX_BODY: usize = 256 << 20;

/// Body buffers that are kept for the next request, so that a large export does not fault its pages
/// in each time.
const SPARE_BUFFERS: usize = 16;

/// What all connections of the thread share.
pub(super) struct Local {
    pub(super) shared: Arc<Shared>,
    spare: RefCell<Vec<Vec<u8>>>,
}

/// One export without framing and compression.
struct Payload {
    buffer: Vec<u8>,
    /// Where the payload starts: after the gRPC prefix, unless it was inflated into a buffer of its
    /// own.
    start: usize,
    items: u64,
    ids: Vec<ItemId>,
}

/// The script asked for a reset: the connection is dropped before this is looked at.
#[derive(Debug)]
pub(super) struct Reset;

// === impl Reset ===

impl std::fmt::Display for Reset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("reset by the script")
    }
}

impl std::error::Error for Reset {}

// === impl Payload ===

impl Payload {
    fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }
}

// === impl Local ===

impl Local {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            spare: RefCell::default(),
        }
    }

    pub(super) async fn respond(
        &self,
        fuse: &Fuse,
        request: Request<Incoming>,
    ) -> Result<Reply, Reset> {
        let Some((protocol, signal)) = from_path(request.uri().path()) else {
            return Ok(no_export(&self.shared, &request));
        };
        let (head, body) = request.into_parts();
        let payload = match self.read(&head.headers, protocol, signal, body).await {
            Ok(payload) => payload,
            Err(fault) => {
                self.shared.count(|tally| tally.counts.malformed += 1);
                return Ok(reply::refusal(protocol, &invalid(&fault)));
            }
        };
        // Subscribed before the decision, so that a change in between is not missed.
        let mut changes = self.shared.script.subscribe();
        loop {
            let (answer, delay) = self.shared.decide(payload.bytes(), payload.items);
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            let rejected = match answer {
                Answer::Ok => 0,
                Answer::Partial { rejected } => rejected,
                Answer::Hang => {
                    let _ = changes.changed().await;
                    continue;
                }
                Answer::Refuse(refuse) => {
                    self.refused(payload);
                    return Ok(reply::refusal(protocol, &refuse));
                }
                Answer::Reset => {
                    self.refused(payload);
                    fuse.blow();
                    return Err(Reset);
                }
                Answer::TakeAndReset => {
                    self.take(protocol, signal, head, payload);
                    fuse.blow();
                    return Err(Reset);
                }
            };
            self.take(protocol, signal, head, payload);
            let response = match rejected {
                0 => Vec::new(),
                _ => grpc::partial_success(rejected, "rejected by the script"),
            };
            return Ok(reply::success(protocol, &response));
        }
    }

    /// Reads the body, undoes framing and compression, and walks over its items once.
    async fn read(
        &self,
        headers: &HeaderMap,
        protocol: Protocol,
        signal: Signal,
        mut body: Incoming,
    ) -> Result<Payload, String> {
        let mut buffer = self.spare.borrow_mut().pop().unwrap_or_default();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| format!("body broken off: {error}"))?;
            if let Some(content) = frame.data_ref() {
                buffer.extend_from_slice(content);
            }
            if buffer.len() > MAX_BODY {
                return Err(format!("body longer than {MAX_BODY} bytes"));
            }
        }
        self.shared.count(|tally| {
            tally.counts.requests += 1;
            tally.counts.wire_bytes += buffer.len() as u64;
        });
        let (buffer, start) = self.unwrap(headers, protocol, buffer)?;
        let mut payload = Payload {
            buffer,
            start,
            items: 0,
            ids: Vec::new(),
        };
        if !is_json(headers) {
            payload.items = self
                .walk(signal, &mut payload)
                .map_err(|fault| fault.to_string())?;
        }
        Ok(payload)
    }

    fn walk(&self, signal: Signal, payload: &mut Payload) -> Result<u64, Malformed> {
        if !self.shared.options.remember {
            return scan::count(signal, payload.bytes());
        }
        let mut ids = std::mem::take(&mut payload.ids);
        let items = scan::ids(signal, payload.bytes(), &mut ids);
        payload.ids = ids;
        items
    }

    /// The buffer that holds the payload, and where it starts there.
    fn unwrap(
        &self,
        headers: &HeaderMap,
        protocol: Protocol,
        body: Vec<u8>,
    ) -> Result<(Vec<u8>, usize), String> {
        let token = headers
            .get(protocol.encoding_header())
            .map(|value| value.as_bytes());
        let mut coding = Coding::from_token(token.unwrap_or_default())
            .ok_or("a compression that the sink does not know")?;
        let start = match protocol {
            Protocol::Http => 0,
            Protocol::Grpc => {
                let (compressed, _) = grpc::message(&body).ok_or("not exactly one message")?;
                if !compressed {
                    coding = Coding::None;
                }
                grpc::PREFIX
            }
        };
        if coding == Coding::None {
            return Ok((body, start));
        }
        let encoded = body.get(start..).unwrap_or_default();
        let decoded = coding
            .decode(encoded, MAX_BODY)
            .map_err(|error| error.to_string())?;
        self.spare(body);
        Ok((decoded, 0))
    }

    fn take(&self, protocol: Protocol, signal: Signal, head: Parts, payload: Payload) {
        let bytes = payload.bytes().len();
        self.shared.count(|tally| {
            tally.take(signal, payload.items, &payload.ids, bytes);
            if self.shared.options.keep {
                let headers = head.headers;
                let payload = Bytes::from(payload.buffer).slice(payload.start..);
                tally.keep(Received {
                    signal,
                    protocol,
                    headers,
                    unix_nanos: clock::unix_nanos(),
                    payload,
                });
            } else {
                self.spare(payload.buffer);
            }
        });
    }

    fn refused(&self, payload: Payload) {
        self.shared.count(|tally| tally.counts.refused += 1);
        self.spare(payload.buffer);
    }

    fn spare(&self, mut buffer: Vec<u8>) {
        let mut spare = self.spare.borrow_mut();
        if spare.len() < SPARE_BUFFERS {
            buffer.clear();
            spare.push(buffer);
        }
    }
}

/// A request that is not an OTLP export: control, or a mistake.
fn no_export(shared: &Shared, request: &Request<Incoming>) -> Reply {
    let grpc = request.headers().get(http::header::CONTENT_TYPE);
    if grpc.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc")) {
        let text = "the sink serves the three OTLP export methods".to_owned();
        let refuse = Refuse {
            grpc: grpc::UNIMPLEMENTED,
            http: 404,
            retry_after: None,
            text,
        };
        return reply::refusal(Protocol::Grpc, &refuse);
    }
    let query = request.uri().query().unwrap_or_default();
    match control::answer(shared, request.uri().path(), query) {
        Ok(text) => reply::text(StatusCode::OK, text),
        Err((code, text)) => reply::text(code, text),
    }
}

fn invalid(fault: &str) -> Refuse {
    let text = format!("the sink cannot read this export: {fault}");
    Refuse {
        grpc: grpc::INVALID_ARGUMENT,
        http: 400,
        retry_after: None,
        text,
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(http::header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}
