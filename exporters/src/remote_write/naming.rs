//! What users chose of names, labels and histograms.

use std::borrow::Cow;

use otlp::view::Metric;

use super::encode::Version;
use crate::translation::{
    Measure, Promoted, Strategy, joined_label_name, label_name, metric_name, target_name, unit_name,
};

/// How series are called and labelled, and what is made of histograms.
#[derive(Clone, Debug)]
pub(super) struct Naming {
    pub(super) version: Version,
    pub(super) strategy: Strategy,
    pub(super) namespace: String,
    /// On every series that has no label of this name.
    pub(super) external: Vec<(String, String)>,
    pub(super) scope_info: bool,
    pub(super) target_info: bool,
    pub(super) promoted: Promoted,
    /// Histograms with explicit bounds become native ones of custom buckets.
    pub(super) custom_buckets: bool,
    /// And stay classic ones too.
    pub(super) keep_classic: bool,
}

impl Naming {
    pub(super) fn metric(&self, metric: &Metric<'_>, measure: Measure) -> Option<String> {
        let name = metric.name.to_string_lossy();
        let unit = metric.unit.to_string_lossy();
        metric_name(self.strategy, &self.namespace, &name, &unit, measure)
    }

    pub(super) fn unit(&self, metric: &Metric<'_>) -> String {
        unit_name(self.strategy, &metric.unit.to_string_lossy())
    }

    /// The name of a label for an attribute of a point.
    pub(super) fn label<'k>(&self, key: &'k str) -> Option<Cow<'k, str>> {
        joined_label_name(self.strategy, key)
    }

    /// The same for an attribute of a resource in `target_info`, where the Collector joins no underscores in version 1.
    pub(super) fn target_label<'k>(&self, key: &'k str) -> Option<Cow<'k, str>> {
        match self.version {
            Version::V1 => label_name(self.strategy, key),
            Version::V2 => joined_label_name(self.strategy, key),
        }
    }

    pub(super) fn target_name(&self) -> String {
        target_name(self.strategy, &self.namespace)
    }
}
