//! `timeout` of one export attempt; a component squashes it into its own keys.

use serde::{Deserialize, Serialize};

use crate::units::GoDuration;
use crate::validate::{Problems, Validate};

#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Timeout {
    /// Zero: none.
    pub timeout: GoDuration,
}

impl Default for Timeout {
    fn default() -> Self {
        Self {
            timeout: GoDuration::from_secs(5),
        }
    }
}

impl Validate for Timeout {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        let text = "'timeout' must be non-negative";
        problems.require(!self.timeout.is_negative(), "timeout", text);
        problems
    }
}
