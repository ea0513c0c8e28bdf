//! Names of OTLP as Prometheus has them: what everything that sends metrics to Prometheus shares.
//!
//! The rules are those of OpenTelemetry's "Prometheus and OpenMetrics compatibility" and of the
//! Collector, which take both from Prometheus's own translator.

mod label;
mod metric;
mod resource;
mod strategy;
mod unit;

pub(crate) use label::label_name;
pub(crate) use metric::{Measure, is_legacy_name, metric_name};
pub(crate) use resource::{Identity, is_service_attribute};
pub(crate) use strategy::Strategy;

#[cfg(test)]
mod tests;
