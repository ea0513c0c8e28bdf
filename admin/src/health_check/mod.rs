//! Extension `health_check`: four questions about the service, each with an answer of its own; and
//! the Collector's version 2, which tells components apart.

mod answers;
mod config;
mod grpc;
mod v2;

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use ::config::Squash;
use http::Uri;
use otlp::Signal;
use pipeline::component::{
    Component, Extension, ExtensionComponent, Health, Host, Listening, LocalFuture, Stability,
    Vitals,
};
use pipeline::{Now, Stop};

use crate::web::{Reply, Site};
use answers::Moment;
use config::{Config, Keys};
use grpc::GrpcSite;

/// An exporter fails once all its attempts have for this long. One attempt proves nothing, and a
/// back end that restarts is back within this time.
const PATIENCE: Duration = Duration::from_secs(10);

/// Extension `health_check`.
pub(crate) struct HealthCheck {
    /// Version 2 may be asked by gRPC alone.
    site: Option<Site>,
    grpc: Option<GrpcSite>,
    config: Config,
}

/// Knows all that the answers need.
struct Desk {
    keys: Keys,
    vitals: Vitals,
    ready_since: OnceCell<Now>,
}

impl Component for HealthCheck {
    const NAME: &'static str = "health_check";
    const ALIASES: &'static [&'static str] = &["healthcheckv2"];
    const SIGNALS: &'static [Signal] = &[];
    const STABILITY: Stability = Stability::Beta;
    const EXAMPLE: &'static str = "\
endpoint: 127.0.0.1:13133
";
    const REFERENCE: &'static str = include_str!("reference.md");
    type Config = Config;
}

impl ExtensionComponent for HealthCheck {
    fn build(config: &Config, host: &Host) -> Result<Box<dyn Extension>, String> {
        let Squash(server, own) = config;
        let (site, grpc) = if own.use_v2 {
            let http = own.http.as_ref();
            let grpc = own.grpc.as_ref();
            (
                http.map(|http| Site::bind(&http.0, &http.1.endpoint, host))
                    .transpose()?,
                grpc.map(|grpc| GrpcSite::bind(&grpc.0, &grpc.1.endpoint, host))
                    .transpose()?,
            )
        } else {
            let site = Site::bind(server, &own.endpoint, host)?;
            (Some(site.with_keep_alives(own.keep_alives_enabled)), None)
        };
        Ok(Box::new(Self {
            site,
            grpc,
            config: config.clone(),
        }))
    }
}

impl Extension for HealthCheck {
    fn listening(&self) -> Vec<Listening> {
        let http = self.site.iter().map(Site::listening);
        http.chain(self.grpc.iter().map(GrpcSite::listening))
            .collect()
    }

    fn run(self: Box<Self>, vitals: Vitals, _stop: Stop) -> LocalFuture<'static, ()> {
        let Squash(_, keys) = self.config;
        let health = keys.component_health.clone();
        let desk = Rc::new(Desk {
            keys,
            vitals: vitals.clone(),
            ready_since: OnceCell::new(),
        });
        let (site, grpc) = (self.site, self.grpc);
        Box::pin(async move {
            let asked = Rc::clone(&desk);
            let http = async {
                if let Some(site) = site {
                    site.serve(async move |asking| asked.answer(&asking.uri))
                        .await;
                }
            };
            let grpc = async {
                if let Some(grpc) = grpc {
                    grpc.serve(health, vitals).await;
                }
            };
            tokio::join!(desk.note_ready(), http, grpc);
        })
    }
}

impl Desk {
    /// The first moment at which anybody saw that the service is ready; `now` if nobody has.
    fn ready_since(&self, now: Now) -> Now {
        match *self.vitals.health.borrow() {
            Health::Ready => *self.ready_since.get_or_init(|| now),
            Health::Starting | Health::Draining => now,
        }
    }

    async fn note_ready(&self) {
        let mut health = self.vitals.health.clone();
        // An error means that the service has ended without having been ready.
        if health.wait_for(|now| *now == Health::Ready).await.is_ok() {
            self.ready_since(self.vitals.shared.clock.now());
        }
    }

    fn answer(&self, asked: &Uri) -> Reply {
        let path = asked.path();
        if let (true, Some(Squash(_, http))) = (self.keys.use_v2, self.keys.http.as_ref()) {
            let health = &self.keys.component_health;
            let question = (path, asked.query());
            if let Some(reply) = v2::answer(http, health, &self.vitals, question) {
                return reply;
            }
            if !answers::OWN.contains(&path) {
                return Reply::not_found();
            }
        }
        let now = self.vitals.shared.clock.now();
        let failing = self.vitals.failing(PATIENCE);
        let moment = Moment {
            health: *self.vitals.health.borrow(),
            now,
            // Who asks may come before the note is taken.
            ready_since: self.ready_since(now),
            failing: failing
                .iter()
                .map(|(id, signal, since)| (id.as_str(), *signal, *since))
                .collect(),
        };
        answers::answer(&self.keys, path, &moment)
    }
}

#[cfg(test)]
mod tests;
