//! Exporter `nop`: takes everything and keeps nothing.

use std::future::ready;

use config::{Optional, Validate, blocks::Queue};
use otlp::Signal;
use pipeline::Batch;
use pipeline::component::{
    Component, Exporter, ExporterComponent, Failure, Host, LocalFuture, Receipt, Stability,
};
use pipeline::delivery::Settings;
use serde::{Deserialize, Serialize};

/// Exporter `nop`.
pub(crate) struct Nop;

/// There is nothing to choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Config {}

impl Validate for Config {}

impl Component for Nop {
    const NAME: &'static str = "nop";
    const SIGNALS: &'static [Signal] = &Signal::ALL;
    const STABILITY: Stability = Stability::Beta;
    const EXAMPLE: &'static str = "{}\n";
    const REFERENCE: &'static str = "\
Takes every batch and keeps nothing of it: for pipelines that are run for their connectors or their
metrics, and for measurements. It has no keys.

Metrics: `otelcol_exporter_sent_{spans,metric_points,log_records}` with the label `exporter`.
";
    type Config = Config;
}

impl ExporterComponent for Nop {
    fn delivery(_: &Config) -> Settings {
        Settings::direct(&Optional::<Queue>::Off)
    }

    fn build(_: &Config, _: &Host) -> Result<Box<dyn Exporter>, String> {
        Ok(Box::new(Self))
    }
}

impl Exporter for Nop {
    fn export<'a>(&'a self, _: &'a Batch) -> LocalFuture<'a, Result<Receipt, Failure>> {
        Box::pin(ready(Ok(Receipt::default())))
    }
}
