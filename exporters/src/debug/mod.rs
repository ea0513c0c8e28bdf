//! Exporter `debug`: shows people what passes, as the Collector's exporter of this name does.
//!
//! The text is the Collector's to the byte: people know it by heart, and scripts look for it.

mod bucket;
mod config;
mod counts;
mod detailed;
mod normal;
mod outlet;
mod page;
mod sampler;
#[cfg(test)]
mod tests;
mod value;

use std::cell::{Cell, RefCell};
use std::future::ready;
use std::time::Duration;

use otlp::Signal;
use pipeline::component::{
    Component, Exporter, ExporterComponent, Failure, Host, LocalFuture, Receipt, Stability,
};
use pipeline::delivery::Settings;
use pipeline::{Batch, Clock};

use self::config::{Config, Verbosity};
use crate::groups::{children, groups};
use counts::Counts;
use outlet::Outlet;
use page::{PAGE_BYTES_MAX, Page};
use sampler::Sampler;

/// Exporter `debug`.
pub(crate) struct Debug {
    verbosity: Verbosity,
    sampler: Cell<Sampler>,
    outlet: RefCell<Outlet>,
    clock: Clock,
}

impl Component for Debug {
    const NAME: &'static str = "debug";
    const ALIASES: &'static [&'static str] = &["logging"];
    const SIGNALS: &'static [Signal] = &Signal::ALL;
    const STABILITY: Stability = Stability::Alpha;
    const EXAMPLE: &'static str = "\
verbosity: detailed
sampling_initial: 5
sampling_thereafter: 200
";
    const REFERENCE: &'static str = include_str!("reference.md");
    type Config = Config;
}

impl ExporterComponent for Debug {
    fn delivery(config: &Config) -> Settings {
        Settings::direct(&config.sending_queue)
    }

    fn build(config: &Config, host: &Host) -> Result<Box<dyn Exporter>, String> {
        Ok(Box::new(Self::new(
            config,
            Outlet::open(config, &host.label)?,
        )))
    }
}

impl Exporter for Debug {
    fn export<'a>(&'a self, batch: &'a Batch) -> LocalFuture<'a, Result<Receipt, Failure>> {
        let shown = self.show(batch, self.clock.now().mono);
        Box::pin(ready(
            shown
                .map(|()| Receipt::default())
                .map_err(Failure::permanent),
        ))
    }
}

impl Debug {
    fn new(config: &Config, outlet: Outlet) -> Self {
        Self {
            verbosity: config.verbosity,
            sampler: Cell::new(Sampler::new(
                config.sampling_initial,
                config.sampling_thereafter,
            )),
            outlet: RefCell::new(outlet),
            clock: Clock::start(),
        }
    }

    /// Shows the batch if it is its turn at `now`, a monotonic time.
    fn show(&self, batch: &Batch, now: Duration) -> Result<(), String> {
        let mut sampler = self.sampler.get();
        let admitted = sampler.admit(now);
        self.sampler.set(sampler);
        let mut outlet = self.outlet.borrow_mut();
        if !admitted || !outlet.is_open() {
            return Ok(());
        }
        let text = match self.verbosity {
            Verbosity::Basic => None,
            Verbosity::Normal => Some(Page::write(PAGE_BYTES_MAX, |page| {
                normal::write(page, batch)
            })),
            Verbosity::Detailed => Some(Page::write(PAGE_BYTES_MAX, |page| {
                detailed::write(page, batch)
            })),
        };
        outlet.write(&Counts::of(batch), text.as_deref())
    }
}
