//! A periodic reader: our own metrics as OTLP, sent from time to time and once more at the end.

use std::time::Duration;

use bytes::Bytes;
use config::telemetry::{Periodic, Temporality};
use otlp::Signal;
use pipeline::{Shared, Stop};
use telemetry::Resource;
use telemetry::metrics::{Counter, Family, Level};
use tokio::time::MissedTickBehavior;

use super::encode::{Encoder, Moment};
use super::export::Export;

/// What the last export, when the service ends, may take: whoever stops a service waits for it.
const LAST_EXPORT_MAX: Duration = Duration::from_secs(2);

const EXPORTS: Family = Family::counter(
    "tracegate_metrics_exports_total",
    "Times that a periodic reader has sent our own metrics, by outcome",
);

pub(super) struct Push {
    interval: Duration,
    timeout: Duration,
    level: Level,
    encoder: Encoder,
    /// `None`: OTLP/JSON lines on standard output.
    export: Option<Export>,
    sent: Counter,
    failed: Counter,
}

impl Push {
    /// The error says which key is wrong; nothing is connected.
    pub(super) fn new(
        written: &Periodic,
        level: Level,
        resource: &Resource,
        shared: &Shared,
    ) -> Result<Self, String> {
        let otlp = written.exporter.otlp.as_ref();
        let export = otlp
            .map(|otlp| Export::new(otlp, &shared.metrics))
            .transpose()?;
        let destination = export.as_ref().map_or("console", Export::url).to_owned();
        let count = |outcome| {
            let labels = [("destination", destination.as_str()), ("outcome", outcome)];
            shared.metrics.counter(&EXPORTS, &labels)
        };
        let attempt = otlp.map_or(written.timeout, |otlp| otlp.timeout.min(written.timeout));
        let delta = otlp.is_some_and(|o| o.temporality_preference != Temporality::Cumulative);
        Ok(Self {
            interval: Duration::from_millis(written.interval),
            timeout: Duration::from_millis(attempt),
            level,
            encoder: Encoder::new(resource, shared.clock.started_unix_nanos(), delta),
            sent: count("sent"),
            failed: count("failed"),
            export,
        })
    }

    /// Ends after a last export when the service has.
    pub(super) async fn run(mut self, shared: Shared, stop: Stop) {
        let mut ticks = tokio::time::interval(self.interval);
        // An export that took longer than the interval is not made up for.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            tokio::select! {
                _ = ticks.tick() => self.once(&shared, self.timeout).await,
                () = stop.abandoned() => {
                    return self.once(&shared, self.timeout.min(LAST_EXPORT_MAX)).await;
                }
            }
        }
    }

    /// A failure is counted and told; the next time has the same figures and newer ones.
    async fn once(&mut self, shared: &Shared, timeout: Duration) {
        let moment = Moment {
            now: shared.clock.now().unix_nanos,
            families: shared.metrics.collect(self.level),
        };
        let request = Bytes::from(self.encoder.encode(&moment));
        let outcome = match &self.export {
            None => print(&request),
            Some(export) => match tokio::time::timeout(timeout, export.send(request)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(format!("no answer within {timeout:?}")),
            },
        };
        match outcome {
            Ok(()) => {
                self.sent.add(1);
                self.encoder.delivered(moment);
            }
            Err(error) => {
                self.failed.add(1);
                let destination = self.export.as_ref().map_or("console", Export::url);
                tracing::warn!(destination, error, "Exporting our own metrics failed.");
            }
        }
    }
}

/// One line of OTLP/JSON.
fn print(request: &Bytes) -> Result<(), String> {
    use std::io::Write;
    let json = otlp::json::encode(Signal::Metrics, request);
    let mut line = json.map_err(|malformed| malformed.to_string())?;
    line.push(b'\n');
    let written = std::io::stdout().lock().write_all(&line);
    written.map_err(|error| error.to_string())
}
