//! What people and Kubernetes ask: whether the service is healthy, and what it has counted.
//!
//! Everything here runs on the admin thread and only reads: it knows the books, the budget and the
//! exporters' rooms, and no pipeline. Adding an extension is a folder and a row in [`ALL`].

mod families;
mod health_check;
mod metrics_page;
mod web;

use pipeline::component::ExtensionFactory;

pub use metrics_page::metrics_page;

/// Every extension of this build.
pub const ALL: &[ExtensionFactory] = &[ExtensionFactory::of::<health_check::HealthCheck>()];

#[cfg(test)]
mod tests;
