//! The OTLP exporters: over gRPC and over HTTP. They share their delivery keys and the way back ends are understood.

mod answer;
mod grpc;
mod http;
mod outbound;
#[cfg(test)]
mod tests;

pub(crate) use grpc::OtlpGrpc;
pub(crate) use http::OtlpHttp;
