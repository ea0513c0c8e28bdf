//! The OTLP receiver: gRPC and HTTP, all three signals on one server each.

mod config;
mod grpc;
mod http;
mod ingest;
mod seat;
#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ::config::GoDuration;
use ::config::blocks::{Ack, GrpcServer};
use ::otlp::Signal;
use net::auth::ServerAuth;
use net::tls::Owner;
use net::{Front, Listener, Settings};
use pipeline::ContextKey;
use pipeline::component::{
    Component, Host, Listening, Receiver, ReceiverComponent, Seat, Stability,
};

use config::{Config, Protocols};
use grpc::Grpc;
use http::Http;
use ingest::Ingest;

/// Receiver `otlp`.
pub(crate) struct Otlp {
    grpc: Option<(Listener, GrpcSide)>,
    http: Option<(Listener, HttpSide)>,
}

/// What every worker serves over gRPC.
#[derive(Clone)]
struct GrpcSide {
    server: GrpcServer,
    settings: Settings,
    auth: Option<Arc<dyn ServerAuth>>,
}

/// What every worker serves over HTTP.
#[derive(Clone)]
struct HttpSide {
    config: config::HttpSide,
    settings: Settings,
    front: Arc<Front>,
}

impl Component for Otlp {
    const NAME: &'static str = "otlp";
    const SIGNALS: &'static [Signal] = &Signal::ALL;
    const STABILITY: Stability = Stability::Stable;
    const EXAMPLE: &'static str = "\
protocols:
  grpc:
    endpoint: 127.0.0.1:4317
  http:
    endpoint: 127.0.0.1:4318
";
    const REFERENCE: &'static str = include_str!("reference.md");
    const OWN_KEYS: &'static [&'static str] = &["ack"];
    type Config = Config;

    /// If one of the protocols does: which one a sender uses is its own choice.
    fn keeps(config: &Config, key: &ContextKey) -> bool {
        let (grpc, http) = (
            config.protocols.grpc.as_ref(),
            config.protocols.http.as_ref(),
        );
        match key {
            ContextKey::Metadata(_) => {
                grpc.is_some_and(|grpc| grpc.include_metadata)
                    || http.is_some_and(|http| http.include_metadata)
            }
            ContextKey::Identity(_) => {
                grpc.is_some_and(|grpc| grpc.auth.is_on())
                    || http.is_some_and(|http| http.auth.is_on())
            }
        }
    }
}

impl ReceiverComponent for Otlp {
    fn ack(config: &Config) -> Ack {
        config.ack
    }

    fn build(config: &Config, host: &Host) -> Result<Box<dyn Receiver>, String> {
        let Protocols { grpc, http } = &config.protocols;
        let owner = |part| Owner {
            kind: host.label.kind.name(),
            component: &host.label.id,
            part,
            metrics: &host.metrics,
        };
        let grpc = grpc.as_ref().map(|server| {
            let side = GrpcSide {
                server: server.clone(),
                settings: Settings::grpc(server, owner("grpc"))?,
                auth: match server.auth.as_ref() {
                    Some(auth) => Some(net::auth::found(&auth.authenticator, |id| host.get(id))?),
                    None => None,
                },
            };
            Ok::<_, String>((Listener::bind(&server.endpoint, server.transport)?, side))
        });
        let http = http.as_ref().map(|config| {
            let server = &config.0;
            let side = HttpSide {
                config: config.clone(),
                settings: Settings::http(server, owner("http"))?,
                front: Arc::new(Front::new(server, |id| host.get(id))?),
            };
            Ok::<_, String>((Listener::bind(&server.endpoint, server.transport)?, side))
        });
        Ok(Box::new(Self {
            grpc: grpc.transpose()?,
            http: http.transpose()?,
        }))
    }
}

impl Receiver for Otlp {
    fn listening(&self) -> Vec<Listening> {
        let grpc = self
            .grpc
            .as_ref()
            .map(|(listener, _)| ("grpc", listener.address()));
        let http = self
            .http
            .as_ref()
            .map(|(listener, _)| ("http", listener.address()));
        let sockets = grpc.into_iter().chain(http);
        sockets
            .map(|(protocol, address)| Listening {
                protocol,
                address: address.to_string(),
            })
            .collect()
    }

    fn seats(self: Box<Self>, workers: usize) -> Vec<Seat> {
        let mut grpc = self
            .grpc
            .map(|(l, config)| (l.seats(workers).into_iter(), config));
        let mut http = self
            .http
            .map(|(l, config)| (l.seats(workers).into_iter(), config));
        (0..workers)
            .map(|_| -> Seat {
                let grpc = grpc
                    .as_mut()
                    .and_then(|(seats, c)| Some((seats.next()?, c.clone())));
                let http = http
                    .as_mut()
                    .and_then(|(seats, c)| Some((seats.next()?, c.clone())));
                Box::new(move |inlets, stop| {
                    Box::pin(async move {
                        let (grpc_inlets, grpc_stop) = (inlets.clone(), stop.clone());
                        let grpc = async {
                            if let Some((seat, config)) = grpc {
                                serve_grpc(seat, config, grpc_inlets, grpc_stop).await;
                            }
                        };
                        let http = async {
                            if let Some((seat, config)) = http {
                                serve_http(seat, config, inlets, stop).await;
                            }
                        };
                        tokio::join!(grpc, http);
                    })
                })
            })
            .collect()
    }
}

async fn serve_grpc(
    seat: net::Seat,
    side: GrpcSide,
    inlets: pipeline::Inlets,
    stop: pipeline::Stop,
) {
    let GrpcSide {
        server,
        settings,
        auth,
    } = side;
    let cap = usize::try_from(server.request_bytes_max()).unwrap_or(usize::MAX);
    let service = Rc::new(Grpc {
        ingest: Ingest::new(inlets, "grpc", cap),
        include_metadata: server.include_metadata,
        auth,
    });
    seat::run(
        seat,
        settings,
        move |request, context| service.handle(request, context),
        stop,
    )
    .await;
}

async fn serve_http(
    seat: net::Seat,
    side: HttpSide,
    inlets: pipeline::Inlets,
    stop: pipeline::Stop,
) {
    let HttpSide {
        config,
        settings,
        front,
    } = side;
    let server = &config.0;
    let cap = usize::try_from(server.request_bytes_max()).unwrap_or(usize::MAX);
    let service = Rc::new(Http {
        include_metadata: server.include_metadata,
        paths: config.1.paths(),
        encodings: config::encodings(&server.compression_algorithms),
        front,
        ingest: Ingest::new(inlets, "http", cap),
        read_timeout: some_time(server.read_timeout),
        write_timeout: some_time(server.write_timeout),
    });
    seat::run(
        seat,
        settings,
        move |request, context| service.handle(request, context),
        stop,
    )
    .await;
}

/// Zero means "no bound" throughout the Collector's settings.
fn some_time(duration: GoDuration) -> Option<Duration> {
    Some(duration.get()).filter(|duration| !duration.is_zero())
}
