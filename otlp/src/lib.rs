//! The data: encoded OTLP, read through lazy views and edited by splicing.
//!
//! A payload stays the `Bytes` that came off the socket. In OTLP the path request → resource → scope → item has the
//! same field numbers for traces, metrics and logs, so everything here is written once with [`Signal`] as a value.
//! This crate knows no I/O, no clock, no configuration and no other crate of the workspace.

pub mod json;
mod signal;
pub mod wire;

pub use signal::Signal;
pub use wire::Malformed;
