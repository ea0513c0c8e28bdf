//! What the service tests are made with: the real binary as a process, clients that owe it nothing,
//! and the books that must balance after every scenario.

pub(crate) mod account;
pub(crate) mod balancer;
pub(crate) mod example;
pub(crate) mod exchange;
pub(crate) mod http1;
pub(crate) mod http2;
pub(crate) mod load;
pub(crate) mod page;
pub(crate) mod requests;
pub(crate) mod service;

use std::time::Duration;

pub(crate) use account::Account;
pub(crate) use service::{Ended, Service, failed_start};

/// Longer than anything takes that works. Nothing waits for it to pass.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How long or large a disturbance is: little in every run, much where a night is given to it.
pub(crate) fn nightly<T>(every_run: T, at_night: T) -> T {
    match std::env::var_os("TRACEGATE_NIGHTLY").is_some_and(|value| value == "1") {
        true => at_night,
        false => every_run,
    }
}

/// Runs a test's clients on a runtime of their own.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}
