//! The configuration as the measuring needs it.

use std::sync::Arc;
use std::time::Duration;

use otlp::OwnedValue;
use regex::Regex;

use super::config::{
    Config, Dimension, INSTANCE, SERVICE_NAME, SPAN_KIND, SPAN_NAME, STATUS_CODE, Temporality,
};
use super::glob;
use crate::buckets::Buckets;
use crate::wanted::Wanted;

#[derive(Debug)]
pub(super) struct Rules {
    pub(super) shape: Shape,
    pub(super) defaults: Defaults,
    /// Attributes that some list names.
    pub(super) wanted: Wanted,
    /// Of all metrics.
    pub(super) common: List,
    pub(super) tables: Vec<TableRules>,
    pub(super) scopes: Vec<String>,
    pub(super) key_attributes: Vec<String>,
    pub(super) says_method: bool,
    pub(super) is_delta: bool,
    /// Nanoseconds of the unit of durations.
    pub(super) unit_nanos: f64,
    pub(super) bounds: Vec<f64>,
    pub(super) flush_interval: Duration,
    pub(super) metrics_expiration: Option<Duration>,
    pub(super) series_expiration: Option<Duration>,
    pub(super) series_max: usize,
    pub(super) resources_max: usize,
    pub(super) timestamps_max: usize,
    /// For one point; 0: none.
    pub(super) exemplars_max: usize,
}

/// What a series is: series of the same shape go on in a successor.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape {
    pub(super) written: Config,
    pub(super) instance: Arc<str>,
}

/// Which of the default dimensions there are.
#[derive(Debug)]
pub(super) struct Defaults {
    pub(super) service: bool,
    pub(super) name: bool,
    pub(super) kind: bool,
    pub(super) status: bool,
    pub(super) instance: Option<Arc<str>>,
}

/// Series with the same dimensions.
#[derive(Debug)]
pub(super) struct TableRules {
    /// Beside those of all metrics.
    pub(super) list: List,
    pub(super) measures: Measures,
    /// Empty ones, as a series begins with.
    pub(super) buckets: Buckets,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measures {
    /// Both, where nothing tells their dimensions apart.
    CallsAndDuration,
    Calls,
    Duration,
    Events,
}

#[derive(Debug, Default)]
pub(super) struct List {
    pub(super) names: Vec<Named>,
    pub(super) globs: Vec<Regex>,
}

#[derive(Debug)]
pub(super) struct Named {
    /// The place in [`Rules::wanted`].
    pub(super) at: usize,
    pub(super) default: Option<OwnedValue>,
}

impl Measures {
    pub(super) fn calls(self) -> bool {
        matches!(self, Self::CallsAndDuration | Self::Calls)
    }

    pub(super) fn duration(self) -> bool {
        matches!(self, Self::CallsAndDuration | Self::Duration)
    }
}

impl Rules {
    pub(super) fn new(config: &Config, instance: &Arc<str>) -> Result<Self, String> {
        let keeps = |name: &str| !config.exclude_dimensions.iter().any(|other| other == name);
        let mut wanted = Wanted::default();
        let common = List::new(&config.dimensions, &mut wanted)?;
        let tables = tables(config, &mut wanted)?;
        let at_least_one = |size: i64| usize::try_from(size).unwrap_or(0).max(1);
        let some = |time: config::GoDuration| (!time.is_zero()).then(|| time.get());
        let exemplars = usize::try_from(config.exemplars.max_per_data_point).unwrap_or(0);
        Ok(Self {
            shape: Shape::new(config, instance),
            defaults: Defaults {
                service: keeps(SERVICE_NAME),
                name: keeps(SPAN_NAME),
                kind: keeps(SPAN_KIND),
                status: keeps(STATUS_CODE),
                instance: keeps(INSTANCE).then(|| Arc::clone(instance)),
            },
            wanted,
            common,
            tables,
            scopes: config.include_instrumentation_scope.clone(),
            key_attributes: config.resource_metrics_key_attributes.clone(),
            says_method: config.enable_metrics_sampling_method,
            is_delta: config.aggregation_temporality == Temporality::Delta,
            unit_nanos: config.histogram.unit.nanos(),
            bounds: config.histogram.bounds(),
            flush_interval: config.metrics_flush_interval.get(),
            metrics_expiration: some(config.metrics_expiration),
            series_expiration: some(config.series_expiration),
            series_max: match config.aggregation_cardinality_limit {
                0 => usize::MAX,
                limit => at_least_one(limit),
            },
            resources_max: at_least_one(config.resource_metrics_cache_size),
            timestamps_max: at_least_one(config.metric_timestamp_cache_size),
            exemplars_max: match config.exemplars.enabled {
                true => exemplars,
                false => 0,
            },
        })
    }
}

/// Calls and durations stand together unless one of them has dimensions of its own.
fn tables(config: &Config, wanted: &mut Wanted) -> Result<Vec<TableRules>, String> {
    let histogram = &config.histogram;
    let buckets = match histogram.exponential.as_ref() {
        Some(exponential) => Buckets::exponential(exponential.size()),
        None => Buckets::explicit(histogram.bounds().len()),
    };
    let mut table = |dimensions: &[Dimension], measures: Measures| {
        Ok::<_, String>(TableRules {
            list: List::new(dimensions, wanted)?,
            measures,
            buckets: match measures.duration() {
                true => buckets.clone(),
                false => Buckets::None,
            },
        })
    };
    let calls = &config.calls_dimensions;
    let mut tables = Vec::new();
    if histogram.disable {
        tables.push(table(calls, Measures::Calls)?);
    } else if *calls == histogram.dimensions {
        tables.push(table(calls, Measures::CallsAndDuration)?);
    } else {
        tables.push(table(calls, Measures::Calls)?);
        tables.push(table(&histogram.dimensions, Measures::Duration)?);
    }
    if config.events.enabled {
        tables.push(table(&config.events.dimensions, Measures::Events)?);
    }
    Ok(tables)
}

// === impl List ===

impl List {
    fn new(dimensions: &[Dimension], wanted: &mut Wanted) -> Result<Self, String> {
        let mut list = Self::default();
        for dimension in dimensions {
            if !dimension.glob.is_empty() {
                list.globs.push(glob::compile(&dimension.glob)?);
                continue;
            }
            let at = wanted.place_of(&dimension.name);
            let default = dimension.default.as_deref().map(OwnedValue::from);
            list.names.push(Named { at, default });
        }
        Ok(list)
    }
}

// === impl Shape ===

impl Shape {
    /// What only says when series are sent and how many there may be is no part of it.
    fn new(config: &Config, instance: &Arc<str>) -> Self {
        let default = Config::default();
        let written = Config {
            resource_metrics_cache_size: default.resource_metrics_cache_size,
            metrics_flush_interval: default.metrics_flush_interval,
            metrics_expiration: default.metrics_expiration,
            series_expiration: default.series_expiration,
            metric_timestamp_cache_size: default.metric_timestamp_cache_size,
            exemplars: default.exemplars,
            aggregation_cardinality_limit: default.aggregation_cardinality_limit,
            ..config.clone()
        };
        Self {
            written,
            instance: Arc::clone(instance),
        }
    }
}
