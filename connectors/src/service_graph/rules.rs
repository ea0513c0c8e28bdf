//! The configuration as the pairing needs it.

use std::time::Duration;

use config::GoDuration;

use super::config::Config;
use crate::buckets::{Buckets, exponential_size};
use crate::wanted::Wanted;

#[derive(Debug)]
pub(super) struct Rules {
    /// What a series is: series of the same shape go on in a successor.
    pub(super) shape: Config,
    /// Attributes that one of the lists names.
    pub(super) wanted: Wanted,
    /// Places in `wanted`.
    pub(super) dimensions: Vec<usize>,
    pub(super) peers: Vec<usize>,
    pub(super) databases: Vec<usize>,
    /// A side that sends no spans becomes a node.
    pub(super) has_virtual_nodes: bool,
    pub(super) labels_virtual_nodes: bool,
    pub(super) bounds: Vec<f64>,
    /// Empty ones, as a series begins with.
    pub(super) buckets: Buckets,
    pub(super) series_max: usize,
    pub(super) waiting_max: usize,
    pub(super) ttl: Duration,
    pub(super) expiration_interval: Duration,
    pub(super) cache_interval: Duration,
    /// `None`: with every batch.
    pub(super) flush_interval: Option<Duration>,
    /// Nanoseconds by which points are said to be older.
    pub(super) offset: i64,
}

impl Rules {
    pub(super) fn new(config: &Config) -> Self {
        let default = Config::default();
        let mut wanted = Wanted::default();
        let mut places = |names: &[String]| {
            let places = names.iter().map(|name| wanted.place_of(name));
            places.collect::<Vec<_>>()
        };
        let dimensions = places(&config.dimensions);
        let peers = places(&config.virtual_node_peer_attributes);
        let databases = match &config.database_name_attributes[..] {
            [] => places(&default.database_name_attributes),
            names => places(names),
        };
        let bounds = config.bounds();
        let buckets = match config.exponential_histogram_max_size {
            0 => Buckets::explicit(bounds.len()),
            size => Buckets::exponential(exponential_size(size)),
        };
        let interval = |time: GoDuration, default: GoDuration| {
            let time = if time.nanos() > 0 { time } else { default };
            time.get()
        };
        Self {
            shape: shape(config),
            wanted,
            dimensions,
            peers,
            databases,
            has_virtual_nodes: !config.virtual_node_peer_attributes.is_empty(),
            labels_virtual_nodes: config.virtual_node_extra_label,
            bounds,
            buckets,
            series_max: match config.aggregation_cardinality_limit {
                0 => usize::MAX,
                limit => usize::try_from(limit).unwrap_or(1),
            },
            waiting_max: usize::try_from(config.store.max_items).unwrap_or(0),
            ttl: config.store.ttl.get(),
            expiration_interval: interval(
                config.store_expiration_loop,
                default.store_expiration_loop,
            ),
            cache_interval: interval(config.cache_loop, default.cache_loop),
            flush_interval: (config.metrics_flush_interval.nanos() > 0)
                .then(|| config.metrics_flush_interval.get()),
            offset: config.metrics_timestamp_offset.nanos(),
        }
    }

    /// When something is said to be, in nanoseconds since the Unix epoch.
    pub(super) fn said(&self, unix_nanos: u64) -> u64 {
        unix_nanos.saturating_add_signed(self.offset.saturating_neg())
    }
}

/// What only says when something happens and how much there may be is no part of it.
fn shape(config: &Config) -> Config {
    let default = Config::default();
    Config {
        store: default.store,
        cache_loop: default.cache_loop,
        store_expiration_loop: default.store_expiration_loop,
        metrics_flush_interval: default.metrics_flush_interval,
        metrics_timestamp_offset: default.metrics_timestamp_offset,
        aggregation_cardinality_limit: default.aggregation_cardinality_limit,
        ..config.clone()
    }
}
