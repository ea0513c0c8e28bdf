//! Functions that give a value: one row each.

use regex::Regex;

use crate::case::Case;
use crate::check::Getter;
use crate::convert::{double, int, length, like_text, text_of};
use crate::fault::Trouble;
use crate::lexer::hex;
use crate::pattern;
use crate::scene::Scene;
use crate::value::Value;

/// A row of the table.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// By the names under which they may be given.
    pub(crate) parameters: &'static [&'static str],
    pub(crate) build: fn(&[Getter]) -> Result<Call, String>,
}

/// A function with its arguments, ready to be called.
#[derive(Debug)]
pub(crate) enum Call {
    IsMatch(Getter, Pattern),
    Is(Kind, Getter),
    Len(Getter),
    Int(Getter),
    Double(Getter),
    Text(Getter),
    ConvertCase(Getter, Case),
    HasPrefix(Getter, Getter),
    HasSuffix(Getter, Getter),
    IsRootSpan,
    /// Known once the condition is read.
    Constant(Constant),
}

#[derive(Debug)]
pub(crate) enum Constant {
    Bytes(Vec<u8>),
    Duration(i64),
}

#[derive(Debug)]
pub(crate) enum Pattern {
    Known(Regex),
    /// It comes with the data.
    Given(Getter),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Text,
    Int,
    Double,
    Bool,
    Map,
    List,
}

pub(crate) const FUNCTIONS: [Function; 18] = [
    Function {
        name: "ConvertCase",
        parameters: &["target", "toCase"],
        build: convert_case,
    },
    Function {
        name: "Double",
        parameters: &["target"],
        build: |of| Ok(Call::Double(first(of))),
    },
    Function {
        name: "Duration",
        parameters: &["duration"],
        build: duration,
    },
    Function {
        name: "HasPrefix",
        parameters: &["target", "prefix"],
        build: |of| Ok(Call::HasPrefix(first(of), second(of))),
    },
    Function {
        name: "HasSuffix",
        parameters: &["target", "suffix"],
        build: |of| Ok(Call::HasSuffix(first(of), second(of))),
    },
    Function {
        name: "Int",
        parameters: &["target"],
        build: |of| Ok(Call::Int(first(of))),
    },
    Function {
        name: "IsBool",
        parameters: &["target"],
        build: |of| Ok(Call::Is(Kind::Bool, first(of))),
    },
    Function {
        name: "IsDouble",
        parameters: &["target"],
        build: |of| Ok(Call::Is(Kind::Double, first(of))),
    },
    Function {
        name: "IsInt",
        parameters: &["target"],
        build: |of| Ok(Call::Is(Kind::Int, first(of))),
    },
    Function {
        name: "IsList",
        parameters: &["target"],
        build: |of| Ok(Call::Is(Kind::List, first(of))),
    },
    Function {
        name: "IsMap",
        parameters: &["target"],
        build: |of| Ok(Call::Is(Kind::Map, first(of))),
    },
    Function {
        name: "IsMatch",
        parameters: &["target", "pattern"],
        build: is_match,
    },
    Function {
        name: "IsRootSpan",
        parameters: &[],
        build: |_| Ok(Call::IsRootSpan),
    },
    Function {
        name: "IsString",
        parameters: &["target"],
        build: |of| Ok(Call::Is(Kind::Text, first(of))),
    },
    Function {
        name: "Len",
        parameters: &["target"],
        build: |of| Ok(Call::Len(first(of))),
    },
    Function {
        name: "SpanID",
        parameters: &["bytes"],
        build: |of| id::<8>(of),
    },
    Function {
        name: "String",
        parameters: &["target"],
        build: |of| Ok(Call::Text(first(of))),
    },
    Function {
        name: "TraceID",
        parameters: &["bytes"],
        build: |of| id::<16>(of),
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

fn id<const LENGTH: usize>(of: &[Getter]) -> Result<Call, String> {
    let bytes = match first(of) {
        Getter::Bytes(bytes) => Some(bytes.to_vec()),
        Getter::Text(text) => hex(&text),
        _ => None,
    };
    match bytes {
        Some(bytes) if bytes.len() == LENGTH => Ok(Call::Constant(Constant::Bytes(bytes))),
        _ => Err(format!(
            "an id of {LENGTH} bytes is written 0x… or as a text of {} hexadecimal digits",
            2 * LENGTH
        )),
    }
}

fn duration(of: &[Getter]) -> Result<Call, String> {
    const UNITS: [(&str, f64); 7] = [
        ("ns", 1.0),
        ("us", 1e3),
        ("µs", 1e3),
        ("ms", 1e6),
        ("s", 1e9),
        ("m", 60e9),
        ("h", 3600e9),
    ];
    let Getter::Text(text) = first(of) else {
        return Err("a duration is written as a text, such as \"1m30s\"".to_owned());
    };
    let wrong = || format!("{text:?} is no duration, write it as \"1m30s\"");
    let (mut rest, sign) = text
        .strip_prefix('-')
        .map_or((text.as_ref(), 1.0), |rest| (rest, -1.0));
    let mut nanos = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(wrong)?;
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let (_, factor) = UNITS
            .into_iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(wrong)?;
        nanos += number.parse::<f64>().map_err(|_| wrong())? * factor;
        rest = after;
    }
    Ok(Call::Constant(Constant::Duration((sign * nanos) as i64)))
}

// === impl Call ===

impl Call {
    pub(crate) fn get<'a>(&'a self, scene: &Scene<'a>) -> Result<Value<'a>, Trouble> {
        Ok(match self {
            Self::IsMatch(target, pattern) => {
                let Some(text) = like_text(target.get(scene)?) else {
                    return Ok(Value::Bool(false));
                };
                Value::Bool(match pattern {
                    Pattern::Known(pattern) => pattern.is_match(&text),
                    Pattern::Given(pattern) => {
                        let pattern = text_of(pattern.get(scene)?)?;
                        pattern::compile(&pattern)
                            .map_err(|text| Trouble(text.into()))?
                            .is_match(&text)
                    }
                })
            }
            Self::Is(kind, target) => Value::Bool(kind.is(&target.get(scene)?)),
            Self::Len(target) => Value::Int(length(&target.get(scene)?)?),
            Self::Int(target) => int(&target.get(scene)?),
            Self::Double(target) => double(&target.get(scene)?),
            Self::Text(target) => like_text(target.get(scene)?).map_or(Value::Nil, Value::Text),
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
            Self::Constant(Constant::Bytes(bytes)) => Value::Bytes(bytes.as_slice().into()),
            Self::Constant(Constant::Duration(nanos)) => Value::Duration(*nanos),
        })
    }
}

impl Kind {
    const fn is(self, value: &Value<'_>) -> bool {
        matches!(
            (self, value),
            (Self::Text, Value::Text(_))
                | (Self::Int, Value::Int(_))
                | (Self::Double, Value::Float(_))
                | (Self::Bool, Value::Bool(_))
                | (Self::Map, Value::Map(_))
                | (Self::List, Value::Array(_) | Value::List(_))
        )
    }
}
