//! Exporter `otlp_grpc`: one unary call a batch, its chunks written to the socket as they are.

use config::blocks::{CompressionParams, GrpcClient};
use config::{GoDuration, Problems, Squash, Validate};
use http::{HeaderMap, Uri};
use net::client::Client;
use net::grpc;
use otlp::Signal;
use otlp::reply::{Code, Format};
use pipeline::Batch;
use pipeline::component::{
    Component, Exporter, ExporterComponent, Failure, Host, Labels, LocalFuture, Receipt, Stability,
};
use pipeline::delivery::Settings;
use serde::{Deserialize, Serialize};

use super::answer::{grpc_failure, receipt};
use super::outbound::{self, Delivery};
use crate::client::{Auth, Packing, grpc_settings, headers};

/// Go servers refuse gRPC messages of more than 4 MiB unless told otherwise.
const REQUEST_BYTES_DEFAULT: u64 = 4_000_000;

pub(crate) struct OtlpGrpc {
    client: Client,
    /// By [`Signal::index`].
    uris: [Uri; 3],
    headers: HeaderMap,
    packing: Packing,
    request_max: usize,
    auth: Auth,
}

pub(crate) type Config = Squash<GrpcClient, Squash<Own, Delivery>>;

/// The keys beside the client's and the delivery's.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Own {
    timeout: GoDuration,
    /// The most encoded bytes of one request before compression. Not a key of the Collector.
    max_request_bytes: u64,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            timeout: GoDuration::from_secs(5),
            max_request_bytes: REQUEST_BYTES_DEFAULT,
        }
    }
}

impl Validate for Own {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        let text = "'timeout' must be non-negative";
        problems.require(!self.timeout.is_negative(), "timeout", text);
        let text = "max_request_bytes must be positive";
        problems.require(self.max_request_bytes > 0, "max_request_bytes", text);
        problems
    }
}

impl Component for OtlpGrpc {
    const NAME: &'static str = "otlp_grpc";
    const ALIASES: &'static [&'static str] = &["otlp"];
    const SIGNALS: &'static [Signal] = &Signal::ALL;
    const STABILITY: Stability = Stability::Stable;
    const EXAMPLE: &'static str = "\
endpoint: tempo.example:4317
compression: zstd
headers:
  x-scope-orgid: shop
";
    const REFERENCE: &'static str = include_str!("grpc.md");
    const OWN_KEYS: &'static [&'static str] = &["max_request_bytes"];
    type Config = Config;
}

impl ExporterComponent for OtlpGrpc {
    fn labels(config: &Config, _signal: Signal) -> Labels {
        outbound::place(&config.0.endpoint)
    }

    fn delivery(config: &Config) -> Settings {
        let Squash(_, Squash(own, delivery)) = config;
        Settings::new(
            own.timeout,
            &delivery.retry_on_failure,
            &delivery.sending_queue,
        )
    }

    fn build(config: &Config, host: &Host) -> Result<Box<dyn Exporter>, String> {
        let Squash(client, Squash(own, _)) = config;
        let settings = grpc_settings(client, host)?;
        let authority = match client.authority.as_str() {
            "" => settings.target.authority(),
            authority => authority.to_owned(),
        };
        let scheme = match settings.tls {
            Some(_) => "https",
            None => "http",
        };
        let uri = |signal: Signal| {
            let path = signal.grpc_path();
            Uri::builder()
                .scheme(scheme)
                .authority(authority.as_str())
                .path_and_query(path)
                .build()
        };
        let [traces, metrics, logs] = Signal::ALL.map(uri);
        let fault = |error| format!("authority {authority:?}: {error}");
        Ok(Box::new(Self {
            client: Client::new(settings),
            uris: [
                traces.map_err(fault)?,
                metrics.map_err(fault)?,
                logs.map_err(fault)?,
            ],
            headers: headers(&client.headers, &client.user_agent)?,
            packing: Packing::new(client.compression, CompressionParams::default(), true)?,
            auth: Auth::find(host, &client.auth)?,
            request_max: usize::try_from(own.max_request_bytes).unwrap_or(usize::MAX),
        }))
    }
}

impl Exporter for OtlpGrpc {
    fn export<'a>(&'a self, batch: &'a Batch) -> LocalFuture<'a, Result<Receipt, Failure>> {
        Box::pin(async move {
            let message = self.packing.pack(outbound::message(batch)).await?;
            let uri = self.uris[batch.signal().index()].clone();
            let mut request = grpc::request(uri, &self.headers, message, self.packing.encoding);
            let generation = self.auth.apply(batch, request.headers_mut())?;
            let sent = self.client.send(request).await;
            let mut answered = sent.map_err(|fault| Failure::retryable(fault.to_string()))?;
            match grpc::outcome(&mut answered).await {
                Ok(body) => receipt(batch.signal(), Format::Protobuf, &body),
                Err(status) if status.code == Code::Unauthenticated => {
                    Err(self.auth.refused(generation, grpc_failure(&status)))
                }
                Err(status) => Err(grpc_failure(&status)),
            }
        })
    }

    fn request_limit(&self) -> Option<usize> {
        Some(self.request_max)
    }
}
