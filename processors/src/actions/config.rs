//! The keys of one action.

use config::Problems;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Action;

/// An action as it is written. Which keys go together depends on `action`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct ActionConfig {
    pub(super) key: String,
    pub(super) value: Option<Value>,
    /// Set where the other sources have no value.
    pub(super) default_value: Option<Value>,
    pub(super) pattern: String,
    pub(super) from_attribute: String,
    pub(super) from_context: String,
    pub(super) converted_type: String,
    /// Case does not count.
    pub(super) action: String,
}

/// Names what is wrong with the actions of a list under this key.
pub(crate) fn validate(list: &str, actions: &[ActionConfig]) -> Problems {
    let mut problems = Problems::new();
    let text = format!(r#"missing required field "{list}""#);
    problems.require(!actions.is_empty(), "", text);
    for (at, action) in actions.iter().enumerate() {
        if let Err(text) = Action::new(at, action) {
            problems.push(format!("{list}[{at}]"), text);
        }
    }
    problems
}

impl ActionConfig {
    pub(super) fn sources(&self) -> usize {
        usize::from(self.value.is_some())
            + usize::from(!self.from_attribute.is_empty())
            + usize::from(!self.from_context.is_empty())
    }
}
