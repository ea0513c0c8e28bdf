//! The contract of receivers: take requests from outside and offer them to the pipelines.

use std::fmt;

use crate::component::exporter::LocalFuture;
use crate::inlet::Inlets;
use crate::service::Stop;

/// A receiver whose sockets are bound. Nothing is accepted before its seats run.
pub trait Receiver: Send {
    /// Where it listens, for the ready lines.
    fn listening(&self) -> Vec<Listening>;

    /// One seat for each of `workers` workers.
    fn seats(self: Box<Self>, workers: usize) -> Vec<Seat>;
}

/// A worker's half of a receiver. The future ends when, after [`Stop`] was raised, its last request is answered.
pub type Seat = Box<dyn FnOnce(Inlets, Stop) -> LocalFuture<'static, ()> + Send>;

/// A bound socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// What is spoken there: `grpc`, `http`.
    pub protocol: &'static str,
    /// An IP address with the port that was bound, or the path of a unix socket.
    pub address: String,
}

impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.protocol, self.address)
    }
}
