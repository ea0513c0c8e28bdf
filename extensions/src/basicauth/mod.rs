//! Extension `basicauth`: names and passwords, either those that a receiver lets in or those that an exporter presents.

mod client;
mod config;
mod hash;
mod server;
mod table;
#[cfg(test)]
mod tests;
mod verifier;

use std::sync::Arc;

use ::config::Capability;
use net::auth::{ClientAuth, ServerAuth};
use otlp::Signal;
use pipeline::Stop;
use pipeline::component::{
    Component, Extension, ExtensionComponent, Host, LocalFuture, Offer, Stability, Vitals,
};

use client::Client;
use config::Config;
use server::Server;

/// Extension `basicauth`, which is one of two things.
pub(crate) enum BasicAuth {
    Server(Arc<Server>),
    Client(Arc<Client>),
}

impl Component for BasicAuth {
    const NAME: &'static str = "basicauth";
    const SIGNALS: &'static [Signal] = &[];
    const STABILITY: Stability = Stability::Beta;
    const EXAMPLE: &'static str = "\
htpasswd:
  file: /etc/tracegate/htpasswd
";
    const REFERENCE: &'static str = include_str!("reference.md");
    type Config = Config;
}

impl ExtensionComponent for BasicAuth {
    fn offers(config: &Config) -> Vec<Capability> {
        match config.htpasswd {
            Some(_) => vec![Capability::ServerAuth],
            None => vec![Capability::HttpClientAuth, Capability::GrpcClientAuth],
        }
    }

    fn build(config: &Config, host: &Host) -> Result<Box<dyn Extension>, String> {
        Ok(Box::new(match (&config.htpasswd, &config.client_auth) {
            (Some(htpasswd), _) => Self::Server(Arc::new(Server::new(htpasswd, &host.label)?)),
            (None, Some(own)) => Self::Client(Arc::new(Client::new(own, &host.label)?)),
            (None, None) => return Err(config::NO_SOURCE.into()),
        }))
    }
}

impl Extension for BasicAuth {
    fn offers(&self) -> Vec<Offer> {
        vec![match self {
            Self::Server(server) => Offer::new::<Arc<dyn ServerAuth>>(server.clone()),
            Self::Client(client) => Offer::new::<Arc<dyn ClientAuth>>(client.clone()),
        }]
    }

    fn run(self: Box<Self>, _vitals: Vitals, _stop: Stop) -> LocalFuture<'static, ()> {
        match *self {
            Self::Server(server) => Box::pin(server.users().watch()),
            Self::Client(client) => Box::pin(client.own().watch()),
        }
    }
}
