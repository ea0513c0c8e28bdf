//! The OTLP receiver: gRPC and HTTP, all three signals on one server each.

mod config;
mod grpc;
mod http;
mod ingest;
mod seat;
#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::time::Duration;

use ::config::GoDuration;
use ::otlp::Signal;
use net::Listener;
use pipeline::component::{
    Component, Host, Listening, Receiver, ReceiverComponent, Seat, Stability,
};

use config::{Config, HttpSide};
use grpc::Grpc;
use http::Http;
use ingest::Ingest;

/// Receiver `otlp`.
pub(crate) struct Otlp {
    grpc: Option<(Listener, ::config::blocks::GrpcServer)>,
    http: Option<(Listener, HttpSide)>,
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
    type Config = Config;
}

impl ReceiverComponent for Otlp {
    fn build(config: &Config, _host: &Host) -> Result<Box<dyn Receiver>, String> {
        let protocols = &config.protocols;
        let guarded = protocols
            .grpc
            .as_ref()
            .is_some_and(|grpc| grpc.auth.is_on())
            || protocols
                .http
                .as_ref()
                .is_some_and(|http| http.auth.is_on());
        if guarded {
            return Err("this build does not authenticate requests yet".into());
        }
        let grpc = match protocols.grpc.as_ref() {
            Some(server) => Some((
                Listener::bind(&server.endpoint, server.transport)?,
                server.clone(),
            )),
            None => None,
        };
        let http = match protocols.http.as_ref() {
            Some(side) => Some((
                Listener::bind(&side.0.endpoint, side.0.transport)?,
                side.clone(),
            )),
            None => None,
        };
        Ok(Box::new(Self { grpc, http }))
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
                                serve_grpc(seat, &config, grpc_inlets, grpc_stop).await;
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
    config: &::config::blocks::GrpcServer,
    inlets: pipeline::Inlets,
    stop: pipeline::Stop,
) {
    let settings = net::Settings::grpc(config);
    let cap = usize::try_from(config.request_bytes_max()).unwrap_or(usize::MAX);
    let service = Grpc::new(Ingest::new(inlets, "grpc", cap), config.include_metadata);
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
    config: HttpSide,
    inlets: pipeline::Inlets,
    stop: pipeline::Stop,
) {
    let server = &config.0;
    let settings = net::Settings::http(server);
    let cap = usize::try_from(server.request_bytes_max()).unwrap_or(usize::MAX);
    let service = Rc::new(Http {
        include_metadata: server.include_metadata,
        paths: config.1.paths(),
        encodings: config::encodings(&server.compression_algorithms),
        headers: config::headers(&server.response_headers),
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
