//! OTLP in the words of Prometheus: what everything that tells it of metrics shares.
//!
//! The rules of names are those of OpenTelemetry's "Prometheus and OpenMetrics compatibility" and of the
//! Collector, which take both from Prometheus's own translator.

mod drops;
mod label;
mod metric;
mod native;
mod point;
mod resource;
mod strategy;
mod unit;

pub(crate) use drops::{Drops, Lost};
pub(crate) use label::label_name;
pub(crate) use metric::{Measure, is_legacy_name, metric_name};
pub(crate) use native::Spans;
#[cfg(test)]
pub(crate) use point::Point;
pub(crate) use point::{Explicit, Summary, Unreadable, Value, ZERO_THRESHOLD, as_double, read};
pub(crate) use resource::{Conversion, Identity, Promoted, is_service_attribute};
pub(crate) use strategy::Strategy;

#[cfg(test)]
mod tests;
