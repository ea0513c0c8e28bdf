//! The contract of extensions: what runs beside the pipelines and sees how they are.

use std::time::Duration;

use otlp::Signal;
use tokio::sync::watch;

use super::exporter::LocalFuture;
use super::receiver::Listening;
use crate::clock::Clock;
use crate::service::{ExporterRoom, Stop};

/// Something beside the pipelines. It runs on the admin thread, which has no part in carrying data.
pub trait Extension {
    /// Where it listens, for the ready lines.
    fn listening(&self) -> Vec<Listening>;

    /// Runs to the end of the process.
    fn run(self: Box<Self>, vitals: Vitals, stop: Stop) -> LocalFuture<'static, ()>;
}

/// Whether the service takes data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Starting,
    Ready,
    Draining,
}

/// How the service is, for those who ask.
#[derive(Clone)]
pub struct Vitals {
    pub health: watch::Receiver<Health>,
    pub clock: Clock,
    pub rooms: Vec<ExporterRoom>,
}

impl Vitals {
    /// The exporters whose every attempt has failed for at least `patience`, and for how long.
    pub fn failing(&self, patience: Duration) -> Vec<(&str, Signal, Duration)> {
        let now = self.clock.now().mono;
        let failing = self.rooms.iter().filter_map(|room| {
            let since = now.saturating_sub(room.failing_since()?);
            (since >= patience).then_some((room.id.as_str(), room.signal, since))
        });
        failing.collect()
    }
}
