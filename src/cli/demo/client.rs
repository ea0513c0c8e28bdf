//! A plain OTLP/gRPC client, as an SDK in a service would be one.

use std::net::SocketAddr;

use anyhow::Context;
use bytes::Bytes;
use http::{HeaderMap, Uri};
use net::client::{Settings, Target};
use net::encoding::Encoding;
use net::grpc;
use otlp::Signal;

pub(super) struct Client {
    inner: net::client::Client,
    /// By [`Signal::index`].
    uris: [Uri; 3],
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
        })
    }

    /// Sends one request; the log says if it was not taken.
    pub(super) async fn send(&self, signal: Signal, request: Bytes) {
        if let Err(error) = self.try_send(signal, request).await {
            tracing::warn!(%signal, error, "The demo's request was not taken.");
        }
    }

    async fn try_send(&self, signal: Signal, request: Bytes) -> Result<(), String> {
        let uri = self.uris.get(signal.index()).cloned().unwrap_or_default();
        let request = grpc::request(uri, &HeaderMap::new(), vec![request], Encoding::Identity);
        let mut answered = self
            .inner
            .send(request)
            .await
            .map_err(|fault| fault.to_string())?;
        match grpc::outcome(&mut answered).await {
            Ok(_) => Ok(()),
            Err(status) => Err(format!("{:?}: {}", status.code, status.message)),
        }
    }
}
