//! Clients against servers on loopback: TLS in both protocols, proxies, unix sockets, and how many connections there are.

// Helpers of tests may panic all the same.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "client/kit.rs"]
mod kit;
#[path = "client/limits.rs"]
mod limits;
#[path = "client/proxies.rs"]
mod proxies;
#[path = "client/secure.rs"]
mod secure;
