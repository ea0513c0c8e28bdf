//! `periodic`: readers that send our own metrics, in the declarative schema of OpenTelemetry
//! (version 0.3; what 0.2 wrote differently is accepted).

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::headers::Headers;
use crate::validate::{Problems, Validate};

/// `periodic`; times are in milliseconds, as in the schema.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Periodic {
    /// From one export to the next.
    pub interval: u64,
    /// Of one export.
    pub timeout: u64,
    pub exporter: PushExporter,
    #[serde(skip_serializing)]
    producers: IgnoredList,
}

/// `periodic::exporter`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct PushExporter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp: Option<Otlp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub console: Option<Console>,
}

/// `console`: OTLP/JSON lines on standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Console {}

/// `otlp`, as any of our own signals is sent.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Otlp {
    pub protocol: Protocol,
    /// A URL; without a scheme `insecure` decides on TLS.
    pub endpoint: String,
    pub insecure: bool,
    /// Of one attempt, in milliseconds.
    pub timeout: u64,
    pub compression: PushCompression,
    pub headers: Headers,
    /// `key=value,…`, as environment variables have it.
    pub headers_list: String,
    /// Files.
    pub certificate: String,
    pub client_certificate: String,
    pub client_key: String,
    pub temporality_preference: Temporality,
    pub default_histogram_aggregation: HistogramAggregation,
}

/// `protocol`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum Protocol {
    #[serde(rename = "grpc")]
    Grpc,
    #[default]
    #[serde(rename = "http/protobuf")]
    HttpProtobuf,
}

/// `compression`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PushCompression {
    #[default]
    None,
    Gzip,
}

/// `temporality_preference`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Temporality {
    #[default]
    Cumulative,
    Delta,
    /// Delta for everything that we count.
    LowMemory,
}

/// `default_histogram_aggregation`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HistogramAggregation {
    #[default]
    ExplicitBucketHistogram,
    Base2ExponentialBucketHistogram,
}

/// A list of which only matters whether there is something in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct IgnoredList {
    pub(super) filled: bool,
}

// === impl Periodic ===

impl Default for Periodic {
    fn default() -> Self {
        Self {
            interval: 60_000,
            timeout: 30_000,
            exporter: PushExporter::default(),
            producers: IgnoredList::default(),
        }
    }
}

impl Validate for Periodic {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        let PushExporter { otlp, console } = &self.exporter;
        problems.require(self.interval > 0, "interval", "must be positive");
        problems.require(
            otlp.is_some() != console.is_some(),
            "exporter",
            "must have exactly one of `otlp` and `console`",
        );
        if let Some(otlp) = otlp {
            problems.under("exporter::otlp", otlp);
        }
        if self.producers.filled {
            problems.warn(
                "producers",
                "has no effect: there is no other source of our own metrics",
            );
        }
        problems
    }
}

// === impl Otlp ===

impl Default for Otlp {
    fn default() -> Self {
        Self {
            protocol: Protocol::default(),
            endpoint: String::new(),
            insecure: false,
            timeout: 10_000,
            compression: PushCompression::default(),
            headers: Headers::default(),
            headers_list: String::new(),
            certificate: String::new(),
            client_certificate: String::new(),
            client_key: String::new(),
            temporality_preference: Temporality::default(),
            default_histogram_aggregation: HistogramAggregation::default(),
        }
    }
}

impl Otlp {
    /// The endpoint with a scheme: a bare `host:port` is plain text where `insecure` says so.
    pub fn url(&self) -> String {
        let begins = |scheme| self.endpoint.starts_with(scheme);
        match self.endpoint.as_str() {
            "" if self.protocol == Protocol::Grpc => "http://localhost:4317".to_owned(),
            "" => "http://localhost:4318/v1/metrics".to_owned(),
            endpoint if begins("http://") || begins("https://") => endpoint.to_owned(),
            endpoint if self.insecure => format!("http://{endpoint}"),
            endpoint => format!("https://{endpoint}"),
        }
    }

    /// Names and values of `headers_list`; those of `headers` win.
    pub fn listed_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self
            .headers_list
            .split(',')
            .filter(|pair| !pair.trim().is_empty());
        pairs.filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((name.trim(), value.trim()))
        })
    }
}

impl Validate for Otlp {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        let listed = self
            .headers_list
            .split(',')
            .filter(|pair| !pair.trim().is_empty());
        problems.require(
            self.listed_headers().count() == listed.count(),
            "headers_list",
            "must be `name=value,name=value`",
        );
        problems.require(
            self.client_certificate.is_empty() == self.client_key.is_empty(),
            "client_certificate",
            "must stand together with `client_key`",
        );
        if self.default_histogram_aggregation
            == HistogramAggregation::Base2ExponentialBucketHistogram
        {
            problems.warn(
                "default_histogram_aggregation",
                "our histograms have explicit buckets: they are sent as such",
            );
        }
        problems
    }
}

// === impl IgnoredList ===

impl<'de> Deserialize<'de> for IgnoredList {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = Vec::<IgnoredAny>::deserialize(deserializer)?;
        Ok(Self {
            filled: !list.is_empty(),
        })
    }
}

impl Serialize for IgnoredList {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Vec::<u8>::new().serialize(serializer)
    }
}
