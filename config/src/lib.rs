//! What users write: sources, expansion, places in the file, Document, faults, shared blocks.
//!
//! The way of a configuration: [`load()`] reads and merges the [`Sources`] into one tree of
//! [`Node`]s, expands `${…}` and keeps for each value the [`Place`] where a person wrote it.
//! [`Document::read`] finds the components and pipelines in that tree. The owner of a component
//! turns its node into its own type with [`decode()`]. Every step adds what is wrong to one
//! [`Faults`] and goes on, so that one run names every mistake.
//!
//! This crate knows no component. It reads files and the environment through [`Environment`] only.

mod bytes;
mod decode;
mod document;
mod expand;
mod fault;
mod headers;
mod id;
mod load;
mod mask;
mod merge;
mod node;
mod optional;
mod place;
mod read;
mod render;
mod secret;
mod suggest;
mod units;
mod validate;

pub mod blocks;
pub mod telemetry;

pub use bytes::{ByteSize, NoByteSize};
pub use decode::{NotYet, Squash, decode, decode_valid};
pub use document::{Component, Document, Kind, Pipeline, Reference, Section, Service};
pub use fault::{Fault, Faults, Severity};
pub use headers::Headers;
pub use id::{ComponentId, IdFault, PipelineId};
pub use load::{
    Environment, ProcessEnvironment, SOURCE_BYTES_MAX, Sources, load, without_credentials,
};
pub use node::{Entry, Map, Node, Value};
pub use optional::Optional;
pub use place::{Place, Source};
pub use render::Format;
pub use secret::Secret;
pub use suggest::closest;
pub use telemetry::Telemetry;
pub use units::{DurationFault, GoDuration};
pub use validate::{Capability, Problem, Problems, Validate, Want};
