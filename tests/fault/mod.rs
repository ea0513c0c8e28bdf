//! What must hold when back ends, networks, clients and operators do their worst. An oracle outside
//! the process counts: what was acknowledged arrives, and the books say what became of the rest.

mod answers;
mod failing;
mod giant;
mod hostile;
mod matrix;
mod memory;
mod neighbours;
mod outage;
mod overload;
mod promise;
mod queue;
mod reload;
mod resharding;
mod rolling;
mod shutdown;
mod siblings;
mod strict;
mod tls;

use std::net::SocketAddr;

use benches::Protocol;

/// A port of the system's choice.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// One pipeline from OTLP to one exporter that tries again soon and for ever.
struct Way {
    protocol: Protocol,
    /// Keys of the exporter beside those below, such as `sending_queue: {queue_size: 4}`.
    keys: &'static str,
    /// The processors between, such as `batch`.
    processors: &'static str,
}

const WAY: &str = "\
receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: '127.0.0.1:0'}}}}
processors: {batch: {send_batch_size: 50, timeout: 10ms}}
exporters:
  EXPORTER:
    endpoint: SCHEMESINK
    compression: none
    tls: {insecure: true}
    timeout: 500ms
    KEYS
service: {pipelines: {traces: {receivers: [otlp], processors: [PROCESSORS], exporters: [EXPORTER]}}}
";

/// Tries again soon and for ever.
const RETRY: &str =
    "retry_on_failure: {initial_interval: 20ms, max_interval: 100ms, max_elapsed_time: 0s}";

impl Way {
    /// Unbatched, with the default queue.
    const fn over(protocol: Protocol) -> Self {
        Self {
            protocol,
            keys: "",
            processors: "",
        }
    }

    fn yaml(&self, sink: SocketAddr) -> String {
        let retry = match self.keys.contains("retry_on_failure") {
            true => "",
            false => RETRY,
        };
        let keys = format!("{retry}\n    {}", self.keys);
        let scheme = match self.protocol {
            Protocol::Grpc => "",
            Protocol::Http => "http://",
        };
        WAY.replace("EXPORTER", self.exporter())
            .replace("SCHEME", scheme)
            .replace("SINK", &sink.to_string())
            .replace("KEYS", &keys)
            .replace("PROCESSORS", self.processors)
    }

    const fn exporter(&self) -> &'static str {
        match self.protocol {
            Protocol::Grpc => "otlp_grpc",
            Protocol::Http => "otlp_http",
        }
    }
}

const PROTOCOLS: [Protocol; 2] = [Protocol::Grpc, Protocol::Http];
