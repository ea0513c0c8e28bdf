//! The keys of `count`.

use std::collections::BTreeMap;

use config::{Problems, Validate};
use ottl::{Condition, Context};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A section has the metrics that it names; one that is not written has one that counts all.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Config {
    pub(super) spans: Metrics,
    pub(super) spanevents: Metrics,
    pub(super) metrics: Metrics,
    pub(super) datapoints: Metrics,
    pub(super) logs: Metrics,
    /// There is no such signal here.
    pub(super) profiles: Metrics,
}

/// By their names.
pub(super) type Metrics = BTreeMap<String, Metric>;

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Metric {
    pub(super) description: String,
    /// What any of these holds for is counted; none: all.
    pub(super) conditions: Vec<String>,
    /// A count for each set of their values.
    pub(super) attributes: Vec<Attribute>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Attribute {
    pub(super) key: String,
    /// Without one, what lacks the attribute is not counted.
    pub(super) default_value: Option<Value>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            spans: all("trace.span.count", "The number of spans observed."),
            spanevents: all(
                "trace.span.event.count",
                "The number of span events observed.",
            ),
            metrics: all("metric.count", "The number of metrics observed."),
            datapoints: all(
                "metric.datapoint.count",
                "The number of data points observed.",
            ),
            logs: all("log.record.count", "The number of log records observed."),
            profiles: Metrics::new(),
        }
    }
}

/// One metric that counts all.
fn all(name: &str, description: &str) -> Metrics {
    let metric = Metric {
        description: description.to_owned(),
        ..Metric::default()
    };
    Metrics::from([(name.to_owned(), metric)])
}

impl Attribute {
    /// # Errors
    /// It is no value that an attribute is counted by.
    pub(super) fn default(&self) -> Result<Option<otlp::OwnedValue>, String> {
        let Some(value) = &self.default_value else {
            return Ok(None);
        };
        Ok(Some(match value {
            // The Collector takes an empty text for none.
            Value::String(text) if text.is_empty() => return Ok(None),
            Value::Null => return Ok(None),
            Value::String(text) => text.as_str().into(),
            Value::Bool(truth) => (*truth).into(),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(number), _) => number.into(),
                (None, Some(number)) => number.into(),
                (None, None) => return Err(format!("{number} is no number of 64 bits")),
            },
            Value::Array(_) | Value::Object(_) => {
                return Err("a default is a text, a number, true or false".to_owned());
            }
        }))
    }
}

impl Validate for Config {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        for (section, metrics) in [
            ("spans", &self.spans),
            ("spanevents", &self.spanevents),
            ("metrics", &self.metrics),
            ("datapoints", &self.datapoints),
            ("logs", &self.logs),
        ] {
            for (name, metric) in metrics {
                check(&mut problems, section, name, metric);
            }
        }
        if !self.profiles.is_empty() {
            let text = "there is no such signal here, so nothing is counted";
            problems.warn("profiles", text);
        }
        problems
    }
}

fn check(problems: &mut Problems, section: &str, name: &str, metric: &Metric) {
    let path = format!("{section}::{name}");
    problems.require(
        !name.is_empty(),
        section,
        format!("{section}: metric name missing"),
    );
    let context = match section {
        "spans" => Some(Context::Span),
        "spanevents" => Some(Context::SpanEvent),
        _ => None,
    };
    for (at, text) in metric.conditions.iter().enumerate() {
        let place = format!("{path}::conditions[{at}]");
        let Some(context) = context else {
            let text = format!(
                "conditions on {section} are not built yet; remove them to count all, or keep this \
                 metric in a Collector"
            );
            problems.push(place, text);
            continue;
        };
        if let Err(fault) = Condition::parse(text, context) {
            let text = format!("{section} condition: metric {name:?}: {fault}");
            problems.push(place, text);
        }
    }
    if section == "metrics" && !metric.attributes.is_empty() {
        let text = format!("metrics attributes not supported: metric {name:?}");
        problems.push(format!("{path}::attributes"), text);
        return;
    }
    for (at, attribute) in metric.attributes.iter().enumerate() {
        let place = format!("{path}::attributes[{at}]");
        let missing = format!("{section} attributes: metric {name:?}: attribute key missing");
        problems.require(!attribute.key.is_empty(), &place, missing);
        if let Err(text) = attribute.default() {
            problems.push(format!("{place}::default_value"), text);
        }
    }
}
