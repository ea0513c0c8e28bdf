//! Sockets: accepting, serving unary gRPC and HTTP, reading bodies within bounds, sending chunk lists, TLS.
//!
//! What crosses here is bytes; this crate knows the envelopes of gRPC and HTTP but neither pipelines nor components.

mod answer;
mod answering;
pub mod auth;
pub mod body;
mod calm;
pub mod client;
mod connections;
pub mod encoding;
mod front;
pub mod grpc;
mod handover;
mod lifetime;
mod linger;
mod listen;
mod serve;
mod settings;
mod socket;
mod stream;
pub mod tail;
pub mod tls;

pub use answer::{Answer, close_after};
pub use calm::PingPolicy;
pub use connections::{Connections, connections};
pub use front::{Front, refusal_status};
pub use lifetime::Lifetime;
pub use listen::{Accepted, Listener, Seat};
pub use serve::{Farewell, serve};
pub use settings::{Protocol, Settings};
pub use socket::{Address, Socket};
