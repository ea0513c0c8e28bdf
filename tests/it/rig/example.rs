//! Configurations of the gallery, as tests of one component want them.

use super::Service;

/// Starts one with the receivers of OTLP on ports of the system's choice, and with what is `set` besides.
pub(crate) fn start(yaml: &str, set: &[&str]) -> Service {
    const PORTS: [&str; 2] = [
        "receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0",
        "receivers.otlp.protocols.http.endpoint=127.0.0.1:0",
    ];
    let all = PORTS.iter().chain(set);
    let arguments: Vec<&str> = all.flat_map(|set| ["--set", set]).collect();
    Service::start_with(yaml, &arguments)
}

/// The same configuration with `debug` in place of `otlp_grpc`, which stands before `prometheus`: no back end for
/// traces is here.
pub(crate) fn without_back_end(yaml: &str) -> String {
    let (before, exporter) = yaml.split_once("  otlp_grpc:\n").unwrap();
    let (_, after) = exporter.split_once("  prometheus:").unwrap();
    format!("{before}  debug:\n  prometheus:{after}").replace("[otlp_grpc]", "[debug]")
}
