//! Contracts and engine: what a component is, and how batches travel from receivers to exporters.
//!
//! The way of one request: a receiver offers it at an [`Inlet`]; the worker's own copy of each pipeline takes it in
//! place; a fan-out brings it to the intakes of the exporters, whose delivery queues, retries and sends.
//! This crate knows no socket and no protocol beyond the envelope of OTLP.

mod batch;
mod chain;
mod clock;
pub mod component;
pub mod delivery;
mod door;
mod edge;
mod handover;
mod inlet;
mod lane;
mod plan;
mod refusal;
mod sender;
mod service;
mod shards;
mod share;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
mod worker;

pub use batch::{Batch, Chunk, Context, ContextKey};
pub use clock::{Clock, Now};
pub use inlet::{HOLD_MAX, Inlet, Inlets};
pub use plan::{Changes, ExtensionNode, Identity, Plan, Planner};
pub use refusal::{RETRY_HINT, Refusal};
pub use sender::{AGENTS_MAX, Agent, Agents, Sender};
pub use service::{ExporterRoom, Rooms, Service, Shared, StartError, Stop};
pub use shards::Shards;
pub use share::{Outcome, Share};
