//! What the process holds and what became of it: the byte budget, the books of items, and the last
//! errors.
//!
//! Two promises are kept here. Every byte of payload is charged to one [`Budget`] as it arrives and released with the
//! last slice of its buffer. Every item has one fate: for each node and signal
//! `in = out + dropped{reason} + rejected{reason} + held`, with a closed list of reasons. Loss is counted by whoever
//! decides it, never by a destructor. This crate knows no async runtime, no clock and no component.

mod books;
mod budget;
mod door;
mod last_errors;

pub use books::{Account, Books, Fate, Kind, NodeKey, Reason, Tally};
pub use budget::{Budget, Exhausted, Lease, Limits, charge};
pub use door::Admitted;
pub use last_errors::{LAST_ERRORS_MAX, LastError, LastErrors, RECEIVER_ERRORS_MAX};
