//! Everything that this build knows: the tables of the component crates, side by side.

use pipeline::component::Registry;

pub(crate) const REGISTRY: Registry = Registry {
    receivers: receivers::ALL,
    processors: processors::ALL,
    exporters: exporters::ALL,
    connectors: connectors::ALL,
    extensions: &[admin::ALL, extensions::ALL],
    foreign: crate::foreign::advice,
};
