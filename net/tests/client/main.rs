//! Clients against servers on loopback: TLS in both protocols, proxies, unix sockets, and how many
//! connections there are.

// Helpers of tests may panic all the same.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kit;
mod limits;
mod proxies;
mod secure;
