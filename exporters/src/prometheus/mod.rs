//! Exporter `prometheus`: shows the last point of every series to who scrapes it.
//!
//! The series live on the exporter's worker, where requests are taken and pages are written, so
//! that nobody waits for a lock. A page is written in slices, between which requests are taken.

mod config;
mod drops;
mod ingest;
mod labels;
mod naming;
mod page;
mod point;
mod sample;
mod scrape;
mod server;
mod store;
mod target;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::future::ready;
use std::rc::Rc;

use otlp::{Malformed, Signal};
use pipeline::component::{
    Component, Exporter, ExporterComponent, Failure, Host, Listening, LocalFuture, Receipt,
    Stability,
};
use pipeline::delivery::Settings;
use pipeline::{Batch, Clock};
use telemetry::metrics::{Counter, Family, Gauge};

use self::config::Config;
use drops::{Drops, drops};
use ingest::Ingest;
use server::Server;
use store::{Limits, Store};

/// The part of the memory budget that series may take.
const BUDGET_PART: u64 = 4;

/// What a series may take on the average, where the number of series follows from the budget.
const SERIES_BYTES: u64 = 512;

const SERIES: Family = Family::gauge(
    "tracegate_prometheus_series",
    "Series that the prometheus exporter keeps",
);
const SERIES_LIMIT: Family = Family::gauge(
    "tracegate_prometheus_series_limit",
    "Series that the prometheus exporter may keep",
);
const OVERFLOWED: Family = Family::counter(
    "tracegate_prometheus_points_overflowed",
    "Data points that became part of a family's overflow series",
);

/// Exporter `prometheus`.
pub(crate) struct Prometheus {
    state: Rc<State>,
    server: Server,
}

/// What requests and pages share.
struct State {
    store: RefCell<Store>,
    ingest: RefCell<Ingest>,
    drops: Drops,
    clock: Clock,
    /// Whether everything has been let go of that had expired when somebody last looked.
    swept: Cell<bool>,
    series: Gauge,
    _limit: Gauge,
    overflowed: Counter,
}

impl Component for Prometheus {
    const NAME: &'static str = "prometheus";
    const SIGNALS: &'static [Signal] = &[Signal::Metrics];
    const STABILITY: Stability = Stability::Beta;
    const EXAMPLE: &'static str = "\
endpoint: 127.0.0.1:8889
namespace: shop
const_labels:
  environment: production
metric_expiration: 10m
enable_open_metrics: true
";
    const REFERENCE: &'static str = include_str!("reference.md");
    const OWN_KEYS: &'static [&'static str] = &["max_series", "created_samples"];
    type Config = Config;
}

impl ExporterComponent for Prometheus {
    fn delivery(config: &Config) -> Settings {
        Settings::direct(&config.1.sending_queue)
    }

    fn build(config: &Config, host: &Host) -> Result<Box<dyn Exporter>, String> {
        let state = Rc::new(State::new(config, host));
        let server = Server::bind(config, host, Rc::clone(&state))?;
        Ok(Box::new(Self { state, server }))
    }
}

impl Exporter for Prometheus {
    fn export<'a>(&'a self, batch: &'a Batch) -> LocalFuture<'a, Result<Receipt, Failure>> {
        let taken = self.state.take(batch);
        let failure = |malformed: Malformed| Failure::permanent(malformed.to_string());
        Box::pin(ready(taken.map_err(failure)))
    }

    fn listening(&self) -> Vec<Listening> {
        vec![self.server.listening()]
    }

    fn begin(&self) {
        self.server.begin();
    }
}

impl State {
    fn new(config: &Config, host: &Host) -> Self {
        let keys = &config.1;
        let naming = keys.naming();
        let bytes = host.budget.whole() / BUDGET_PART;
        let series = match keys.max_series {
            0 => bytes / SERIES_BYTES,
            series => series,
        };
        let limits = Limits {
            series: usize::try_from(series).unwrap_or(usize::MAX),
            bytes,
            expiration: keys.metric_expiration.get(),
            overflow: naming.overflow(),
        };
        let labels = [("exporter", host.label.id.as_str())];
        let limit = host.metrics.gauge(&SERIES_LIMIT, &labels);
        limit.set(i64::try_from(series).unwrap_or(i64::MAX));
        Self {
            store: RefCell::new(Store::new(limits, host.budget.lease())),
            ingest: RefCell::new(Ingest::new(naming)),
            drops: drops(host),
            clock: host.clock,
            swept: Cell::new(true),
            series: host.metrics.gauge(&SERIES, &labels),
            _limit: limit,
            overflowed: host.metrics.counter(&OVERFLOWED, &labels),
        }
    }

    fn take(&self, batch: &Batch) -> Result<Receipt, Malformed> {
        let mut store = self.store.borrow_mut();
        let mut ingest = self.ingest.borrow_mut();
        let taken = ingest.take(batch, &mut store, &self.drops, self.clock.now())?;
        self.tell(&store);
        if taken.overflowed > 0 {
            self.overflowed.add(taken.overflowed);
        }
        Ok(match taken.dropped {
            0 => Receipt::default(),
            dropped => Receipt {
                rejected: dropped,
                text: "data points that Prometheus cannot be shown; \
                       tracegate_prometheus_points_dropped says why"
                    .to_owned(),
            },
        })
    }

    /// Lets go of what has expired, now or when the page has been written that is under way.
    fn sweep(&self) {
        let mut store = self.store.borrow_mut();
        self.swept.set(store.sweep(self.clock.now().mono));
        self.ingest.borrow_mut().forget(&store);
        self.tell(&store);
    }

    fn tell(&self, store: &Store) {
        self.series
            .set(i64::try_from(store.len()).unwrap_or(i64::MAX));
    }
}
