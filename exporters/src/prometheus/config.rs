//! What users write for the prometheus exporter.

use ::config::blocks::{HttpServer, Queue};
use ::config::telemetry::Chosen;
use ::config::{GoDuration, Optional, Problems, Squash, Validate};
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::naming::Naming;
use crate::translation::{Conversion, Promoted, Strategy};

/// The server's keys, with the exporter's beside them.
pub(crate) type Config = Squash<HttpServer, Keys>;

/// `endpoint` stands here again because there is no default for it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Keys {
    /// `host:port`; checked by the block.
    pub(super) endpoint: String,
    pub(super) namespace: String,
    pub(super) const_labels: BTreeMap<String, String>,
    pub(super) send_timestamps: bool,
    /// A series that is not updated for longer is no longer shown.
    pub(super) metric_expiration: GoDuration,
    pub(super) enable_open_metrics: bool,
    pub(super) without_scope_info: bool,
    /// Deprecated: `translation_strategy` says it all.
    pub(super) add_metric_suffixes: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) translation_strategy: Option<Strategy>,
    #[serde(skip_serializing_if = "Optional::is_off")]
    pub(super) resource_constant_labels: Optional<Chosen>,
    /// Deprecated: `resource_constant_labels` can be more exact.
    pub(super) resource_to_telemetry_conversion: Conversion,
    #[serde(skip_serializing_if = "Optional::is_off")]
    pub(super) sending_queue: Optional<Queue>,
    /// Label sets that are kept; 0: as many as the memory budget suggests. Ours.
    pub(super) max_series: u64,
    /// `_created` samples in OpenMetrics. Ours.
    pub(super) created_samples: bool,
}

impl Keys {
    pub(super) fn naming(&self) -> Naming {
        Naming {
            strategy: Strategy::of(self.translation_strategy, self.add_metric_suffixes),
            namespace: self.namespace.clone(),
            constant: self.const_labels.clone().into_iter().collect(),
            scope_info: !self.without_scope_info,
            promoted: Promoted::of(
                self.resource_constant_labels.as_ref(),
                self.resource_to_telemetry_conversion,
            ),
            timestamps: self.send_timestamps,
        }
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            namespace: String::new(),
            const_labels: BTreeMap::new(),
            send_timestamps: false,
            metric_expiration: GoDuration::from_secs(5 * 60),
            enable_open_metrics: false,
            without_scope_info: false,
            add_metric_suffixes: true,
            translation_strategy: None,
            resource_constant_labels: Optional::Off,
            resource_to_telemetry_conversion: Conversion::default(),
            sending_queue: Optional::Off,
            max_series: 0,
            created_samples: false,
        }
    }
}

impl Validate for Keys {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        problems.require(
            !self.endpoint.trim().is_empty(),
            "endpoint",
            "expecting a non-blank address to run the Prometheus metrics handler; write \
             `endpoint: 0.0.0.0:8889`",
        );
        problems.require(
            !self.metric_expiration.is_negative(),
            "metric_expiration",
            "must be non-negative",
        );
        if self.metric_expiration.get().is_zero() {
            problems.warn(
                "metric_expiration",
                "with 0 every series has expired before anybody sees it; write a duration such \
                 as `5m`",
            );
        }
        for name in self.const_labels.keys() {
            let is_free = !name.is_empty()
                && !name.starts_with("__")
                && !matches!(name.as_str(), "le" | "quantile" | "otel_metric_overflow");
            problems.require(
                is_free,
                &format!("const_labels::{name}"),
                format!("{name:?} is not a valid label name: it is empty, or Prometheus's own"),
            );
        }
        problems.part(
            "",
            self.resource_to_telemetry_conversion
                .beside(&self.resource_constant_labels),
        );
        problems.part(
            "",
            Strategy::beside(self.translation_strategy, self.add_metric_suffixes),
        );
        if self.created_samples && !self.enable_open_metrics {
            problems.warn(
                "created_samples",
                "does nothing without `enable_open_metrics: true`",
            );
        }
        problems.under("sending_queue", &self.sending_queue);
        problems
    }
}
