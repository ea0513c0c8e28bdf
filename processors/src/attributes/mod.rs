//! `attributes`: changes the attributes of spans, log records and data points.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use config::{Problems, Validate};
use ledger::Budget;
use otlp::{Levels, Place, Signal};
use pipeline::component::{Component, Host, Outbox, Processor, ProcessorComponent, Stability};
use pipeline::{Batch, Now};
use serde::{Deserialize, Serialize};

use crate::actions::{ActionConfig, Actions, Run, edit_batch, validate};
use crate::matching::{Filter, MatchConfig, Properties};

/// Processor `attributes`.
pub(crate) struct AttributesProcessor {
    actions: Actions,
    filter: Filter,
    budget: Arc<Budget>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Config {
    include: Option<MatchConfig>,
    exclude: Option<MatchConfig>,
    /// Run in order on every item that is taken.
    actions: Vec<ActionConfig>,
}

impl Validate for Config {
    fn validate(&self) -> Problems {
        let mut problems = validate("actions", &self.actions);
        // Whether the properties fit the signal is seen when the pipeline is known.
        for (key, properties) in [("include", &self.include), ("exclude", &self.exclude)] {
            if let Some(Err(text)) = properties.as_ref().map(Properties::new) {
                problems.push(key, text);
            }
        }
        problems
    }
}

impl Component for AttributesProcessor {
    const NAME: &'static str = "attributes";
    const SIGNALS: &'static [Signal] = &Signal::ALL;
    const STABILITY: Stability = Stability::Stable;
    const EXAMPLE: &'static str = "\
actions:
  - key: environment
    value: production
    action: insert
  - key: user.email
    action: hash
  - pattern: ^internal\\.
    action: delete
  - key: url.full
    pattern: ^(?P<url_scheme>[a-z]+)://(?P<url_domain>[^/:]+)
    action: extract
  - key: http.response.status_code
    converted_type: int
    action: convert
";
    const REFERENCE: &'static str = include_str!("reference.md");
    type Config = Config;
}

impl ProcessorComponent for AttributesProcessor {
    fn build(config: &Config, host: &Host) -> Result<Box<dyn Processor>, String> {
        let signal = host
            .label
            .signal
            .ok_or("it works on the items of one signal")?;
        Ok(Box::new(Self {
            actions: Actions::new(&config.actions)?,
            filter: Filter::new(signal, [config.include.as_ref(), config.exclude.as_ref()])?,
            budget: Arc::clone(&host.budget),
        }))
    }
}

impl Processor for AttributesProcessor {
    fn process(&mut self, batch: Batch, _now: Now, out: &mut Outbox) {
        let context = batch.context().cloned();
        let run = Run::new(&self.actions, context.as_ref());
        edit_batch(batch, Levels::ITEM, &self.budget, out, |carrier| {
            let Place::Item(entry) = carrier.place() else {
                return Ok(());
            };
            if self.filter.takes(entry)? {
                run.apply(carrier.attributes()?)?;
            }
            Ok(())
        });
    }
}
