//! Components that take data in. Adding one is a file and a row in [`ALL`].

mod nop;
mod otlp;

use pipeline::component::ReceiverFactory;

/// Every receiver of this build.
pub const ALL: &[ReceiverFactory] = &[
    ReceiverFactory::of::<otlp::Otlp>(),
    ReceiverFactory::of::<nop::Nop>(),
];
