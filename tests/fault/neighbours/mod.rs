//! Real neighbours under load, refusals and restarts: a Go Collector before and behind us, and the
//! SDKs of four languages. `tests/neighbours/run` builds them and runs these tests.

mod collector;
mod rolling;
mod sdks;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

/// Where `tests/neighbours/run` has put what it built.
fn built(name: &str) -> PathBuf {
    let folder = std::env::var_os("TRACEGATE_NEIGHBOURS");
    assert!(
        folder.is_some(),
        "these tests are run by tests/neighbours/run"
    );
    folder.map(PathBuf::from).unwrap_or_default().join(name)
}

/// An address that was free a moment ago: for those who come back to it after a restart.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}
