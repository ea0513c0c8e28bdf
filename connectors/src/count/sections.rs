//! The configuration as the counting needs it.

use otlp::{OwnedValue, Signal};
use ottl::{Condition, Context};

use super::config::{Config, Metric, Metrics};
use crate::wanted::Wanted;

/// What is counted of one signal.
#[derive(Debug, Default)]
pub(super) struct Sections {
    /// Attributes that some metric names.
    pub(super) wanted: Wanted,
    /// Spans, data points or log records.
    pub(super) items: Vec<Counted>,
    /// What stands within a span, or around data points.
    pub(super) others: Vec<Counted>,
}

/// A metric that counts.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) name: String,
    pub(super) description: String,
    /// Any of them; none: all.
    pub(super) conditions: Vec<Condition>,
    pub(super) attributes: Vec<Attribute>,
}

#[derive(Debug)]
pub(super) struct Attribute {
    /// The place in [`Sections::wanted`].
    pub(super) at: usize,
    pub(super) default: Option<OwnedValue>,
}

impl Sections {
    /// # Errors
    /// A metric is none, which the checks of the configuration name.
    pub(super) fn new(config: &Config, signal: Signal) -> Result<Self, String> {
        let mut wanted = Wanted::default();
        let mut read = |metrics: &Metrics, context: Option<Context>| {
            let counted = metrics.iter();
            let counted =
                counted.map(|(name, metric)| Counted::new(name, metric, context, &mut wanted));
            counted.collect::<Result<Vec<_>, _>>()
        };
        let (items, others) = match signal {
            Signal::Traces => (
                read(&config.spans, Some(Context::Span))?,
                read(&config.spanevents, Some(Context::SpanEvent))?,
            ),
            Signal::Metrics => (
                read(&config.datapoints, None)?,
                read(&config.metrics, None)?,
            ),
            Signal::Logs => (read(&config.logs, None)?, Vec::new()),
        };
        Ok(Self {
            wanted,
            items,
            others,
        })
    }
}

impl Counted {
    fn new(
        name: &str,
        metric: &Metric,
        context: Option<Context>,
        wanted: &mut Wanted,
    ) -> Result<Self, String> {
        let conditions = metric.conditions.iter().map(|text| {
            let context = context.ok_or("conditions are not built here yet")?;
            Condition::parse(text, context).map_err(|fault| fault.to_string())
        });
        let conditions = conditions.collect::<Result<_, String>>()?;
        let attributes = metric.attributes.iter().map(|attribute| {
            Ok(Attribute {
                at: wanted.place_of(&attribute.key),
                default: attribute.default()?,
            })
        });
        Ok(Self {
            name: name.to_owned(),
            description: metric.description.clone(),
            conditions,
            attributes: attributes.collect::<Result<_, String>>()?,
        })
    }
}
