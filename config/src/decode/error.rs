//! Why a run stopped, and at which node.

use std::fmt;

use serde::de;

use crate::place::Place;
use crate::suggest::closest;

/// Serde asks for small errors; this one is built only when a person made a mistake.
#[derive(Debug)]
pub(crate) struct DecodeError(Box<Stop>);

#[derive(Debug)]
struct Stop {
    cause: Cause,
    /// Path and place of the innermost node that failed, once known.
    path: Option<String>,
    place: Option<Place>,
}

#[derive(Debug)]
pub(super) enum Cause {
    Wrong {
        text: String,
        help: Option<String>,
    },
    Missing(&'static str),
    /// Not a mistake: a null that keeps the default.
    Null,
}

// === impl DecodeError ===

impl DecodeError {
    pub(super) fn new(cause: Cause) -> Self {
        Self(Box::new(Stop {
            cause,
            path: None,
            place: None,
        }))
    }

    pub(super) fn wrong(text: impl Into<String>) -> Self {
        Self::new(Cause::Wrong {
            text: text.into(),
            help: None,
        })
    }

    pub(super) fn with_help(mut self, text: impl Into<String>) -> Self {
        if let Cause::Wrong { help, .. } = &mut self.0.cause {
            *help = Some(text.into());
        }
        self
    }

    /// Says where it happened, unless an inner node has said so.
    pub(super) fn at(mut self, place: &Place, path: &str) -> Self {
        if self.0.path.is_none() {
            self.0.path = Some(path.to_owned());
            self.0.place = Some(place.clone());
        }
        self
    }

    pub(super) fn path(&self) -> &str {
        self.0.path.as_deref().unwrap_or("")
    }

    pub(super) fn into_parts(self) -> (Cause, Option<Place>, String) {
        let stop = *self.0;
        (stop.cause, stop.place, stop.path.unwrap_or_default())
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.cause {
            Cause::Wrong { text, .. } => f.write_str(text),
            Cause::Missing(key) => write!(f, "the key `{key}` is required"),
            Cause::Null => f.write_str("nothing is here"),
        }
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::wrong(text.to_string())
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::wrong(format!("expected {expected}, found {}", type_name(found)))
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        // The value itself stands under the caret, and may be a secret.
        Self::wrong(format!("expected {expected}"))
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Self::wrong(format!("unknown value `{word}`")).with_help(did_you_mean(word, known))
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(Cause::Missing(key))
    }
}

/// "did you mean", or the whole choice if nothing is close.
pub(super) fn did_you_mean(word: &str, known: &[&str]) -> String {
    match closest(word, known.iter().copied()) {
        Some(close) => format!("did you mean `{close}`?"),
        None => format!("one of {}", quoted(known)),
    }
}

/// "`a`, `b`, `c`"
pub(super) fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

fn type_name(found: de::Unexpected<'_>) -> &'static str {
    use de::Unexpected as U;
    match found {
        U::Bool(_) => "a boolean",
        U::Unsigned(_) | U::Signed(_) => "an integer",
        U::Float(_) => "a number",
        U::Char(_) | U::Str(_) | U::Bytes(_) => "a string",
        U::Unit | U::Option => "nothing",
        U::Seq => "a list",
        U::Map => "a map",
        _ => "something else",
    }
}
