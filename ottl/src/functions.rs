//! Functions that give a value: one row each.

use regex::Regex;

use crate::case::Case;
use crate::check::Getter;
use crate::convert::{double, duration as parse_duration, id, int, length, like_text, text_of};
use crate::fault::Trouble;
use crate::pattern;
use crate::scene::Scene;
use crate::value::Value;
use crate::wants::Wants;

/// A row of the table.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// By the names under which they may be given.
    pub(crate) parameters: &'static [(&'static str, Wants)],
    pub(crate) build: fn(&[Getter]) -> Result<Call, String>,
}

/// A function with its arguments, ready to be called.
#[derive(Debug)]
pub(crate) enum Call {
    IsMatch(Getter, Pattern),
    Is(Wants, Getter),
    IsList(Getter),
    Len(Getter),
    Int(Getter),
    Double(Getter),
    Text(Getter),
    ConvertCase(Getter, Case),
    HasPrefix(Getter, Getter),
    HasSuffix(Getter, Getter),
    IsRootSpan,
    /// Of so many bytes.
    Id(Getter, usize),
    Duration(Getter),
    /// A duration that is known once the condition is read.
    Constant(i64),
}

#[derive(Debug)]
pub(crate) enum Pattern {
    Known(Regex),
    /// It comes with the data.
    Given(Getter),
}

pub(crate) const FUNCTIONS: [Function; 18] = [
    Function {
        name: "ConvertCase",
        parameters: &[("target", Wants::Text), ("toCase", Wants::Text)],
        build: convert_case,
    },
    Function {
        name: "Double",
        parameters: &[("target", Wants::LikeDouble)],
        build: |of| Ok(Call::Double(first(of))),
    },
    Function {
        name: "Duration",
        parameters: &[("duration", Wants::Text)],
        build: duration,
    },
    Function {
        name: "HasPrefix",
        parameters: &[("target", Wants::Text), ("prefix", Wants::Text)],
        build: |of| Ok(Call::HasPrefix(first(of), second(of))),
    },
    Function {
        name: "HasSuffix",
        parameters: &[("target", Wants::Text), ("suffix", Wants::Text)],
        build: |of| Ok(Call::HasSuffix(first(of), second(of))),
    },
    Function {
        name: "Int",
        parameters: &[("target", Wants::LikeInt)],
        build: |of| Ok(Call::Int(first(of))),
    },
    Function {
        name: "IsBool",
        parameters: &[("target", Wants::Bool)],
        build: |of| Ok(Call::Is(Wants::Bool, first(of))),
    },
    Function {
        name: "IsDouble",
        parameters: &[("target", Wants::Double)],
        build: |of| Ok(Call::Is(Wants::Double, first(of))),
    },
    Function {
        name: "IsInt",
        parameters: &[("target", Wants::Int)],
        build: |of| Ok(Call::Is(Wants::Int, first(of))),
    },
    Function {
        name: "IsList",
        parameters: &[("target", Wants::Any)],
        build: |of| Ok(Call::IsList(first(of))),
    },
    Function {
        name: "IsMap",
        parameters: &[("target", Wants::Map)],
        build: |of| Ok(Call::Is(Wants::Map, first(of))),
    },
    Function {
        name: "IsMatch",
        parameters: &[("target", Wants::Any), ("pattern", Wants::Text)],
        build: is_match,
    },
    Function {
        name: "IsRootSpan",
        parameters: &[],
        build: |_| Ok(Call::IsRootSpan),
    },
    Function {
        name: "IsString",
        parameters: &[("target", Wants::Text)],
        build: |of| Ok(Call::Is(Wants::Text, first(of))),
    },
    Function {
        name: "Len",
        parameters: &[("target", Wants::Any)],
        build: |of| Ok(Call::Len(first(of))),
    },
    Function {
        name: "SpanID",
        parameters: &[("bytes", Wants::SpanId)],
        build: |of| Ok(Call::Id(first(of), 8)),
    },
    Function {
        name: "String",
        parameters: &[("target", Wants::Any)],
        build: |of| Ok(Call::Text(first(of))),
    },
    Function {
        name: "TraceID",
        parameters: &[("bytes", Wants::TraceId)],
        build: |of| Ok(Call::Id(first(of), 16)),
    },
];

/// Of the language, and not of this build.
pub(crate) const NOT_YET: [&str; 30] = [
    "Base64Decode",
    "Concat",
    "ContainsValue",
    "Day",
    "Decode",
    "ExtractPatterns",
    "FNV",
    "Format",
    "FormatTime",
    "Hex",
    "Hour",
    "Hours",
    "Index",
    "IsInCIDR",
    "Keys",
    "Log",
    "MD5",
    "Milliseconds",
    "Minutes",
    "Now",
    "ParseInt",
    "ParseJSON",
    "Seconds",
    "SHA256",
    "Split",
    "Substring",
    "Time",
    "Trim",
    "URL",
    "Values",
];

fn first(of: &[Getter]) -> Getter {
    of.first().cloned().unwrap_or(Getter::Nil)
}

fn second(of: &[Getter]) -> Getter {
    of.get(1).cloned().unwrap_or(Getter::Nil)
}

fn is_match(of: &[Getter]) -> Result<Call, String> {
    let pattern = match second(of) {
        Getter::Text(text) => Pattern::Known(pattern::compile(&text)?),
        other => Pattern::Given(other),
    };
    Ok(Call::IsMatch(first(of), pattern))
}

fn convert_case(of: &[Getter]) -> Result<Call, String> {
    let case = match second(of) {
        Getter::Text(text) => match text.as_ref() {
            "lower" => Case::Lower,
            "upper" => Case::Upper,
            "snake" => Case::Snake,
            "camel" => Case::Camel,
            other => {
                return Err(format!(
                    "invalid case: {other}, allowed cases are: lower, upper, snake, camel"
                ));
            }
        },
        _ => {
            return Err("the case is one of \"lower\", \"upper\", \"snake\", \"camel\"".to_owned());
        }
    };
    Ok(Call::ConvertCase(first(of), case))
}

fn duration(of: &[Getter]) -> Result<Call, String> {
    Ok(match first(of) {
        Getter::Text(text) => Call::Constant(parse_duration(&text).map_err(|wrong| wrong.0)?),
        other => Call::Duration(other),
    })
}

// === impl Call ===

impl Call {
    pub(crate) fn get<'a>(&'a self, scene: &Scene<'a>) -> Result<Value<'a>, Trouble> {
        Ok(match self {
            Self::IsMatch(target, pattern) => {
                let given;
                let pattern = match pattern {
                    Pattern::Known(pattern) => pattern,
                    Pattern::Given(pattern) => {
                        let compiled = pattern::compile(&text_of(pattern.get(scene)?)?);
                        given = compiled.map_err(|text| Trouble(text.into()))?;
                        &given
                    }
                };
                let text = like_text(target.get(scene)?)?;
                Value::Bool(text.is_some_and(|text| pattern.is_match(&text)))
            }
            Self::Is(kind, target) => Value::Bool(kind.check(&target.get(scene)?).is_ok()),
            Self::IsList(target) => {
                let is_list = matches!(target.get(scene)?, Value::Array(_) | Value::List(_));
                Value::Bool(is_list)
            }
            Self::Len(target) => Value::Int(length(&target.get(scene)?)?),
            Self::Int(target) => int(&target.get(scene)?)?,
            Self::Double(target) => double(&target.get(scene)?)?,
            Self::Text(target) => like_text(target.get(scene)?)?.map_or(Value::Nil, Value::Text),
            Self::ConvertCase(target, case) => {
                Value::Text(case.convert(&text_of(target.get(scene)?)?).into())
            }
            Self::HasPrefix(target, prefix) => {
                let (target, prefix) = (text_of(target.get(scene)?)?, text_of(prefix.get(scene)?)?);
                Value::Bool(target.starts_with(prefix.as_ref()))
            }
            Self::HasSuffix(target, suffix) => {
                let (target, suffix) = (text_of(target.get(scene)?)?, text_of(suffix.get(scene)?)?);
                Value::Bool(target.ends_with(suffix.as_ref()))
            }
            Self::IsRootSpan => Value::Bool(scene.span.is_root()),
            Self::Id(target, length) => Value::Id(id(&target.get(scene)?, *length)?.into()),
            Self::Duration(target) => {
                Value::Duration(parse_duration(&text_of(target.get(scene)?)?)?)
            }
            Self::Constant(nanos) => Value::Duration(*nanos),
        })
    }
}
