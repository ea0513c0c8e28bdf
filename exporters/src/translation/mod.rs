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
#[cfg(test)]
pub(crate) mod samples;
mod strategy;
mod unit;

pub(crate) use drops::{AHEAD_MAX, Drops, Lost, Unreadable};
pub(crate) use label::{joined_label_name, label_name};
pub(crate) use metric::{Measure, is_legacy_name, metric_name, noted_type, unit_name};
pub(crate) use native::Spans;
pub(crate) use point::{Explicit, Point, Summary, Value, ZERO_THRESHOLD, as_double, hex, read};
pub(crate) use resource::{Conversion, Identity, Promoted, is_service_attribute, target_name};
pub(crate) use strategy::Strategy;

#[cfg(test)]
mod tests;
