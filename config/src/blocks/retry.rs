//! `retry_on_failure` (`configretry.BackOffConfig`).

use serde::{Deserialize, Serialize};

use crate::units::GoDuration;
use crate::validate::{Problems, Validate};

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Retry {
    pub enabled: bool,
    pub initial_interval: GoDuration,
    /// Each pause is drawn from `interval * (1 ± this)`.
    pub randomization_factor: f64,
    pub multiplier: f64,
    pub max_interval: GoDuration,
    /// Zero: for ever.
    pub max_elapsed_time: GoDuration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            enabled: true,
            initial_interval: GoDuration::from_secs(5),
            randomization_factor: 0.5,
            multiplier: 1.5,
            max_interval: GoDuration::from_secs(30),
            max_elapsed_time: GoDuration::from_secs(5 * 60),
        }
    }
}

impl Validate for Retry {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        if !self.enabled {
            return problems;
        }
        for (key, duration) in [
            ("initial_interval", self.initial_interval),
            ("max_interval", self.max_interval),
            ("max_elapsed_time", self.max_elapsed_time),
        ] {
            problems.require(
                !duration.is_negative(),
                key,
                format!("{key} value must be greater than or equal to 0"),
            );
        }
        for (key, number) in [
            ("multiplier", self.multiplier),
            ("randomization_factor", self.randomization_factor),
        ] {
            let text = format!("{key} value must be greater than or equal to 0");
            problems.require(number >= 0.0, key, text);
        }
        problems.require(
            self.randomization_factor <= 1.0,
            "randomization_factor",
            "randomization_factor value must be less than or equal to 1",
        );
        if self.max_elapsed_time > GoDuration::ZERO {
            for (key, interval) in [
                ("initial_interval", self.initial_interval),
                ("max_interval", self.max_interval),
            ] {
                problems.require(
                    self.max_elapsed_time >= interval,
                    "max_elapsed_time",
                    format!("'max_elapsed_time' must not be less than '{key}'"),
                );
            }
        }
        problems
    }
}
