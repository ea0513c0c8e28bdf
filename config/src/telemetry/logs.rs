//! `logs`: what is written, where, and how often.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::node::Node;
use crate::units::GoDuration;
use crate::validate::{Problems, Validate};

/// `logs`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Logs {
    pub level: LogLevel,
    pub encoding: Encoding,
    pub development: bool,
    pub disable_caller: bool,
    pub disable_stacktrace: bool,
    /// Leave the resource's attributes out of each line.
    pub disable_zap_resource: bool,
    pub sampling: Sampling,
    /// `stderr`, `stdout`, or files.
    pub output_paths: Vec<String>,
    pub error_output_paths: Vec<String>,
    pub initial_fields: BTreeMap<String, Node>,
    /// Where log lines go besides; none is applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub processors: Vec<Node>,
}

/// `logs::level`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    Debug,
    #[default]
    Info,
    Warn,
    /// And all above: `dpanic`, `panic`, `fatal`.
    Error,
}

/// `logs::encoding`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    #[default]
    Console,
    Json,
}

/// `logs::sampling`: of lines with the same text, in each `tick`, the first `initial` are
/// written, then every `thereafter`th.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Sampling {
    pub enabled: bool,
    pub tick: GoDuration,
    pub initial: u32,
    pub thereafter: u32,
}

// === impl Logs ===

impl Default for Logs {
    fn default() -> Self {
        Self {
            level: LogLevel::Info,
            encoding: Encoding::Console,
            development: false,
            disable_caller: false,
            disable_stacktrace: false,
            disable_zap_resource: false,
            sampling: Sampling::default(),
            output_paths: vec!["stderr".to_owned()],
            error_output_paths: vec!["stderr".to_owned()],
            initial_fields: BTreeMap::new(),
            processors: Vec::new(),
        }
    }
}

impl Validate for Logs {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        let text = "'tick' must be non-negative";
        problems.require(!self.sampling.tick.is_negative(), "sampling::tick", text);
        if self.development {
            let text = "has no effect: no line has a stack trace, and no error ends the process";
            problems.warn("development", text);
        }
        if !self.processors.is_empty() {
            problems.warn(
                "processors",
                "has no effect: log lines are written to `output_paths` alone; a log collector, \
                 such as the receiver `file_log` of another instance, can read them there",
            );
        }
        problems
    }
}

// === impl LogLevel ===

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "debug" => Ok(Self::Debug),
            "info" | "" => Ok(Self::Info),
            "warn" => Ok(Self::Warn),
            "error" | "dpanic" | "panic" | "fatal" => Ok(Self::Error),
            _ => Err(format!(
                "unrecognized level: {text:?}, one of `debug`, `info`, `warn`, `error`"
            )),
        }
    }
}

impl Serialize for LogLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}

impl<'de> Deserialize<'de> for LogLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

// === impl Sampling ===

impl Default for Sampling {
    fn default() -> Self {
        Self {
            enabled: true,
            tick: GoDuration::from_secs(10),
            initial: 10,
            thereafter: 100,
        }
    }
}
