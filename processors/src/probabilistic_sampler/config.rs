//! The keys of `probabilistic_sampler`.

use config::{Problems, Validate};
use otlp::sampling::{DIGITS_MAX, PROBABILITY_MIN};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Config {
    /// Of 100; more is all.
    pub(super) sampling_percentage: f32,
    pub(super) hash_seed: u32,
    pub(super) mode: Mode,
    /// Items whose sampling cannot be told are dropped, and not kept.
    pub(super) fail_closed: bool,
    /// Hexadecimal digits of a threshold.
    pub(super) sampling_precision: u32,
    /// Of log records: what is hashed.
    pub(super) attribute_source: Source,
    /// Of log records: the attribute that is hashed.
    pub(super) from_attribute: String,
    /// Of log records: the attribute that has another percentage.
    pub(super) sampling_priority: String,
}

/// What the choice depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    /// A hash of the trace id, or of an attribute.
    #[default]
    #[serde(alias = "")]
    HashSeed,
    /// The randomness of the trace: items are kept down to the percentage, whoever has sampled them before.
    Equalizing,
    /// The randomness of the trace: the percentage is taken of what comes in.
    Proportional,
}

/// What is hashed of a log record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(super) enum Source {
    /// The trace id, and the attribute where there is none.
    #[default]
    #[serde(rename = "traceID")]
    TraceId,
    /// The attribute.
    #[serde(rename = "record", alias = "")]
    Record,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sampling_percentage: 0.0,
            hash_seed: 0,
            mode: Mode::default(),
            fail_closed: true,
            sampling_precision: 4,
            attribute_source: Source::default(),
            from_attribute: String::new(),
            sampling_priority: String::new(),
        }
    }
}

impl Validate for Config {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        let percentage = self.sampling_percentage;
        let smallest = PROBABILITY_MIN * 100.0;
        let fault = if percentage.is_infinite() {
            let sign = if percentage > 0.0 { '+' } else { '-' };
            Some(format!("sampling rate is invalid: {sign}Inf%"))
        } else if percentage.is_nan() {
            Some("sampling rate is invalid: NaN%".to_owned())
        } else if percentage < 0.0 {
            Some(format!("sampling rate is negative: {percentage:.6}%"))
        } else if percentage > 0.0 && f64::from(percentage) < smallest {
            Some(format!("sampling rate is too small: {percentage:e}%"))
        } else {
            None
        };
        if let Some(text) = fault {
            problems.push("sampling_percentage", text);
        }
        problems.require(
            self.sampling_precision > 0,
            "sampling_precision",
            "invalid sampling precision: 0",
        );
        problems.require(
            self.sampling_precision <= DIGITS_MAX,
            "sampling_precision",
            format!(
                "sampling precision is too great, should be <= {DIGITS_MAX}: {}",
                self.sampling_precision
            ),
        );
        problems
    }
}
