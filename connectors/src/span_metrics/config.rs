//! The keys of `span_metrics`.

use std::collections::HashSet;

use config::{GoDuration, Optional, Problems, Validate};
use pipeline::component::Sampling;
use serde::{Deserialize, Serialize};

use super::glob;
use crate::buckets::{BOUNDS_MS, bounds, check_bounds, check_size, exponential_size};

/// Every series has them, unless it is told otherwise.
pub(super) const SERVICE_NAME: &str = "service.name";
pub(super) const SPAN_NAME: &str = "span.name";
pub(super) const SPAN_KIND: &str = "span.kind";
pub(super) const STATUS_CODE: &str = "status.code";
pub(super) const INSTANCE: &str = "collector.instance.id";
const DEFAULT_DIMENSIONS: [&str; 5] = [SERVICE_NAME, SPAN_KIND, STATUS_CODE, SPAN_NAME, INSTANCE];

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Config {
    /// Of all metrics, beside the default ones.
    pub(super) dimensions: Vec<Dimension>,
    pub(super) calls_dimensions: Vec<Dimension>,
    /// Default dimensions to leave out.
    pub(super) exclude_dimensions: Vec<String>,
    /// Replaced by `aggregation_cardinality_limit`.
    pub(super) dimensions_cache_size: i64,
    /// Resources whose series are kept.
    pub(super) resource_metrics_cache_size: i64,
    /// Attributes that tell one resource from another; empty: all.
    pub(super) resource_metrics_key_attributes: Vec<String>,
    pub(super) aggregation_temporality: Temporality,
    pub(super) histogram: Histogram,
    pub(super) metrics_flush_interval: GoDuration,
    /// After which a resource without spans is forgotten; 0: never.
    pub(super) metrics_expiration: GoDuration,
    /// The same for a series.
    pub(super) series_expiration: GoDuration,
    /// Delta series whose last time is remembered.
    pub(super) metric_timestamp_cache_size: i64,
    pub(super) namespace: String,
    pub(super) exemplars: Exemplars,
    pub(super) events: Events,
    /// Scopes whose name and version become dimensions.
    pub(super) include_instrumentation_scope: Vec<String>,
    /// Series of one metric and resource; 0: no limit.
    pub(super) aggregation_cardinality_limit: i64,
    /// They are added anyway.
    pub(super) add_resource_attributes: bool,
    pub(super) enable_metrics_sampling_method: bool,
}

/// An attribute that becomes a dimension, or all whose key matches.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Dimension {
    pub(super) name: String,
    pub(super) default: Option<String>,
    pub(super) glob: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(super) enum Temporality {
    #[default]
    #[serde(rename = "AGGREGATION_TEMPORALITY_CUMULATIVE")]
    Cumulative,
    #[serde(rename = "AGGREGATION_TEMPORALITY_DELTA")]
    Delta,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Histogram {
    pub(super) disable: bool,
    pub(super) unit: Unit,
    pub(super) exponential: Optional<Exponential>,
    pub(super) explicit: Optional<Explicit>,
    pub(super) dimensions: Vec<Dimension>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(super) enum Unit {
    #[default]
    #[serde(rename = "ms", alias = "MS", alias = "Ms", alias = "mS")]
    Milliseconds,
    #[serde(rename = "s", alias = "S")]
    Seconds,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Exponential {
    /// Buckets of each sign; 0: 160.
    max_size: i64,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Explicit {
    buckets: Vec<GoDuration>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Exemplars {
    pub(super) enabled: bool,
    pub(super) max_per_data_point: i64,
    /// Of traces that are kept by those samplers that see them, too.
    kept_only: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Events {
    pub(super) enabled: bool,
    pub(super) dimensions: Vec<Dimension>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            dimensions: Vec::new(),
            calls_dimensions: Vec::new(),
            exclude_dimensions: Vec::new(),
            dimensions_cache_size: 0,
            resource_metrics_cache_size: 1000,
            resource_metrics_key_attributes: Vec::new(),
            aggregation_temporality: Temporality::default(),
            histogram: Histogram::default(),
            metrics_flush_interval: GoDuration::from_secs(60),
            metrics_expiration: GoDuration::ZERO,
            series_expiration: GoDuration::ZERO,
            metric_timestamp_cache_size: 1000,
            namespace: "traces.span.metrics".to_owned(),
            exemplars: Exemplars::default(),
            events: Events::default(),
            include_instrumentation_scope: Vec::new(),
            aggregation_cardinality_limit: 0,
            add_resource_attributes: false,
            enable_metrics_sampling_method: false,
        }
    }
}

impl Default for Explicit {
    fn default() -> Self {
        Self {
            buckets: BOUNDS_MS.map(GoDuration::from_millis).to_vec(),
        }
    }
}

impl Default for Exemplars {
    fn default() -> Self {
        Self {
            enabled: false,
            max_per_data_point: 5,
            kept_only: None,
        }
    }
}

impl Unit {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
        }
    }

    /// How many nanoseconds one has.
    pub(super) const fn nanos(self) -> f64 {
        match self {
            Self::Milliseconds => 1e6,
            Self::Seconds => 1e9,
        }
    }
}

impl Exponential {
    pub(super) fn size(&self) -> u32 {
        exponential_size(self.max_size)
    }
}

impl Histogram {
    /// Bounds of explicit buckets, ascending.
    pub(super) fn bounds(&self) -> Vec<f64> {
        let default = Explicit::default();
        let explicit = self.explicit.as_ref().unwrap_or(&default);
        bounds(&explicit.buckets, self.unit.nanos())
    }
}

impl Config {
    /// Whether it asks what is kept.
    pub(super) fn sampling(&self) -> Sampling {
        match self.exemplars {
            Exemplars { enabled: false, .. } => Sampling::None,
            Exemplars { kept_only, .. } => match kept_only {
                None => Sampling::Asks,
                Some(false) => Sampling::None,
                Some(true) => Sampling::Insists {
                    key: "exemplars::kept_only",
                    help: "name the same receiver in a pipeline with `tail_sampling` and an exporter, or leave \
                           this out",
                },
            },
        }
    }
}

// === checks ===

impl Validate for Config {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        check_dimensions(&mut problems, "dimensions", "dimensions", &self.dimensions);
        let calls = &self.calls_dimensions;
        check_dimensions(&mut problems, "calls_dimensions", "calls dimensions", calls);
        problems.under("histogram", &self.histogram);
        problems.under("events", &self.events);
        problems.require(
            self.metrics_flush_interval.nanos() > 0,
            "metrics_flush_interval",
            format!(
                "invalid metrics_flush_interval: {}, the duration should be positive",
                self.metrics_flush_interval
            ),
        );
        for (key, time) in [
            ("metrics_expiration", self.metrics_expiration),
            ("series_expiration", self.series_expiration),
        ] {
            problems.require(
                !time.is_negative(),
                key,
                format!("invalid {key}: {time}, the duration should be positive"),
            );
        }
        problems.require(
            self.resource_metrics_cache_size > 0,
            "resource_metrics_cache_size",
            "must provide a positive size",
        );
        problems.require(
            self.aggregation_temporality == Temporality::Cumulative
                || self.metric_timestamp_cache_size > 0,
            "metric_timestamp_cache_size",
            format!(
                "invalid delta timestamp cache size: {}, the maximum number of the items in the \
                 cache should be positive",
                self.metric_timestamp_cache_size
            ),
        );
        problems.require(
            self.aggregation_cardinality_limit >= 0,
            "aggregation_cardinality_limit",
            format!(
                "invalid aggregation_cardinality_limit: {}, the limit should be positive",
                self.aggregation_cardinality_limit
            ),
        );
        problems.under("exemplars", &self.exemplars);
        if self.dimensions_cache_size != 0 {
            problems.warn(
                "dimensions_cache_size",
                "it has no effect any more; use aggregation_cardinality_limit",
            );
        }
        check_excluded(&mut problems, &self.exclude_dimensions);
        problems
    }
}

impl Validate for Histogram {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        let dimensions = &self.dimensions;
        check_dimensions(
            &mut problems,
            "dimensions",
            "histogram dimensions",
            dimensions,
        );
        problems.require(
            self.explicit.is_off() || self.exponential.is_off(),
            "",
            "use either `explicit` or `exponential` buckets histogram",
        );
        if let Some(explicit) = self.explicit.as_ref() {
            check_bounds(&mut problems, "explicit::buckets", &explicit.buckets);
        }
        if let Some(exponential) = self.exponential.as_ref() {
            check_size(&mut problems, "exponential::max_size", exponential.max_size);
        }
        problems
    }
}

impl Validate for Exemplars {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        problems.require(
            !self.enabled || self.max_per_data_point >= 0,
            "max_per_data_point",
            format!(
                "invalid max_per_data_point: {}, the value should be positive",
                self.max_per_data_point
            ),
        );
        if self.kept_only == Some(true) && !self.enabled {
            let text = "it has no effect without exemplars::enabled";
            problems.warn("kept_only", text);
        }
        problems
    }
}

impl Validate for Events {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        if self.enabled {
            problems.require(
                !self.dimensions.is_empty(),
                "dimensions",
                "failed validating event dimensions: no dimensions configured for events",
            );
            let dimensions = &self.dimensions;
            check_dimensions(&mut problems, "dimensions", "event dimensions", dimensions);
        }
        problems
    }
}

fn check_excluded(problems: &mut Problems, names: &[String]) {
    for (at, name) in names.iter().enumerate() {
        if !DEFAULT_DIMENSIONS.contains(&name.as_str()) {
            let text = format!(
                "{name:?} is no default dimension ({}), so nothing is left out",
                DEFAULT_DIMENSIONS.join(", ")
            );
            problems.warn(format!("exclude_dimensions[{at}]"), text);
        }
    }
}

/// One of a name and a glob, no name twice, and no glob that takes in a name.
fn check_dimensions(problems: &mut Problems, key: &str, what: &str, dimensions: &[Dimension]) {
    let mut names: HashSet<&str> = DEFAULT_DIMENSIONS.into();
    let mut globs = Vec::new();
    let mut fault = |path: String, text: String| {
        problems.push(path, format!("failed validating {what}: {text}"));
    };
    for (at, dimension) in dimensions.iter().enumerate() {
        let path = format!("{key}[{at}]");
        let Dimension {
            name,
            default,
            glob,
        } = dimension;
        match (name.is_empty(), glob.is_empty()) {
            (false, false) => fault(
                path,
                format!(
                    "dimension entry must set only one of `name` or `glob`, got both: \
                     name={name:?} glob={glob:?}"
                ),
            ),
            (true, true) => fault(
                path,
                "dimension entry must set one of `name` or `glob`".to_owned(),
            ),
            (false, true) => {
                if !names.insert(name) {
                    fault(path, format!("duplicate dimension name {name:?}"));
                }
            }
            (true, false) if default.is_some() => fault(
                format!("{path}::default"),
                format!("`default` is not supported on `glob` dimension {glob:?}"),
            ),
            (true, false) => match glob::compile(glob) {
                Ok(pattern) => globs.push((path, glob, pattern)),
                Err(error) => fault(path, format!("invalid dimension glob {glob:?}: {error}")),
            },
        }
    }
    for (path, glob, pattern) in globs {
        let mut taken: Vec<&&str> = names.iter().filter(|name| pattern.is_match(name)).collect();
        taken.sort_unstable();
        if let Some(name) = taken.first() {
            let text = format!("duplicate dimension name {name:?} conflicting with glob {glob:?}");
            fault(path, text);
        }
    }
}
