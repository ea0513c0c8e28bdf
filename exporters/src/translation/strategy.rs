//! `translation_strategy`.

use config::Problems;
use serde::{Deserialize, Deserializer, Serialize, de};

/// How names are translated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) enum Strategy {
    #[default]
    UnderscoreEscapingWithSuffixes,
    UnderscoreEscapingWithoutSuffixes,
    #[serde(rename = "NoUTF8EscapingWithSuffixes")]
    NoUtf8EscapingWithSuffixes,
    NoTranslation,
}

impl Strategy {
    /// `translation_strategy`, which wins, or the older `add_metric_suffixes`.
    pub(crate) const fn of(strategy: Option<Self>, add_metric_suffixes: bool) -> Self {
        match (strategy, add_metric_suffixes) {
            (Some(strategy), _) => strategy,
            (None, true) => Self::UnderscoreEscapingWithSuffixes,
            (None, false) => Self::UnderscoreEscapingWithoutSuffixes,
        }
    }

    /// What is wrong with both keys beside each other.
    pub(crate) fn beside(strategy: Option<Self>, add_metric_suffixes: bool) -> Problems {
        let mut problems = Problems::new();
        if !add_metric_suffixes && strategy.is_some() {
            problems.warn(
                "add_metric_suffixes",
                "does nothing beside `translation_strategy`; take it out",
            );
        }
        problems
    }

    /// Whether what a classic name cannot hold becomes an underscore.
    pub(crate) const fn escapes(self) -> bool {
        matches!(
            self,
            Self::UnderscoreEscapingWithSuffixes | Self::UnderscoreEscapingWithoutSuffixes
        )
    }

    /// Whether the name of a metric says its unit and its type.
    pub(crate) const fn adds_suffixes(self) -> bool {
        matches!(
            self,
            Self::UnderscoreEscapingWithSuffixes | Self::NoUtf8EscapingWithSuffixes
        )
    }
}

impl<'de> Deserialize<'de> for Strategy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "UnderscoreEscapingWithSuffixes" => Ok(Self::UnderscoreEscapingWithSuffixes),
            "UnderscoreEscapingWithoutSuffixes" => Ok(Self::UnderscoreEscapingWithoutSuffixes),
            "NoUTF8EscapingWithSuffixes" => Ok(Self::NoUtf8EscapingWithSuffixes),
            "NoTranslation" => Ok(Self::NoTranslation),
            other => Err(de::Error::custom(format!(
                "invalid translation_strategy: {other}; write `UnderscoreEscapingWithSuffixes`, \
                 `UnderscoreEscapingWithoutSuffixes`, `NoUTF8EscapingWithSuffixes` or \
                 `NoTranslation`"
            ))),
        }
    }
}
