//! A plain OTLP/gRPC client, as an SDK in a service would be one.

use std::net::SocketAddr;

use anyhow::Context;
use bytes::Bytes;
use http::{HeaderMap, Uri};
use net::client::{ConnectFault, Settings, Target};
use net::encoding::Encoding;
use net::grpc;
use otlp::Signal;
use otlp::reply::{Code, Status};

pub(super) struct Client {
    inner: net::client::Client,
    /// By [`Signal::index`].
    uris: [Uri; 3],
    /// Signals that no pipeline has; it was said, and they are not sent any more.
    unwanted: Vec<Signal>,
}

impl Client {
    pub(super) fn new(address: SocketAddr) -> anyhow::Result<Self> {
        let uri = |signal: Signal| {
            let path = signal.grpc_path();
            Uri::builder()
                .scheme("http")
                .authority(address.to_string())
                .path_and_query(path)
                .build()
        };
        let [traces, metrics, logs] = Signal::ALL.map(uri);
        let settings = Settings {
            h2: true,
            ..Settings::new(Target::from(address))
        };
        let inner = net::client::Client::new(settings);
        let not_uri = || format!("{address} is no address to send to");
        let uris = [traces, metrics, logs].map(|uri| uri.with_context(not_uri));
        let [traces, metrics, logs] = uris;
        Ok(Self {
            inner,
            uris: [traces?, metrics?, logs?],
            unwanted: Vec::new(),
        })
    }

    /// Sends one request, unless nobody wants its signal; the log says if it was not taken.
    pub(super) async fn send(&mut self, signal: Signal, request: Bytes) {
        if self.unwanted.contains(&signal) {
            return;
        }
        match self.try_send(signal, request).await {
            Ok(None) => {}
            Ok(Some(status)) if status.code == Code::Unimplemented => {
                self.unwanted.push(signal);
                tracing::info!(%signal, "No pipeline takes this signal; the demo sends the others.");
            }
            Ok(Some(status)) => warn(signal, &format!("{:?}: {}", status.code, status.message)),
            Err(fault) => warn(signal, &fault.to_string()),
        }
    }

    /// A status if it was refused.
    async fn try_send(
        &self,
        signal: Signal,
        request: Bytes,
    ) -> Result<Option<Status>, ConnectFault> {
        let uri = self.uris.get(signal.index()).cloned().unwrap_or_default();
        let request = grpc::request(uri, &HeaderMap::new(), vec![request], Encoding::Identity);
        let mut answered = self.inner.send(request).await?;
        Ok(grpc::outcome(&mut answered).await.err())
    }
}

fn warn(signal: Signal, error: &str) {
    tracing::warn!(%signal, error, "The demo's request was not taken.");
}
