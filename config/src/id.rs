//! Names of components and pipelines: `type[/name]`, `signal[/name]`.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use otlp::Signal;
use regex::Regex;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The Collector's limit on the part after the slash.
const NAME_CHARS_MAX: usize = 1024;

/// `type[/name]`, such as `otlp/2`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ComponentId {
    kind: String,
    name: String,
}

/// `signal[/name]`, such as `traces/frontend`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PipelineId {
    pub signal: Signal,
    /// Empty for the plain `traces`.
    pub name: String,
}

/// Why a text is no id; `Display` gives the Collector's wording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdFault {
    Empty,
    NoName(String),
    NoType(String),
    BadType(String),
    BadName(String),
    UnknownSignal(String),
    /// `profiles` is a signal of the Collector that we do not carry.
    Profiles(String),
}

// === impl ComponentId ===

impl ComponentId {
    /// The part before the slash.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The part after the slash; empty if there is none.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for ComponentId {
    type Err = IdFault;

    fn from_str(text: &str) -> Result<Self, IdFault> {
        let (kind, name) = split(text)?;
        if !valid_type(kind) {
            return Err(IdFault::BadType(kind.to_owned()));
        }
        Ok(Self {
            kind: kind.to_owned(),
            name: checked_name(name)?,
        })
    }
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, &self.kind, &self.name)
    }
}

impl Serialize for ComponentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ComponentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

// === impl PipelineId ===

impl FromStr for PipelineId {
    type Err = IdFault;

    fn from_str(text: &str) -> Result<Self, IdFault> {
        let (signal, name) = split(text)?;
        Ok(Self {
            signal: named_signal(signal)?,
            name: checked_name(name)?,
        })
    }
}

impl fmt::Display for PipelineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, self.signal.name(), &self.name)
    }
}

impl Serialize for PipelineId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PipelineId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

fn named_signal(text: &str) -> Result<Signal, IdFault> {
    match Signal::from_name(text) {
        Some(signal) => Ok(signal),
        None if text == "profiles" => Err(IdFault::Profiles(text.to_owned())),
        None => Err(IdFault::UnknownSignal(text.to_owned())),
    }
}

// === impl IdFault ===

impl fmt::Display for IdFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("id must not be empty"),
            Self::NoName(id) => {
                write!(f, "in {id:?} id: the part after / should not be empty")
            }
            Self::NoType(id) => {
                write!(f, "in {id:?} id: the part before / should not be empty")
            }
            Self::BadType(kind) => write!(f, "invalid character(s) in type {kind:?}"),
            Self::BadName(name) => write!(f, "invalid character(s) in name {name:?}"),
            Self::UnknownSignal(signal) => write!(f, "unknown pipeline signal: {signal:?}"),
            Self::Profiles(signal) => {
                write!(f, "pipeline {signal:?}: this build carries no profiles")
            }
        }
    }
}

impl std::error::Error for IdFault {}

/// The halves of `type[/name]` without the white space around them.
fn split(text: &str) -> Result<(&str, &str), IdFault> {
    let Some((kind, name)) = text.split_once('/') else {
        let kind = text.trim();
        return if kind.is_empty() {
            Err(IdFault::Empty)
        } else {
            Ok((kind, ""))
        };
    };
    let (kind, name) = (kind.trim(), name.trim());
    if kind.is_empty() {
        return Err(IdFault::NoType(text.to_owned()));
    }
    if name.is_empty() {
        return Err(IdFault::NoName(text.to_owned()));
    }
    Ok((kind, name))
}

/// `^[a-zA-Z][0-9a-zA-Z_]{0,62}$`
fn valid_type(kind: &str) -> bool {
    const TYPE_BYTES_MAX: usize = 63;
    kind.len() <= TYPE_BYTES_MAX
        && kind.starts_with(|c: char| c.is_ascii_alphabetic())
        && kind.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn checked_name(name: &str) -> Result<String, IdFault> {
    // Separators, control characters and symbols have no place in a metric label.
    static UNFIT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[\pZ\pC\pS]").ok());
    let unfit = UNFIT.as_ref().is_some_and(|regex| regex.is_match(name));
    if unfit || name.chars().count() > NAME_CHARS_MAX {
        return Err(IdFault::BadName(name.to_owned()));
    }
    Ok(name.to_owned())
}

fn write_id(f: &mut fmt::Formatter<'_>, kind: &str, name: &str) -> fmt::Result {
    f.write_str(kind)?;
    if name.is_empty() {
        Ok(())
    } else {
        write!(f, "/{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::{ComponentId, PipelineId};

    #[test]
    fn component_ids_follow_the_collector() {
        let check = |text: &str, expected: &str| {
            let actual = match text.parse::<ComponentId>() {
                Ok(id) => format!("{}|{}", id.kind(), id.name()),
                Err(fault) => fault.to_string(),
            };
            assert_eq!(actual, expected, "{text:?}");
        };
        check("otlp", "otlp|");
        check("otlp/2", "otlp|2");
        check(
            " otlp / front end ",
            r#"invalid character(s) in name "front end""#,
        );
        check(" otlp / front ", "otlp|front");
        check("otlp/a/b", "otlp|a/b");
        check("otlp/é-1", "otlp|é-1");
        check("", "id must not be empty");
        check("  ", "id must not be empty");
        check(
            "otlp/",
            r#"in "otlp/" id: the part after / should not be empty"#,
        );
        check("/2", r#"in "/2" id: the part before / should not be empty"#);
        check("1otlp", r#"invalid character(s) in type "1otlp""#);
        check("ot-lp", r#"invalid character(s) in type "ot-lp""#);
        check("otlp/a+b", r#"invalid character(s) in name "a+b""#);
    }

    #[test]
    fn pipeline_ids_name_a_signal() {
        let check = |text: &str, expected: &str| {
            let actual = match text.parse::<PipelineId>() {
                Ok(id) => id.to_string(),
                Err(fault) => fault.to_string(),
            };
            assert_eq!(actual, expected, "{text:?}");
        };
        check("traces", "traces");
        check("logs/ a", "logs/a");
        check("trace", r#"unknown pipeline signal: "trace""#);
        check(
            "profiles",
            r#"pipeline "profiles": this build carries no profiles"#,
        );
        check(
            "traces/",
            r#"in "traces/" id: the part after / should not be empty"#,
        );
    }
}
