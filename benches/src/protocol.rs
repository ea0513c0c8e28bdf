//! The two transports of OTLP that generator and sink speak, both without TLS.

use otlp::Signal;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Protocol {
    /// OTLP/gRPC: HTTP/2 with prior knowledge.
    Grpc,
    /// OTLP/HTTP: HTTP/1.1 with binary protobuf.
    Http,
}

impl Protocol {
    /// The path that an export of this signal is posted to.
    pub const fn path(self, signal: Signal) -> &'static str {
        match self {
            Self::Grpc => signal.grpc_path(),
            Self::Http => signal.http_path(),
        }
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Grpc => "application/grpc",
            Self::Http => "application/x-protobuf",
        }
    }

    /// The header that names the compression of a request.
    pub const fn encoding_header(self) -> &'static str {
        match self {
            Self::Grpc => "grpc-encoding",
            Self::Http => "content-encoding",
        }
    }
}

/// Which protocol and signal a request's path asks for. The paths of HTTP may stand below another one, as Loki's do
/// below `/otlp`.
pub fn from_path(path: &str) -> Option<(Protocol, Signal)> {
    if let Some(signal) = Signal::from_grpc_path(path) {
        return Some((Protocol::Grpc, signal));
    }
    let signal = Signal::ALL
        .into_iter()
        .find(|signal| path.ends_with(signal.http_path()))?;
    Some((Protocol::Http, signal))
}

/// For the command line.
pub(crate) fn parse_signal(name: &str) -> Result<Signal, String> {
    Signal::from_name(name).ok_or_else(|| "expected traces, metrics or logs".to_owned())
}
