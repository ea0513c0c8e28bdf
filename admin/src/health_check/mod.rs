//! Extension `health_check`: four questions about the service, each with an answer of its own.

mod answers;
mod config;

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use otlp::Signal;
use pipeline::component::{
    Component, Extension, ExtensionComponent, Health, Host, Listening, LocalFuture, Stability,
    Vitals,
};
use pipeline::{Now, Stop};

use crate::web::{Reply, Site};
use answers::Moment;
use config::{Config, Keys};

/// An exporter fails once all its attempts have for this long. One attempt proves nothing, and a
/// back end that restarts is back within this time.
const PATIENCE: Duration = Duration::from_secs(10);

/// Extension `health_check`.
pub(crate) struct HealthCheck {
    site: Site,
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
        Ok(Box::new(Self {
            site: Site::bind(&config.0, &config.1.endpoint, host)?
                .with_keep_alives(config.1.keep_alives_enabled),
            config: config.clone(),
        }))
    }
}

impl Extension for HealthCheck {
    fn listening(&self) -> Vec<Listening> {
        vec![self.site.listening()]
    }

    fn run(self: Box<Self>, vitals: Vitals, _stop: Stop) -> LocalFuture<'static, ()> {
        let desk = Rc::new(Desk {
            keys: self.config.1,
            vitals,
            ready_since: OnceCell::new(),
        });
        let site = self.site;
        Box::pin(async move {
            let asked = Rc::clone(&desk);
            let answering = site.serve(async move |asking| asked.answer(asking.uri.path()));
            tokio::join!(desk.note_ready(), answering);
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

    fn answer(&self, path: &str) -> Reply {
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
