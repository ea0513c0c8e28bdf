//! `sending_queue` (`exporterhelper.QueueBatchConfig`).

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::decode::NotYet;
use crate::optional::Optional;
use crate::units::GoDuration;
use crate::validate::{Problems, Validate};

/// Use it as `Optional<Queue>`, which holds the `enabled` key.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(from = "AsWritten")]
pub struct Queue {
    pub num_consumers: i64,
    /// In units of `sizer`.
    pub queue_size: i64,
    pub sizer: Sizer,
    /// The caller waits for the result of the export.
    pub wait_for_result: bool,
    /// Wait for room instead of refusing.
    pub block_on_overflow: bool,
    pub batch: Optional<QueueBatch>,
}

/// `sending_queue::batch`
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QueueBatch {
    pub flush_timeout: GoDuration,
    /// In units of `sizer`; 0 sends at once.
    pub min_size: i64,
    /// In units of `sizer`; 0 never splits.
    pub max_size: i64,
    pub sizer: Sizer,
    pub partition: Partition,
}

/// `sending_queue::batch::partition`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Partition {
    /// Client metadata that keeps batches apart; case does not count.
    pub metadata_keys: Vec<String>,
}

/// In what a queue or batch is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sizer {
    #[default]
    Requests,
    Items,
    Bytes,
}

/// The keys as they stand in the file, before the batch takes over the queue's sizer.
#[derive(Deserialize)]
#[serde(default)]
struct AsWritten {
    num_consumers: i64,
    queue_size: i64,
    sizer: Option<Sizer>,
    wait_for_result: bool,
    block_on_overflow: bool,
    #[serde(rename = "storage")]
    _storage: NotYet,
    /// `None` is a null, which turns the batch on and does not take over the sizer.
    batch: Option<Optional<BatchAsWritten>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
struct BatchAsWritten {
    flush_timeout: GoDuration,
    min_size: i64,
    max_size: i64,
    sizer: Option<Sizer>,
    partition: Partition,
}

// === impl Queue ===

impl Default for Queue {
    fn default() -> Self {
        Self::from(AsWritten::default())
    }
}

impl From<AsWritten> for Queue {
    fn from(written: AsWritten) -> Self {
        let batch = match written.batch {
            None => Optional::On(QueueBatch::default()),
            Some(Optional::Off) => Optional::Off,
            Some(Optional::On(batch)) => Optional::On(QueueBatch {
                flush_timeout: batch.flush_timeout,
                min_size: batch.min_size,
                max_size: batch.max_size,
                sizer: batch.sizer.or(written.sizer).unwrap_or(Sizer::Items),
                partition: batch.partition,
            }),
        };
        Self {
            num_consumers: written.num_consumers,
            queue_size: written.queue_size,
            sizer: written.sizer.unwrap_or_default(),
            wait_for_result: written.wait_for_result,
            block_on_overflow: written.block_on_overflow,
            batch,
        }
    }
}

impl Validate for Queue {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        problems.require(
            self.num_consumers > 0,
            "num_consumers",
            "`num_consumers` must be positive",
        );
        problems.require(
            self.queue_size > 0,
            "queue_size",
            "`queue_size` must be positive",
        );
        problems.under("batch", &self.batch);
        if let Optional::On(batch) = &self.batch {
            problems.require(
                batch.sizer == Sizer::Requests
                    || batch.sizer != self.sizer
                    || batch.min_size <= self.queue_size,
                "batch::min_size",
                "`min_size` must be less than or equal to `queue_size`",
            );
        }
        problems
    }
}

// === impl QueueBatch ===

impl Default for QueueBatch {
    fn default() -> Self {
        let written = BatchAsWritten::default();
        Self {
            flush_timeout: written.flush_timeout,
            min_size: written.min_size,
            max_size: written.max_size,
            sizer: Sizer::Items,
            partition: written.partition,
        }
    }
}

impl Validate for QueueBatch {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        problems.require(
            self.sizer != Sizer::Requests,
            "sizer",
            r#"`batch` supports only `items` or `bytes` sizer, found "requests""#,
        );
        problems.require(
            self.flush_timeout > GoDuration::ZERO,
            "flush_timeout",
            format!(
                "`flush_timeout` must be positive, found {}",
                self.flush_timeout
            ),
        );
        problems.require(
            self.min_size >= 0,
            "min_size",
            "`min_size` must be non-negative",
        );
        problems.require(
            self.max_size >= 0,
            "max_size",
            "`max_size` must be non-negative",
        );
        problems.require(
            self.max_size <= 0 || self.max_size >= self.min_size,
            "max_size",
            format!(
                "`max_size` ({}) must be greater or equal to `min_size` ({})",
                self.max_size, self.min_size
            ),
        );
        let mut known = HashSet::new();
        for (index, key) in self.partition.metadata_keys.iter().enumerate() {
            let lower = key.to_lowercase();
            let text = format!("duplicate entry in metadata_keys: {lower:?} (case-insensitive)");
            let path = format!("partition::metadata_keys[{index}]");
            problems.require(known.insert(lower), &path, text);
        }
        problems
    }
}

// === impl AsWritten ===

impl Default for AsWritten {
    fn default() -> Self {
        Self {
            num_consumers: 10,
            queue_size: 1000,
            sizer: None,
            wait_for_result: false,
            block_on_overflow: false,
            _storage: NotYet,
            batch: Some(Optional::Off),
        }
    }
}

// === impl BatchAsWritten ===

impl Default for BatchAsWritten {
    fn default() -> Self {
        Self {
            flush_timeout: GoDuration::from_millis(200),
            min_size: 8192,
            max_size: 0,
            sizer: None,
            partition: Partition::default(),
        }
    }
}

// === impl Sizer ===

impl Sizer {
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Items => "items",
            Self::Bytes => "bytes",
        }
    }
}

impl FromStr for Sizer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Requests, Self::Items, Self::Bytes];
        let found = all.into_iter().find(|sizer| sizer.name() == text);
        found.ok_or_else(|| format!("invalid sizer: {text:?}, one of `requests`, `items`, `bytes`"))
    }
}

impl fmt::Display for Sizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Sizer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Sizer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
