//! Sockets: accepting, serving unary gRPC and HTTP, reading bodies within bounds, sending chunk lists, TLS.
//!
//! What crosses here is bytes; this crate knows the envelopes of gRPC and HTTP but neither pipelines nor components.

mod answer;
mod answering;
pub mod auth;
pub mod body;
pub mod client;
pub mod encoding;
pub mod grpc;
mod lifetime;
mod linger;
mod listen;
mod serve;
pub mod tail;
pub mod tls;

pub use answer::Answer;
pub use lifetime::Lifetime;
pub use listen::{Connected, Family, Listener, Seat};
pub use serve::{Protocol, Settings, serve};
