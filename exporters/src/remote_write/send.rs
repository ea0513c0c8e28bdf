//! One request, and what the answer means for the points in it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use net::tail;
use pipeline::component::Failure;
use pipeline::{Batch, Clock};

use super::config::VERSION_HEADER;
use super::counts::Counts;
use super::encode::{Request, Totals, Version};
use crate::client::{self, Auth, Packing, Route, retry_after};

/// Back ends explain a refusal in a line or two of text.
const ANSWER_MAX: usize = 64 << 10;

/// As much of it goes to the log.
const SAID_MAX: usize = 1024;

/// Sends requests to one URL.
pub(super) struct Sender {
    pub(super) route: Route,
    /// All that is the same for every request.
    pub(super) headers: HeaderMap,
    pub(super) metadata_keys: Vec<HeaderName>,
    pub(super) packing: Packing,
    pub(super) auth: Auth,
    pub(super) timeout: Option<Duration>,
    pub(super) version: Version,
    pub(super) clock: Clock,
    pub(super) counts: Counts,
}

/// What became of a request.
#[derive(Debug, PartialEq)]
pub(super) enum Fate {
    /// It was taken, but for so many samples and histograms.
    Taken { lost: u64, text: String },
    /// The same request would be refused again.
    Refused { text: String },
    /// Something in it is bad, and most back ends take nothing of the rest then.
    Spoilt { text: String },
    /// It may be taken in parts.
    TooLarge { text: String },
    /// It may be taken later.
    Later {
        after: Option<Duration>,
        text: String,
    },
}

/// The headers that the protocol asks for, over those that are configured.
pub(super) fn headers(configured: HeaderMap, version: Version) -> HeaderMap {
    let (content, number) = match version {
        Version::V1 => ("application/x-protobuf", "0.1.0"),
        Version::V2 => (
            "application/x-protobuf;proto=io.prometheus.write.v2.Request",
            "2.0.0",
        ),
    };
    let mut all = configured;
    for (name, value) in [
        (CONTENT_ENCODING, "snappy"),
        (CONTENT_TYPE, content),
        (VERSION_HEADER, number),
        (USER_AGENT, client::USER_AGENT),
    ] {
        all.insert(name, HeaderValue::from_static(value));
    }
    all
}

impl Sender {
    /// Sends a request with so many points of this batch.
    pub(super) async fn send(&self, batch: &Batch, request: Request, points: u64) -> Fate {
        let Request { body, totals, .. } = request;
        let body = body.map(Bytes::from);
        let packed = match self.packing.pack(body.into()).await {
            Ok(packed) => packed,
            Err(failure) => return refused(failure),
        };
        self.counts.sent();
        let exchange = self.exchange(batch, packed, totals, points);
        let answered = match self.timeout {
            None => exchange.await,
            Some(timeout) => match tokio::time::timeout(timeout, exchange).await {
                Ok(answered) => answered,
                Err(_) => Err(Failure::retryable(format!("no answer within {timeout:?}"))),
            },
        };
        answered.unwrap_or_else(refused)
    }

    async fn exchange(
        &self,
        batch: &Batch,
        packed: Vec<Bytes>,
        totals: Totals,
        points: u64,
    ) -> Result<Fate, Failure> {
        let mut request = self.route.post(&self.headers, packed);
        let headers = request.headers_mut();
        self.put_metadata(batch, headers);
        let generation = self.auth.apply(batch, headers)?;
        let sent = self.route.client.send(request).await;
        let mut answered = sent.map_err(|fault| Failure::retryable(fault.to_string()))?;
        let read = tail::read(answered.response.body_mut(), ANSWER_MAX).await;
        let said = read.map(|tail| said(&tail.body));
        let answer = Answer {
            status: answered.response.status(),
            headers: answered.response.headers().clone(),
            said: said.clone().unwrap_or_default(),
        };
        if said.is_ok() {
            self.route.client.reuse(answered);
        }
        let fate = self.fate(&answer, totals, points);
        match fate {
            Fate::Refused { text } if answer.status == StatusCode::UNAUTHORIZED => {
                Err(self.auth.refused(generation, Failure::permanent(text)))
            }
            fate => Ok(fate),
        }
    }

    /// What is known of the sender, as headers.
    fn put_metadata(&self, batch: &Batch, headers: &mut HeaderMap) {
        let Some(context) = batch.context() else {
            return;
        };
        for name in &self.metadata_keys {
            let values = context.metadata(name.as_str());
            for value in values.filter_map(|value| HeaderValue::try_from(value).ok()) {
                headers.append(name, value);
            }
        }
    }

    fn fate(&self, answer: &Answer, sent: Totals, points: u64) -> Fate {
        let status = answer.status;
        let text = || self.text(answer, sent, points);
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            let now = self.clock.now().unix_nanos / 1_000_000_000;
            return Fate::Later {
                after: retry_after(&answer.headers, now),
                text: text(),
            };
        }
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            return Fate::TooLarge { text: text() };
        }
        if self.version == Version::V1 {
            return match status.is_success() {
                true => Fate::taken(),
                // Who knows version 2 takes by itself what it can.
                false if status == StatusCode::BAD_REQUEST => Fate::Spoilt { text: text() },
                false => Fate::Refused { text: text() },
            };
        }
        let written = answer.written();
        if let Some(written) = &written {
            self.counts.written(written);
        }
        let lost = |written: Totals| {
            let samples = sent.samples.saturating_sub(written.samples);
            samples + sent.histograms.saturating_sub(written.histograms)
        };
        match (written, status.is_success()) {
            (Some(written), true) if lost(written) == 0 => Fate::taken(),
            // As its specification has it, who knows version 2 always says what was written.
            (None, true) => Fate::Refused {
                text: format!(
                    "{}, but did not say what it has written: it may know remote write 1 only; set \
                     `protobuf_message: prometheus.WriteRequest`",
                    text()
                ),
            },
            (Some(written), _) if written.samples + written.histograms > 0 => Fate::Taken {
                lost: lost(written),
                text: format!(
                    "{}: written were {} of {} samples and {} of {} histograms",
                    text(),
                    written.samples,
                    sent.samples,
                    written.histograms,
                    sent.histograms
                ),
            },
            _ => Fate::Refused { text: text() },
        }
    }

    fn text(&self, answer: &Answer, sent: Totals, points: u64) -> String {
        let mut text = format!(
            "error exporting {points} points in {} series, request to {} responded with HTTP Status \
             Code {}",
            sent.series,
            self.route.url,
            answer.status.as_u16()
        );
        if !answer.said.is_empty() {
            text.push_str(", Message=");
            text.push_str(&answer.said);
        }
        text
    }
}

/// What a back end has said.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    /// In words.
    said: String,
}

impl Answer {
    /// What it has written, if it says so; what it leaves out is none.
    fn written(&self) -> Option<Totals> {
        let written = |kind: &str| {
            let name = format!("x-prometheus-remote-write-{kind}-written");
            self.headers.get(name)?.to_str().ok()?.trim().parse().ok()
        };
        let [samples, histograms, exemplars] = ["samples", "histograms", "exemplars"].map(written);
        let says = samples.is_some() || histograms.is_some() || exemplars.is_some();
        says.then(|| Totals {
            series: 0,
            samples: samples.unwrap_or_default(),
            histograms: histograms.unwrap_or_default(),
            exemplars: exemplars.unwrap_or_default(),
        })
    }
}

impl Fate {
    pub(super) const fn is_later(&self) -> bool {
        matches!(self, Self::Later { .. })
    }

    /// What the back end has said, or why there was none.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Taken { text, .. }
            | Self::Refused { text }
            | Self::Spoilt { text }
            | Self::TooLarge { text }
            | Self::Later { text, .. } => text,
        }
    }

    const fn taken() -> Self {
        Self::Taken {
            lost: 0,
            text: String::new(),
        }
    }
}

fn refused(failure: Failure) -> Fate {
    match failure {
        Failure::Retryable { after, text } => Fate::Later { after, text },
        failure => Fate::Refused {
            text: failure.to_string(),
        },
    }
}

/// The beginning of what was answered, on one line.
fn said(body: &[u8]) -> String {
    let shown = body.get(..SAID_MAX).unwrap_or(body);
    let words = String::from_utf8_lossy(shown);
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}
