//! Components that send data out. Adding one is a file and a row in [`ALL`].

mod client;
mod debug;
mod file;
mod groups;
mod nop;
mod number;
mod otlp;
mod prometheus;
mod remote_write;
mod translation;

use pipeline::component::ExporterFactory;

/// Every exporter of this build.
pub const ALL: &[ExporterFactory] = &[
    ExporterFactory::of::<otlp::OtlpGrpc>(),
    ExporterFactory::of::<otlp::OtlpHttp>(),
    ExporterFactory::of::<debug::Debug>(),
    ExporterFactory::of::<file::FileExporter>(),
    ExporterFactory::of::<nop::Nop>(),
    ExporterFactory::of::<prometheus::Prometheus>(),
    ExporterFactory::of::<remote_write::RemoteWrite>(),
];
