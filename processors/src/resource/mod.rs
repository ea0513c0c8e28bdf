//! `resource`: changes the attributes of resources.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use config::{Problems, Validate};
use ledger::Budget;
use otlp::{Levels, Signal};
use pipeline::component::{Component, Host, Outbox, Processor, ProcessorComponent, Stability};
use pipeline::{Batch, Now};
use serde::{Deserialize, Serialize};

use crate::actions::{ActionConfig, Actions, Run, edit_batch, validate};

/// Processor `resource`.
pub(crate) struct ResourceProcessor {
    actions: Actions,
    budget: Arc<Budget>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Config {
    /// Run in order on every resource.
    attributes: Vec<ActionConfig>,
}

impl Validate for Config {
    fn validate(&self) -> Problems {
        validate("attributes", &self.attributes)
    }
}

impl Component for ResourceProcessor {
    const NAME: &'static str = "resource";
    const SIGNALS: &'static [Signal] = &Signal::ALL;
    const STABILITY: Stability = Stability::Stable;
    const EXAMPLE: &'static str = "\
attributes:
  - key: deployment.environment.name
    value: production
    action: upsert
  - key: host.name
    from_attribute: k8s.node.name
    action: insert
  - key: process.command_args
    action: delete
";
    const REFERENCE: &'static str = include_str!("reference.md");
    type Config = Config;
}

impl ProcessorComponent for ResourceProcessor {
    fn build(config: &Config, host: &Host) -> Result<Box<dyn Processor>, String> {
        let actions = Actions::new(&config.attributes)?;
        Ok(Box::new(Self {
            actions,
            budget: Arc::clone(&host.budget),
        }))
    }
}

impl Processor for ResourceProcessor {
    fn process(&mut self, batch: Batch, _now: Now, out: &mut Outbox) {
        let context = batch.context().cloned();
        let run = Run::new(&self.actions, context.as_ref());
        edit_batch(batch, Levels::RESOURCE, &self.budget, out, |carrier| {
            run.apply(carrier.attributes()?)
        });
    }
}
