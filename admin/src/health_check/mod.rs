//! Extension `health_check`: four questions about the service, each with an answer of its own.

mod answers;
mod config;

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use net::Listener;
use otlp::Signal;
use pipeline::component::{
    Component, Extension, ExtensionComponent, Health, Host, Listening, LocalFuture, Stability,
    Vitals,
};
use pipeline::{Now, Stop};

use crate::web::{self, Reply};
use answers::Moment;
use config::{Config, Keys};

/// An exporter fails once all its attempts have for this long. One attempt proves nothing, and a
/// back end that restarts is back within this time.
const PATIENCE: Duration = Duration::from_secs(10);

/// Extension `health_check`.
pub(crate) struct HealthCheck {
    listener: Listener,
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
    fn build(config: &Config, _host: &Host) -> Result<Box<dyn Extension>, String> {
        Ok(Box::new(Self {
            listener: Listener::bind(&config.1.endpoint, config.0.transport)?,
            config: config.clone(),
        }))
    }
}

impl Extension for HealthCheck {
    fn listening(&self) -> Vec<Listening> {
        vec![Listening {
            protocol: "http",
            address: self.listener.address().to_string(),
        }]
    }

    fn run(self: Box<Self>, vitals: Vitals, _stop: Stop) -> LocalFuture<'static, ()> {
        let settings = self.settings();
        let headers = self.headers();
        let desk = Rc::new(Desk {
            keys: self.config.1,
            vitals,
            ready_since: OnceCell::new(),
        });
        let listener = self.listener;
        Box::pin(async move {
            let asked = Rc::clone(&desk);
            let answering = web::serve(listener, settings, headers, move |path| asked.answer(path));
            tokio::join!(desk.note_ready(), answering);
        })
    }
}

impl HealthCheck {
    fn settings(&self) -> net::Settings {
        net::Settings {
            keep_alives: self.config.1.keep_alives_enabled,
            ..net::Settings::http(&self.config.0)
        }
    }

    /// The validation of the block has refused what is no header.
    fn headers(&self) -> HeaderMap {
        let written = self.config.0.response_headers.iter();
        let headers = written.filter_map(|(name, value)| {
            Some((
                HeaderName::try_from(name).ok()?,
                HeaderValue::try_from(value.expose()).ok()?,
            ))
        });
        headers.collect()
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
            self.ready_since(self.vitals.clock.now());
        }
    }

    fn answer(&self, path: &str) -> Reply {
        let now = self.vitals.clock.now();
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
