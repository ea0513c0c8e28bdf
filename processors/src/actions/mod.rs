//! What `attributes` and `resource` do to attributes: a list of actions, run in order.

mod apply;
mod config;

use otlp::OwnedValue;
use regex::Regex;
use serde_json::Value;

pub(crate) use apply::{Run, edit_batch};
pub(crate) use config::{ActionConfig, validate};

use ottl::pattern;

/// Actions that have been checked.
#[derive(Debug)]
pub(crate) struct Actions(Vec<Action>);

#[derive(Debug)]
enum Action {
    Set {
        key: String,
        rule: Rule,
        source: Source,
        fallback: Option<OwnedValue>,
    },
    /// `key` is empty if there is only a pattern.
    Delete {
        key: String,
        pattern: Option<Regex>,
    },
    Hash {
        key: String,
        pattern: Option<Regex>,
    },
    Extract {
        key: String,
        pattern: Regex,
    },
    Convert {
        key: String,
        to: Target,
    },
}

/// When a value is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    IfAbsent,
    IfPresent,
    Always,
}

#[derive(Debug)]
enum Source {
    Value(OwnedValue),
    Attribute(String),
    /// All values of a key of the client metadata.
    Metadata(String),
    ClientAddress,
    /// There is no such thing: the fallback alone counts.
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    String,
    Int,
    Double,
}

impl Actions {
    /// # Errors
    /// What is wrong with the first action that is.
    pub(crate) fn new(configs: &[ActionConfig]) -> Result<Self, String> {
        let actions = configs
            .iter()
            .enumerate()
            .map(|(at, config)| Action::new(at, config));
        actions.collect::<Result<_, _>>().map(Self)
    }
}

// === impl Action ===

impl Action {
    /// Checks the keys of the action at this place in its list.
    fn new(at: usize, config: &ActionConfig) -> Result<Self, String> {
        let name = config.action.to_lowercase();
        let key = &config.key;
        if matches!(name.as_str(), "delete" | "hash") {
            if key.is_empty() && config.pattern.is_empty() {
                return Err(format!(
                    "error creating AttrProc due to missing required field (at least one of \
                     \"key\" and \"pattern\" have to be used) at the {at}-th action"
                ));
            }
        } else if key.is_empty() {
            return Err(format!(
                "error creating AttrProc due to missing required field \"key\" at the {at}-th \
                 action"
            ));
        }
        let action = match name.as_str() {
            "insert" => Self::set(config, &name, Rule::IfAbsent),
            "update" => Self::set(config, &name, Rule::IfPresent),
            "upsert" => Self::set(config, &name, Rule::Always),
            "delete" => Self::pattern_of_keys(config, &name).map(|pattern| Self::Delete {
                key: key.clone(),
                pattern,
            }),
            "hash" => Self::pattern_of_keys(config, &name).map(|pattern| Self::Hash {
                key: key.clone(),
                pattern,
            }),
            "extract" => Self::extract(config, &name),
            "convert" => Self::convert(config, &name),
            _ => Err(format!(" due to unsupported action \"{name}\"")),
        };
        action.map_err(|text| {
            format!("error with key \"{key}\" ({at}-th action): error creating AttrProc{text}")
        })
    }

    fn set(config: &ActionConfig, name: &str, rule: Rule) -> Result<Self, String> {
        if config.sources() == 0 && config.default_value.is_none() {
            return Err(
                ". Either field \"value\", \"from_attribute\", \"from_context\", or \
                        \"default_value\" must be specified"
                    .to_owned(),
            );
        }
        if config.sources() > 1 {
            return Err(" due to multiple value sources being set".to_owned());
        }
        refuse_pattern(config, name)?;
        refuse_type(config, name)?;
        let source = if let Some(value) = &config.value {
            Source::Value(owned(value))
        } else if !config.from_attribute.is_empty() {
            Source::Attribute(config.from_attribute.clone())
        } else {
            Source::of_context(&config.from_context)
        };
        let fallback = config.default_value.as_ref().map(owned);
        Ok(Self::Set {
            key: config.key.clone(),
            rule,
            source,
            fallback,
        })
    }

    /// The optional pattern of `delete` and `hash`.
    fn pattern_of_keys(config: &ActionConfig, name: &str) -> Result<Option<Regex>, String> {
        if config.value.is_some() || !config.from_attribute.is_empty() {
            return Err(format!(
                ". Action \"{name}\" does not use \"value\" or \"from_attribute\" field. These \
                 must not be specified"
            ));
        }
        refuse_type(config, name)?;
        (!config.pattern.is_empty())
            .then(|| compile(&config.pattern))
            .transpose()
    }

    fn extract(config: &ActionConfig, name: &str) -> Result<Self, String> {
        if config.sources() > 0 {
            return Err(format!(
                ". Action \"{name}\" does not use a value source field. These must not be \
                 specified"
            ));
        }
        if config.pattern.is_empty() {
            return Err(format!(
                " due to missing required field \"pattern\" for action \"{name}\""
            ));
        }
        refuse_type(config, name)?;
        let pattern = compile(&config.pattern)?;
        let mut groups = pattern.capture_names().skip(1).peekable();
        if groups.peek().is_none() {
            return Err(". Field \"pattern\" contains no named matcher groups".to_owned());
        }
        if groups.any(|name| name.is_none()) {
            return Err(
                ". Field \"pattern\" contains at least one unnamed matcher group".to_owned(),
            );
        }
        Ok(Self::Extract {
            key: config.key.clone(),
            pattern,
        })
    }

    fn convert(config: &ActionConfig, name: &str) -> Result<Self, String> {
        if config.sources() > 0 || !config.pattern.is_empty() {
            return Err(format!(
                ". Action \"{name}\" does not use value sources or \"pattern\" field. These must \
                 not be specified"
            ));
        }
        let to = match config.converted_type.as_str() {
            "string" => Target::String,
            "int" => Target::Int,
            "double" => Target::Double,
            "" => {
                return Err(format!(
                    " due to missing required field \"converted_type\" for action \"{name}\""
                ));
            }
            other => {
                return Err(format!(
                    " due to invalid value \"{other}\" in field \"converted_type\" for action \
                     \"{name}\""
                ));
            }
        };
        Ok(Self::Convert {
            key: config.key.clone(),
            to,
        })
    }
}

impl Source {
    fn of_context(key: &str) -> Self {
        if key.is_empty() || key.starts_with("auth.") {
            Self::Nothing
        } else if key == "client.address" {
            Self::ClientAddress
        } else {
            // A key without a prefix means metadata too.
            Self::Metadata(key.strip_prefix("metadata.").unwrap_or(key).to_owned())
        }
    }
}

fn refuse_pattern(config: &ActionConfig, name: &str) -> Result<(), String> {
    refuse(config.pattern.is_empty(), name, "pattern")
}

fn refuse_type(config: &ActionConfig, name: &str) -> Result<(), String> {
    refuse(config.converted_type.is_empty(), name, "converted_type")
}

fn refuse(is_empty: bool, name: &str, field: &str) -> Result<(), String> {
    if is_empty {
        return Ok(());
    }
    Err(format!(
        ". Action \"{name}\" does not use the \"{field}\" field. This must not be specified"
    ))
}

fn compile(pattern: &str) -> Result<Regex, String> {
    pattern::compile(pattern).map_err(|reason| {
        format!(". Field \"pattern\" has invalid pattern: \"{pattern}\" ({reason})")
    })
}

/// A value of the configuration as one of an attribute.
fn owned(value: &Value) -> OwnedValue {
    match value {
        Value::Null => OwnedValue::empty(),
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => value.into(),
            // An attribute has no unsigned numbers: the bits are kept.
            (None, Some(value)) => value.cast_signed().into(),
            (None, None) => number.as_f64().unwrap_or_default().into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(values) => OwnedValue::array(values.iter().map(owned)),
        Value::Object(entries) => OwnedValue::key_value_list(
            entries
                .iter()
                .map(|(key, value)| (key.as_str(), owned(value))),
        ),
    }
}
