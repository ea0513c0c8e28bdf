//! The data: encoded OTLP, read through lazy views and edited by splicing.
//!
//! A payload stays the `Bytes` that came off the socket. In OTLP the path request → resource →
//! scope → item has the same field numbers for traces, metrics and logs, so everything here is
//! written once with [`Signal`] as a value. This crate knows no I/O, no clock, no configuration and
//! no other crate of the workspace.

mod edit;
pub mod exponential;
pub mod json;
mod layout;
mod merge;
pub mod reply;
mod retain;
mod rewrite;
pub mod sampling;
mod selection;
mod signal;
mod splice;
mod split;
mod survey;
pub mod view;
mod w3c;
pub mod wire;
pub mod write;

pub use edit::{AttributeList, Carrier, Levels, OwnedValue, Place, edit, sift};
pub use layout::{ItemKind, MetricKind};
pub use merge::merge;
pub use retain::retain;
pub use selection::{SelectedResource, Selection, divide};
pub use signal::Signal;
pub use split::{REPEATED_BYTES_MAX, split, split_bytes};
pub use survey::{Census, ELEMENT_COST_MIN, GROUP_COST_MIN, ITEM_COST_MIN, survey};
pub use wire::Malformed;

/// Levels of AnyValue, the only message that holds itself, that are read or written. Every walk
/// that descends enforces it, so that no sender chooses how much stack we use.
pub const ANY_VALUE_DEPTH: usize = 64;
