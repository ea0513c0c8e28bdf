//! Exports the same objects of the Rust SDK twice: to the recorder and through the collector.
//!
//! ```text
//! interop-client SENT_GRPC SENT_HTTP [TRANSPORT/COMPRESSION=THROUGH]...
//! ```
//!
//! All addresses are `host:port`. Exit code 1 if any export reports a failure.

mod payload;
mod tee;

use std::env;
use std::error::Error;
use std::sync::atomic::Ordering;

use opentelemetry_otlp::{
    Compression, ExporterBuildError, LogExporter, MetricExporter, Protocol, SpanExporter,
    WithExportConfig, WithHttpConfig, WithTonicConfig,
};
use opentelemetry_sdk::metrics::Temporality;
use tokio::runtime::Runtime;

use crate::payload::Payload;
use crate::tee::{FAILED, Tee};

fn main() -> Result<(), Box<dyn Error>> {
    // tonic needs a runtime to be entered; the SDK's own threads drive the exports.
    let runtime = Runtime::new()?;
    let _entered = runtime.enter();
    let mut arguments = env::args().skip(1);
    let sent_grpc = arguments.next().ok_or("SENT_GRPC is missing")?;
    let sent_http = arguments.next().ok_or("SENT_HTTP is missing")?;
    for case in arguments {
        let (form, through) = case.split_once('=').ok_or("a case needs an address")?;
        let (transport, compression) = form.split_once('/').ok_or("a case needs a compression")?;
        let sent = if transport == "grpc" {
            &sent_grpc
        } else {
            &sent_http
        };
        let ends = [
            Target {
                transport,
                compression: "none",
                address: sent,
            },
            Target {
                transport,
                compression,
                address: through,
            },
        ];
        // This SDK writes NaN and the infinities as `null` in JSON, so there is no value to compare.
        let payload = Payload {
            case: format!("rust/{form}"),
            non_finite: transport != "http-json",
        };
        payload.traces(Tee::new(&ends, Target::span_exporter)?)?;
        payload.metrics(Tee::new(&ends, Target::metric_exporter)?)?;
        payload.logs(Tee::new(&ends, Target::log_exporter)?)?;
    }
    if FAILED.load(Ordering::Relaxed) {
        Err("an export failed".into())
    } else {
        Ok(())
    }
}

/// Where to export to, and how.
struct Target<'a> {
    transport: &'a str,
    compression: &'a str,
    address: &'a str,
}

impl Target<'_> {
    fn span_exporter(&self) -> Result<SpanExporter, ExporterBuildError> {
        let builder = SpanExporter::builder();
        if self.transport == "grpc" {
            self.grpc(builder.with_tonic()).build()
        } else {
            self.http(builder.with_http(), "traces").build()
        }
    }

    fn metric_exporter(&self) -> Result<MetricExporter, ExporterBuildError> {
        let builder = MetricExporter::builder().with_temporality(Temporality::Delta);
        if self.transport == "grpc" {
            self.grpc(builder.with_tonic()).build()
        } else {
            self.http(builder.with_http(), "metrics").build()
        }
    }

    fn log_exporter(&self) -> Result<LogExporter, ExporterBuildError> {
        let builder = LogExporter::builder();
        if self.transport == "grpc" {
            self.grpc(builder.with_tonic()).build()
        } else {
            self.http(builder.with_http(), "logs").build()
        }
    }

    fn grpc<B: WithExportConfig + WithTonicConfig>(&self, builder: B) -> B {
        let builder = builder.with_endpoint(format!("http://{}", self.address));
        match self.compression() {
            Some(compression) => builder.with_compression(compression),
            None => builder,
        }
    }

    fn http<B: WithExportConfig + WithHttpConfig>(&self, builder: B, path: &str) -> B {
        let json = self.transport == "http-json";
        let protocol = if json {
            Protocol::HttpJson
        } else {
            Protocol::HttpBinary
        };
        let endpoint = format!("http://{}/v1/{path}", self.address);
        let builder = builder.with_endpoint(endpoint).with_protocol(protocol);
        match self.compression() {
            Some(compression) => builder.with_compression(compression),
            None => builder,
        }
    }

    fn compression(&self) -> Option<Compression> {
        match self.compression {
            "gzip" => Some(Compression::Gzip),
            "zstd" => Some(Compression::Zstd),
            _ => None,
        }
    }
}
