//! What it takes to reproduce our figures and to prove that nothing is lost: a load generator, a
//! scripted back end (the sink), an oracle that compares what was acknowledged with what arrived,
//! and a measurement of the whole process from outside. None of it knows the inside of a collector,
//! so the same kit runs against any of them.
//!
//! ```text
//! generator ──OTLP──▶ collector ──OTLP──▶ sink
//!     │ acknowledged requests        │ arrived items
//!     └────────────▶ oracle ◀────────┘
//! ```
//!
//! On the command line, with cores 0 and 1 of an idle machine to itself:
//!
//! ```text
//! cargo build --release && cargo build --release -p benches
//! target/release/bench measure P1,P6 ours=target/release/tracegate peer=otelcol --rounds 5
//! ```
//!
//! `bench sink --remember` and `bench gen --acked FILE` are the two ends alone; the sink compares
//! them when asked for `/verdict?acked=FILE`.

pub mod acked;
pub mod clock;
pub mod coding;
pub mod generator;
pub mod grpc;
pub mod item_id;
pub mod latency;
pub mod measure;
pub mod oracle;
pub mod payload;
pub mod process;
pub mod protocol;
pub mod scan;
pub mod sink;
mod sys;
pub mod tls;

pub use acked::Acked;
pub use item_id::ItemId;
pub use protocol::Protocol;
