//! Exporter `file`: writes what passes into files, as OTLP/JSON or protobuf.
//!
//! The bytes of a file are the Collector's, so that its `otlpjsonfile` receiver and other readers
//! take them.

mod backups;
mod config;
mod files;
mod outlet;
mod parts;
mod sink;
#[cfg(test)]
mod tests;

use ::config::Optional;
use ::config::blocks::Queue;
use otlp::Signal;
use pipeline::Batch;
use pipeline::component::{
    Component, Exporter, ExporterComponent, Failure, Host, LocalFuture, Receipt, Stability,
};
use pipeline::delivery::Settings;

use self::config::Config;
use outlet::Outlet;
use parts::Paths;

/// Exporter `file`.
pub(crate) struct FileExporter {
    paths: Paths,
    outlet: Outlet,
}

impl Component for FileExporter {
    const NAME: &'static str = "file";
    const SIGNALS: &'static [Signal] = &Signal::ALL;
    const STABILITY: Stability = Stability::Alpha;
    const EXAMPLE: &'static str = "\
path: /var/log/otel/traces.json
rotation:
  max_megabytes: 10
  max_days: 3
  max_backups: 3
";
    const REFERENCE: &'static str = include_str!("reference.md");
    type Config = Config;
}

impl ExporterComponent for FileExporter {
    fn delivery(_: &Config) -> Settings {
        Settings::direct(&Optional::<Queue>::Off)
    }

    fn build(config: &Config, host: &Host) -> Result<Box<dyn Exporter>, String> {
        Ok(Box::new(Self {
            paths: Paths::new(config),
            outlet: config.shared.outlet(config, host)?,
        }))
    }
}

impl Exporter for FileExporter {
    fn export<'a>(&'a self, batch: &'a Batch) -> LocalFuture<'a, Result<Receipt, Failure>> {
        Box::pin(async {
            let parted = self.paths.part(batch);
            let (parts, homeless) =
                parted.map_err(|error| Failure::permanent(error.to_string()))?;
            self.outlet.write(batch.signal(), parts).await?;
            if homeless == 0 {
                return Ok(Receipt::default());
            }
            Ok(Receipt {
                rejected: homeless,
                text: "the resource does not name its file in group_by::resource_attribute".into(),
            })
        })
    }
}
