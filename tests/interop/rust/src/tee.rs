//! An exporter that gives every batch to two exporters.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::LogBatch;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::SpanData;

/// Set once any export has failed.
pub static FAILED: AtomicBool = AtomicBool::new(false);

#[derive(Debug)]
pub struct Tee<E> {
    sent: E,
    through: E,
}

impl<E> Tee<E> {
    pub fn new<T, F>(ends: &[T; 2], make: impl Fn(&T) -> Result<E, F>) -> Result<Self, F> {
        Ok(Self {
            sent: make(&ends[0])?,
            through: make(&ends[1])?,
        })
    }
}

impl opentelemetry_sdk::trace::SpanExporter for Tee<SpanExporter> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        must_succeed(self.sent.export(batch.clone()).await);
        must_succeed(self.through.export(batch).await);
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.sent.set_resource(resource);
        self.through.set_resource(resource);
    }
}

impl PushMetricExporter for Tee<MetricExporter> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        must_succeed(self.sent.export(metrics).await);
        must_succeed(self.through.export(metrics).await);
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        self.sent.temporality()
    }
}

impl opentelemetry_sdk::logs::LogExporter for Tee<LogExporter> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let records: Vec<_> = batch.iter().collect();
        must_succeed(self.sent.export(LogBatch::new(&records)).await);
        must_succeed(self.through.export(LogBatch::new(&records)).await);
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.sent.set_resource(resource);
        self.through.set_resource(resource);
    }
}

/// Notes a failure, since the SDK only logs what its exporter answers.
fn must_succeed(result: OTelSdkResult) {
    if let Err(error) = result {
        eprintln!("an export failed: {error}");
        FAILED.store(true, Ordering::Relaxed);
    }
}
