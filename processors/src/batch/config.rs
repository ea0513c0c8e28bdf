//! The keys of `batch`.

use std::collections::HashSet;

use config::{GoDuration, Problems, Validate};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Config {
    /// From a batch's first item to its sending; 0 sends at once.
    pub(super) timeout: GoDuration,
    /// Items from which a batch is sent; 0 sends at once.
    pub(super) send_batch_size: u32,
    /// Items that a batch has at most; 0 for no limit.
    pub(super) send_batch_max_size: u32,
    /// Client metadata that keeps batches apart; case does not count.
    pub(super) metadata_keys: Vec<String>,
    /// Combinations of their values at the same time; 0 for no limit.
    pub(super) metadata_cardinality_limit: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            timeout: GoDuration::from_millis(200),
            send_batch_size: 8192,
            send_batch_max_size: 0,
            metadata_keys: Vec::new(),
            metadata_cardinality_limit: 1000,
        }
    }
}

impl Validate for Config {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        problems.require(
            self.send_batch_max_size == 0 || self.send_batch_max_size >= self.send_batch_size,
            "send_batch_max_size",
            "send_batch_max_size must be greater or equal to send_batch_size",
        );
        let mut seen = HashSet::new();
        for (at, key) in self.metadata_keys.iter().enumerate() {
            let lower = key.to_lowercase();
            let text = format!(r#"duplicate entry in metadata_keys: "{lower}" (case-insensitive)"#);
            problems.require(seen.insert(lower), &format!("metadata_keys[{at}]"), text);
        }
        problems.require(
            !self.timeout.is_negative(),
            "timeout",
            "timeout must be greater or equal to 0",
        );
        problems
    }
}
