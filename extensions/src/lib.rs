//! Extensions that other components look up by their ids: authenticators of requests, on receivers and exporters.
//!
//! Adding one is a file or folder and a row in [`ALL`]. Secrets come from the configuration or from files, which are
//! looked at again while the process runs; nothing here ever prints one.

mod basicauth;
mod bearertokenauth;
mod headers_setter;

mod renewed;
mod secrecy;

use pipeline::component::ExtensionFactory;

/// Every extension of this crate.
pub const ALL: &[ExtensionFactory] = &[
    ExtensionFactory::of::<basicauth::BasicAuth>(),
    ExtensionFactory::of::<bearertokenauth::BearerTokenAuth>(),
    ExtensionFactory::of::<headers_setter::HeadersSetter>(),
];
