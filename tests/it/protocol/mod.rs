//! The OTLP receiver as clients see it, and what arrives at the other end.

mod content;
mod grpc;
mod http;
mod rim;

use benches::sink::Sink;

use crate::rig::{Service, load};

/// Spans alone pass from both protocols to a sink.
fn traces_only(limits: &str) -> (Service, Sink) {
    let sink = load::keeping_sink();
    let yaml = TRACES_ONLY
        .replace(
            "LIMITS_GRPC",
            if limits.is_empty() {
                ""
            } else {
                ", max_recv_msg_size_mib: 1"
            },
        )
        .replace("LIMITS_HTTP", limits)
        .replace("SINK", &sink.address().to_string());
    (Service::start(&yaml), sink)
}

const TRACES_ONLY: &str = "\
receivers:
  otlp:
    protocols:
      grpc: {endpoint: '127.0.0.1:0'LIMITS_GRPC}
      http: {endpoint: '127.0.0.1:0'LIMITS_HTTP}
exporters: {otlp_grpc: {endpoint: SINK, compression: none, tls: {insecure: true}}}
service: {pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc]}}}
";
