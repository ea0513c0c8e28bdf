//! What users write for the remote write exporter.

mod parts;

use std::collections::BTreeMap;
use std::time::Duration;

use ::config::blocks::{Compression, HttpClient};
use ::config::telemetry::Chosen;
use ::config::{NotYet, Optional, Problems, Squash, Validate};
use http::HeaderName;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use pipeline::delivery::{Queue, Settings, Sizer};
use serde::{Deserialize, Serialize};

use super::encode::{Style, Version};
use super::naming::Naming;
use crate::translation::{Conversion, Promoted, Strategy, joined_label_name};
use parts::{ClientKeys, Message, RemoteQueue, RemoteRetry, TargetInfo};

/// What the protocol says, so that nobody else may.
pub(super) const VERSION_HEADER: HeaderName =
    HeaderName::from_static("x-prometheus-remote-write-version");
const RESERVED: [HeaderName; 4] = [CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT, VERSION_HEADER];

/// Bytes of a request before compression, unless told otherwise.
const BATCH_BYTES: i64 = 3_000_000;

/// The client's keys, also on the level of the exporter's own.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Config(Squash<Client, Keys>);

/// An HTTP client with other defaults.
type Client = Squash<HttpClient, ClientKeys>;

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Keys {
    /// Stands in for the client's keys beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<Client>,
    namespace: String,
    external_labels: BTreeMap<String, String>,
    protobuf_message: Message,
    send_metadata: bool,
    target_info: TargetInfo,
    disable_scope_info: bool,
    /// Deprecated: `translation_strategy` says it all.
    add_metric_suffixes: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    translation_strategy: Option<Strategy>,
    #[serde(skip_serializing_if = "Optional::is_off")]
    resource_constant_labels: Optional<Chosen>,
    /// Deprecated: `resource_constant_labels` can be more exact.
    resource_to_telemetry_conversion: Conversion,
    convert_explicit_histograms_to_nhcb: bool,
    keep_classic_histograms: bool,
    include_metadata_keys: Vec<String>,
    /// Zero: the default.
    max_batch_size_bytes: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_batch_request_parallelism: Option<i64>,
    remote_write_queue: RemoteQueue,
    retry_on_failure: RemoteRetry,
    /// There are no queues on disk.
    #[serde(skip_serializing)]
    wal: NotYet,
}

// === impl Config ===

impl Config {
    pub(super) fn client(&self) -> &HttpClient {
        &self.client_and_keys().0
    }

    fn client_and_keys(&self) -> &Client {
        let Squash(flat, keys) = &self.0;
        keys.http.as_ref().unwrap_or(flat)
    }

    fn keys(&self) -> &Keys {
        &self.0.1
    }

    /// Of one request.
    pub(super) fn timeout(&self) -> Option<Duration> {
        let timeout = self.client_and_keys().1.timeout.get();
        Some(timeout).filter(|timeout| !timeout.is_zero())
    }

    /// A batch at a time, because the samples of a series have to come in the order of their times.
    pub(super) fn delivery(&self) -> Settings {
        let RemoteQueue {
            enabled,
            queue_size,
            ..
        } = self.keys().remote_write_queue;
        let queue = Queue {
            consumers: 1,
            size: u64::try_from(queue_size).unwrap_or(1),
            sizer: Sizer::Requests,
            wait_for_result: false,
            block_on_overflow: false,
            merge: None,
        };
        let retry = self.keys().retry_on_failure.whole();
        Settings {
            queue: enabled.then_some(queue),
            retry: retry.enabled.then(|| (&retry).into()),
            // Each request of a batch has its own.
            timeout: None,
            in_order: true,
        }
    }

    /// Requests of one batch that are sent at the same time.
    pub(super) fn parallelism(&self) -> usize {
        let Keys {
            max_batch_request_parallelism,
            remote_write_queue,
            ..
        } = self.keys();
        let chosen = max_batch_request_parallelism.unwrap_or(remote_write_queue.num_consumers);
        usize::try_from(chosen).unwrap_or(1).max(1)
    }

    pub(super) fn style(&self) -> Style {
        let bytes = match self.keys().max_batch_size_bytes {
            0 => BATCH_BYTES,
            bytes => bytes,
        };
        Style {
            version: self.keys().protobuf_message.0,
            metadata: self.keys().send_metadata,
            bytes_max: usize::try_from(bytes).unwrap_or(usize::MAX),
        }
    }

    pub(super) fn naming(&self) -> Naming {
        let keys = self.keys();
        let external = keys.external_labels.iter();
        let external =
            external.filter_map(|(name, value)| Some((external_name(name)?, value.clone())));
        Naming {
            version: keys.protobuf_message.0,
            strategy: Strategy::of(keys.translation_strategy, keys.add_metric_suffixes),
            namespace: keys.namespace.clone(),
            external: external.collect(),
            scope_info: !keys.disable_scope_info,
            target_info: keys.target_info.enabled,
            promoted: Promoted::of(
                keys.resource_constant_labels.as_ref(),
                keys.resource_to_telemetry_conversion,
            ),
            custom_buckets: keys.convert_explicit_histograms_to_nhcb,
            keep_classic: keys.keep_classic_histograms,
        }
    }

    /// Request metadata of senders that become headers.
    pub(super) fn metadata_keys(&self) -> Result<Vec<HeaderName>, String> {
        let keys = self.keys().include_metadata_keys.iter();
        let name = |key: &String| {
            let name = HeaderName::try_from(key.as_str());
            name.map_err(|_| format!("include_metadata_keys: {key:?} is no header name"))
        };
        keys.map(name).collect()
    }
}

/// What an external label is called: as the Collector has it, whatever the strategy.
fn external_name(name: &str) -> Option<String> {
    let name = joined_label_name(Strategy::UnderscoreEscapingWithSuffixes, name)?;
    Some(name.into_owned()).filter(|name| name != "__name__")
}

impl Validate for Config {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        let Squash(flat, keys) = &self.0;
        match &keys.http {
            None => problems.part("", check_client(flat)),
            Some(client) => {
                problems.part("http", check_client(client));
                if *flat != Client::default() {
                    problems.warn(
                        "http",
                        "stands in for the keys of the client beside it, which do nothing; move \
                         them into it",
                    );
                }
            }
        }
        problems.under("", keys);
        problems
    }
}

fn check_client(client: &Client) -> Problems {
    let Squash(http, keys) = client;
    let mut problems = Problems::new();
    problems.under("", http);
    let url = http.endpoint.as_str();
    problems.require(
        !url.is_empty(),
        "endpoint",
        "requires a URL such as `http://localhost:9090/api/v1/write`",
    );
    let begins = ["http://", "https://"];
    problems.require(
        url.is_empty() || begins.iter().any(|scheme| url.starts_with(scheme)),
        "endpoint",
        "must begin with http:// or https://",
    );
    problems.require(
        keys.compression == Compression::Snappy,
        "compression",
        "compression type must be snappy",
    );
    for (name, _) in http.headers.iter() {
        let is_reserved = RESERVED
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known.as_str()));
        if is_reserved {
            let text = "is said by the protocol, and what stands here is not sent; take it out";
            problems.warn(format!("headers::{name}"), text);
        }
    }
    problems
}

impl Validate for Keys {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        self.check_numbers(&mut problems);
        self.check_names(&mut problems);
        if let (Message(Version::V1), Some(strategy)) =
            (self.protobuf_message, self.translation_strategy)
            && !strategy.escapes()
        {
            problems.push(
                "translation_strategy",
                "requires Prometheus Remote Write 2.0 (UTF-8 support); write \
                 `protobuf_message: io.prometheus.write.v2.Request`",
            );
        }
        if self.keep_classic_histograms && !self.convert_explicit_histograms_to_nhcb {
            problems.warn(
                "keep_classic_histograms",
                "does nothing without `convert_explicit_histograms_to_nhcb: true`",
            );
        }
        let conversion = self.resource_to_telemetry_conversion;
        problems.part("", conversion.beside(&self.resource_constant_labels));
        let strategy = self.translation_strategy;
        problems.part("", Strategy::beside(strategy, self.add_metric_suffixes));
        problems.under("retry_on_failure", &self.retry_on_failure.whole());
        problems
    }
}

impl Keys {
    fn check_numbers(&self, problems: &mut Problems) {
        let RemoteQueue {
            enabled,
            queue_size,
            num_consumers,
        } = self.remote_write_queue;
        for (holds, path, text) in [
            (
                queue_size >= 0,
                "remote_write_queue::queue_size",
                "remote write queue size can't be negative",
            ),
            (
                !enabled || queue_size != 0,
                "remote_write_queue::queue_size",
                "a 0 size queue will drop all the data",
            ),
            (
                num_consumers >= 0,
                "remote_write_queue::num_consumers",
                "remote write consumer number can't be negative",
            ),
            (
                self.max_batch_request_parallelism
                    .is_none_or(|max| max >= 1),
                "max_batch_request_parallelism",
                "max_batch_request_parallelism can't be set to below 1",
            ),
            (
                self.max_batch_size_bytes >= 0,
                "max_batch_size_bytes",
                "max_batch_size_bytes must be greater than 0",
            ),
        ] {
            problems.require(holds, path, text);
        }
    }

    fn check_names(&self, problems: &mut Problems) {
        for (name, value) in &self.external_labels {
            let path = format!("external_labels::{name}");
            if name.is_empty() || value.is_empty() {
                let text = "external labels configuration contains an empty key or value";
                problems.push(path, text);
            } else if external_name(name).is_none() {
                problems.push(path, format!("{name:?} is no name that a label can have"));
            }
        }
        for key in &self.include_metadata_keys {
            let is_reserved = RESERVED
                .iter()
                .any(|known| key.eq_ignore_ascii_case(known.as_str()));
            let text = format!(
                "include_metadata_keys entry {key:?} collides with a reserved remote write header"
            );
            problems.require(!is_reserved, "include_metadata_keys", text);
        }
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            http: None,
            namespace: String::new(),
            external_labels: BTreeMap::new(),
            protobuf_message: Message(Version::V1),
            send_metadata: false,
            target_info: TargetInfo::default(),
            disable_scope_info: false,
            add_metric_suffixes: true,
            translation_strategy: None,
            resource_constant_labels: Optional::Off,
            resource_to_telemetry_conversion: Conversion::default(),
            convert_explicit_histograms_to_nhcb: false,
            keep_classic_histograms: false,
            include_metadata_keys: Vec::new(),
            max_batch_size_bytes: BATCH_BYTES,
            max_batch_request_parallelism: None,
            remote_write_queue: RemoteQueue::default(),
            retry_on_failure: RemoteRetry::default(),
            wal: NotYet,
        }
    }
}
