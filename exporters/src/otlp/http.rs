//! Exporter `otlp_http`: one POST a batch, in protobuf or JSON.

use std::cell::OnceCell;

use bytes::Bytes;
use config::blocks::{HttpClient, serialize_masked};
use config::{Problems, Squash, Validate};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri};
use net::client::{Answered, ChunkBody};
use net::encoding::Encoding;
use net::tail;
use net::tls;
use otlp::reply::{Format, MAX_ANSWER};
use otlp::{Signal, json};
use pipeline::component::{
    Component, Exporter, ExporterComponent, Failure, Host, Labels, LocalFuture, Receipt, Stability,
};
use pipeline::delivery::Settings;
use pipeline::{Batch, Clock};
use serde::{Deserialize, Serialize};

use super::answer::{http_failure, receipt};
use super::outbound::{self, Delivery};
use crate::client::{Auth, Packing, Route, connector, headers, url_place};

pub(crate) struct OtlpHttp {
    /// By [`Signal::index`]. Signals may go to different servers.
    routes: [Option<Route>; 3],
    headers: HeaderMap,
    packing: Packing,
    format: Format,
    clock: Clock,
    auth: Auth,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Config(Squash<HttpClient, Squash<Own, Delivery>>);

/// The keys beside the client's and the delivery's.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Own {
    #[serde(serialize_with = "serialize_masked")]
    traces_endpoint: String,
    #[serde(serialize_with = "serialize_masked")]
    metrics_endpoint: String,
    #[serde(serialize_with = "serialize_masked")]
    logs_endpoint: String,
    encoding: PayloadEncoding,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum PayloadEncoding {
    #[default]
    Proto,
    Json,
}

impl Own {
    fn endpoint(&self, signal: Signal) -> &str {
        [
            &self.traces_endpoint,
            &self.metrics_endpoint,
            &self.logs_endpoint,
        ][signal.index()]
    }
}

impl Validate for Own {}

impl Config {
    /// Where a signal goes: its own endpoint as it stands, else the base with the signal's path.
    pub(super) fn url(&self, signal: Signal) -> Option<String> {
        let Self(Squash(client, Squash(own, _))) = self;
        match (own.endpoint(signal), client.endpoint.as_str()) {
            ("", "") => None,
            ("", base) => Some(format!(
                "{}{}",
                base.strip_suffix('/').unwrap_or(base),
                signal.http_path()
            )),
            (own, _) => Some(own.to_owned()),
        }
    }
}

impl Validate for Config {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        problems.under("", &self.0);
        let some = Signal::ALL
            .into_iter()
            .any(|signal| self.url(signal).is_some());
        problems.require(some, "", "at least one endpoint must be specified");
        let Self(Squash(client, Squash(own, _))) = self;
        for (key, url) in [
            ("endpoint", &client.endpoint),
            ("traces_endpoint", &own.traces_endpoint),
            ("metrics_endpoint", &own.metrics_endpoint),
            ("logs_endpoint", &own.logs_endpoint),
        ] {
            let begins = ["http://", "https://"]
                .iter()
                .any(|scheme| url.starts_with(scheme));
            problems.require(
                url.is_empty() || begins,
                key,
                "must begin with http:// or https://",
            );
        }
        problems
    }
}

impl Component for OtlpHttp {
    const NAME: &'static str = "otlp_http";
    const ALIASES: &'static [&'static str] = &["otlphttp"];
    const SIGNALS: &'static [Signal] = &Signal::ALL;
    const STABILITY: Stability = Stability::Stable;
    const EXAMPLE: &'static str = "\
endpoint: https://loki.example/otlp
compression: gzip
";
    const REFERENCE: &'static str = include_str!("http.md");
    type Config = Config;
}

impl ExporterComponent for OtlpHttp {
    fn labels(config: &Config, signal: Signal) -> Labels {
        let url: Option<Uri> = config.url(signal).and_then(|url| url.parse().ok());
        url.map(|url| url_place(&url)).unwrap_or_default()
    }

    fn delivery(config: &Config) -> Settings {
        let Config(Squash(client, Squash(_, delivery))) = config;
        Settings::new(
            client.timeout,
            &delivery.retry_on_failure,
            &delivery.sending_queue,
        )
    }

    fn build(config: &Config, host: &Host) -> Result<Box<dyn Exporter>, String> {
        let Config(Squash(client, Squash(own, _))) = config;
        // The files are read once, and only if an endpoint needs them.
        let shared = OnceCell::new();
        let secured = || match shared.get() {
            Some(connector) => Ok(tls::Connector::clone(connector)),
            None => {
                let made = connector(client, host)?;
                Ok(shared.get_or_init(|| made).clone())
            }
        };
        let route = |signal| {
            config
                .url(signal)
                .map(|url| Route::new(&url, client, secured, host))
                .transpose()
        };
        let [traces, metrics, logs] = Signal::ALL.map(route);
        Ok(Box::new(Self {
            routes: [traces?, metrics?, logs?],
            headers: headers(&client.headers, "")?,
            packing: Packing::new(client.compression, client.compression_params, false)?,
            format: match own.encoding {
                PayloadEncoding::Proto => Format::Protobuf,
                PayloadEncoding::Json => Format::Json,
            },
            clock: host.clock,
            auth: Auth::find(host, &client.auth)?,
        }))
    }
}

impl Exporter for OtlpHttp {
    fn export<'a>(&'a self, batch: &'a Batch) -> LocalFuture<'a, Result<Receipt, Failure>> {
        Box::pin(async move {
            let Some(route) = &self.routes[batch.signal().index()] else {
                return Err(Failure::permanent(format!(
                    "no endpoint for {}",
                    batch.signal()
                )));
            };
            let message = self.packing.pack(self.message(batch)?).await?;
            let mut request = self.request(route, message);
            let generation = self.auth.apply(batch, request.headers_mut())?;
            let sent = route.client.send(request).await;
            let answered = sent.map_err(|fault| Failure::retryable(fault.to_string()))?;
            let refused = answered.response.status() == StatusCode::UNAUTHORIZED;
            let outcome = self.outcome(route, batch.signal(), answered).await;
            outcome.map_err(|failure| match refused {
                true => self.auth.refused(generation, failure),
                false => failure,
            })
        })
    }
}

impl OtlpHttp {
    fn message(&self, batch: &Batch) -> Result<Vec<Bytes>, Failure> {
        let chunks = outbound::message(batch);
        if self.format == Format::Protobuf {
            return Ok(chunks);
        }
        let json = json::encode(batch.signal(), &chunks.concat());
        let json = json.map_err(|malformed| Failure::permanent(malformed.to_string()))?;
        Ok(vec![json.into()])
    }

    fn request(&self, route: &Route, message: Vec<Bytes>) -> Request<ChunkBody> {
        let mut request = route.post(&self.headers, message);
        let headers = request.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static(self.format.content_type()),
        );
        if self.packing.encoding != Encoding::Identity {
            let name = HeaderValue::from_static(self.packing.encoding.http_name());
            headers.insert(CONTENT_ENCODING, name);
        }
        request
    }

    async fn outcome(
        &self,
        route: &Route,
        signal: Signal,
        mut answered: Answered,
    ) -> Result<Receipt, Failure> {
        let status = answered.response.status();
        let headers = answered.response.headers().clone();
        let read = tail::read(answered.response.body_mut(), MAX_ANSWER).await;
        if status.is_success() {
            let body = read.map_err(Failure::retryable)?.body;
            route.client.reuse(answered);
            let kind = headers
                .get(CONTENT_TYPE)
                .and_then(|kind| kind.to_str().ok());
            // Servers that answer with neither format have nothing to say that we could read.
            return match kind.and_then(Format::from_content_type) {
                Some(format) => receipt(signal, format, &body),
                None => Ok(Receipt::default()),
            };
        }
        let body = read.map(|tail| tail.body).unwrap_or_default();
        let now = self.clock.now().unix_nanos / 1_000_000_000;
        let failure = http_failure(&route.url, status, &headers, &body, now);
        route.client.reuse(answered);
        Err(failure)
    }
}
