//! What people and Kubernetes ask: whether the service is healthy, how each part of it is, and what it
//! has counted.
//!
//! Everything here runs on the admin thread and only reads: it knows the books, the budget and the
//! exporters' rooms, and no pipeline. Adding an extension is a folder and a row in [`ALL`].

mod api;
mod families;
mod guard;
mod health_check;
mod pprof;
mod readers;
mod status;
mod web;
mod zpages;

use pipeline::component::ExtensionFactory;

pub use readers::metric_readers;

/// Every extension of this build.
pub const ALL: &[ExtensionFactory] = &[
    ExtensionFactory::of::<api::Admin>(),
    ExtensionFactory::of::<health_check::HealthCheck>(),
    ExtensionFactory::of::<pprof::Pprof>(),
    ExtensionFactory::of::<zpages::Zpages>(),
];

/// The extension that runs although no file names it.
pub const IMPLIED: &str = "admin";

#[cfg(test)]
mod tests;
