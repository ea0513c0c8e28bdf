//! The keys of `service_graph`.

use config::{GoDuration, Problems, Validate};
use serde::{Deserialize, Serialize};

use crate::buckets::{BOUNDS_MS, bounds, check_bounds, check_size};

/// What bounds are written in, in nanoseconds.
const SECOND: f64 = 1e9;

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Config {
    /// Upper bounds; not with `exponential_histogram_max_size`.
    pub(super) latency_histogram_buckets: Option<Vec<GoDuration>>,
    /// Buckets of an exponential histogram; 0: explicit ones.
    pub(super) exponential_histogram_max_size: i64,
    /// Attributes that become `client_…` and `server_…`.
    pub(super) dimensions: Vec<String>,
    pub(super) store: Store,
    /// How often series are looked through for those that have had no request for long.
    pub(super) cache_loop: GoDuration,
    /// The same for spans that wait for their other half.
    pub(super) store_expiration_loop: GoDuration,
    /// What names the server that sends no spans, the first that a client's span has; none: no virtual nodes.
    pub(super) virtual_node_peer_attributes: Vec<String>,
    pub(super) virtual_node_extra_label: bool,
    /// 0: with every batch.
    pub(super) metrics_flush_interval: GoDuration,
    /// Points are said to be older by this.
    pub(super) metrics_timestamp_offset: GoDuration,
    /// What names a database, the first that the resource or span has.
    pub(super) database_name_attributes: Vec<String>,
    /// Series of one metric; 0: no limit.
    pub(super) aggregation_cardinality_limit: i64,
}

/// Spans that wait for their other half.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Store {
    pub(super) max_items: i64,
    pub(super) ttl: GoDuration,
}

impl Default for Config {
    fn default() -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Self {
            latency_histogram_buckets: None,
            exponential_histogram_max_size: 0,
            dimensions: Vec::new(),
            store: Store::default(),
            cache_loop: GoDuration::from_secs(60),
            store_expiration_loop: GoDuration::from_secs(2),
            virtual_node_peer_attributes: texts(&["peer.service", "db.name", "db.system"]),
            virtual_node_extra_label: false,
            metrics_flush_interval: GoDuration::from_secs(60),
            metrics_timestamp_offset: GoDuration::ZERO,
            database_name_attributes: texts(&["db.name"]),
            aggregation_cardinality_limit: 0,
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self {
            max_items: 1000,
            ttl: GoDuration::from_secs(2),
        }
    }
}

impl Config {
    /// Bounds of explicit buckets in seconds, ascending.
    pub(super) fn bounds(&self) -> Vec<f64> {
        match &self.latency_histogram_buckets {
            Some(written) => bounds(written, SECOND),
            None => bounds(&BOUNDS_MS.map(GoDuration::from_millis), SECOND),
        }
    }
}

impl Validate for Config {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        let size = self.exponential_histogram_max_size;
        problems.require(
            size >= 0,
            "exponential_histogram_max_size",
            "`exponential_histogram_max_size` can not be negative",
        );
        problems.require(
            size <= 0 || self.latency_histogram_buckets.is_none(),
            "exponential_histogram_max_size",
            "use either `latency_histogram_buckets` or `exponential_histogram_max_size`",
        );
        if let Some(written) = &self.latency_histogram_buckets {
            check_bounds(&mut problems, "latency_histogram_buckets", written);
        }
        if size > 0 {
            check_size(&mut problems, "exponential_histogram_max_size", size);
        }
        problems.require(
            self.aggregation_cardinality_limit >= 0,
            "aggregation_cardinality_limit",
            format!(
                "invalid aggregation_cardinality_limit: {}, the limit should be positive",
                self.aggregation_cardinality_limit
            ),
        );
        self.warn(&mut problems);
        problems
    }
}

impl Config {
    /// What is legal and hardly meant.
    fn warn(&self, problems: &mut Problems) {
        if self.store.max_items <= 0 {
            let text = "no span may wait for its other half, so that hardly any request is seen; \
                        write how many may, such as 1000";
            problems.warn("store::max_items", text);
        }
        if self.metrics_flush_interval.nanos() <= 0 {
            let text =
                "all series are sent with every batch of spans; write an interval such as 60s";
            problems.warn("metrics_flush_interval", text);
        }
        for (key, time) in [
            ("cache_loop", self.cache_loop),
            ("store_expiration_loop", self.store_expiration_loop),
        ] {
            if time.nanos() <= 0 {
                problems.warn(key, format!("{time} is no interval; the default is used"));
            }
        }
    }
}
