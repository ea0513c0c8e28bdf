//! What a person must mend in a text, and what can go wrong with data.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// A mistake in the text of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub text: String,
    /// Bytes of the condition.
    pub place: Range<usize>,
    /// What to write instead.
    pub help: Option<String>,
}

/// Why a condition has no answer for some data: a function was given what it does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble(pub Cow<'static, str>);

// === impl Fault ===

impl Fault {
    pub(crate) fn new(place: Range<usize>, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            place,
            help: None,
        }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds "did you mean" if one of the known words is close.
    pub(crate) fn with_known<'a>(
        self,
        word: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let lower = word.to_lowercase();
        let close = known
            .into_iter()
            .map(|known| (strsim::osa_distance(&lower, &known.to_lowercase()), known))
            .min();
        match close {
            Some((distance, known)) if distance <= 1 + word.len() / 4 => {
                self.with_help(format!("did you mean `{known}`?"))
            }
            _ => self,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.text, self.place.start + 1)?;
        match &self.help {
            Some(help) => write!(f, ", {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

// === impl Trouble ===

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Trouble {}

impl From<otlp::Malformed> for Trouble {
    fn from(malformed: otlp::Malformed) -> Self {
        Self(Cow::Borrowed(malformed.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_word_is_suggested_and_a_far_one_is_not() {
        let help = |word: &str| {
            Fault::new(0..1, "")
                .with_known(word, ["IsMatch", "IsString", "Len"])
                .help
        };
        assert_eq!(help("Ismatch"), Some("did you mean `IsMatch`?".to_owned()));
        assert_eq!(help("IsStrng"), Some("did you mean `IsString`?".to_owned()));
        assert_eq!(help("Concatenate"), None);
    }
}
