//! Components that join pipelines. Adding one is a file and a row in [`ALL`].

mod forward;

use pipeline::component::ConnectorFactory;

/// Every connector of this build.
pub const ALL: &[ConnectorFactory] = &[ConnectorFactory::of::<forward::Forward>()];
