//! From `service::telemetry` to the log of this process, and what is said of the process in it.

use std::sync::Arc;

use config::Telemetry;
use pipeline::Clock;
use telemetry::Resource;
use telemetry::logging::{self, Control, Encoding, Sampling, Settings};
use tracing::Level;

/// What logs and metrics say about this process.
fn resource(written: &Telemetry) -> anyhow::Result<Resource> {
    let changes = written.resource.attributes.clone();
    let resource = Resource::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), changes);
    resource.map_err(|error| anyhow::anyhow!("no random service.instance.id: {error}"))
}

/// How the process speaks of itself at the moment.
pub(crate) struct Voice {
    written: Telemetry,
    /// Since the start: what receives our telemetry must see one process.
    pub(crate) resource: Resource,
    log: Control,
}

impl Voice {
    /// Makes this the log of the process.
    pub(crate) fn install(written: &Telemetry, clock: Clock) -> anyhow::Result<Self> {
        let resource = resource(written)?;
        let settings = settings(&written.logs, &resource);
        let log = logging::install(&settings, Arc::new(move || clock.now().unix_nanos))?;
        Ok(Self {
            written: written.clone(),
            resource,
            log,
        })
    }

    /// Takes what a reload has found, and says what of it must wait for a restart.
    pub(crate) fn change(&mut self, written: &Telemetry) {
        if written.logs != self.written.logs
            && let Err(error) = self.log.replace(&settings(&written.logs, &self.resource))
        {
            tracing::warn!(%error, "The log goes on as it was");
        }
        if written.resource != self.written.resource {
            tracing::warn!(
                path = "service::telemetry::resource",
                "A reload does not change what the process calls itself. Restart it for that."
            );
        }
        self.written = written.clone();
    }
}

fn settings(written: &config::telemetry::Logs, resource: &Resource) -> Settings {
    use config::telemetry::{Encoding as Written, LogLevel};
    let sampling = &written.sampling;
    Settings {
        level: match written.level {
            LogLevel::Debug => Level::DEBUG,
            LogLevel::Info => Level::INFO,
            LogLevel::Warn => Level::WARN,
            LogLevel::Error => Level::ERROR,
        },
        encoding: match written.encoding {
            Written::Console => Encoding::Console,
            Written::Json => Encoding::Json,
        },
        disable_caller: written.disable_caller,
        sampling: sampling.enabled.then(|| Sampling {
            tick: sampling.tick.get(),
            initial: sampling.initial.into(),
            thereafter: sampling.thereafter.into(),
        }),
        output_paths: written.output_paths.clone(),
        error_output_paths: written.error_output_paths.clone(),
        initial_fields: written
            .initial_fields
            .iter()
            // An integer beyond 64 bits is the one value that JSON's own type cannot hold.
            .filter_map(|(key, node)| Some((key.clone(), serde_json::to_value(node).ok()?)))
            .collect(),
        resource: (!written.disable_zap_resource).then(|| resource.clone()),
    }
}
