//! `metrics`: how much is measured, and on which pages it is shown.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::periodic::Periodic;
use crate::node::Node;
use crate::validate::{Problems, Validate};

/// `metrics`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Metrics {
    pub level: Level,
    pub readers: Vec<Reader>,
    /// Which metrics are shown, and how; none is applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<Node>,
}

/// How much is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    None,
    Basic,
    #[default]
    Normal,
    Detailed,
}

/// One of `metrics::readers`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Reader {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull: Option<Pull>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub periodic: Option<Periodic>,
}

/// `pull`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Pull {
    pub exporter: PullExporter,
}

/// `pull::exporter`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct PullExporter {
    pub prometheus: Option<Prometheus>,
}

/// The page that Prometheus scrapes.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Prometheus {
    pub host: String,
    pub port: u16,
    pub without_scope_info: bool,
    pub without_units: bool,
    pub without_type_suffix: bool,
    /// Attributes of the resource that stand on each series.
    pub with_resource_constant_labels: Chosen,
}

/// Names that are chosen, with `*` for any text and `?` for any character.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Chosen {
    pub included: Vec<String>,
    /// Wins over `included`.
    pub excluded: Vec<String>,
}

// === impl Metrics ===

impl Metrics {
    /// The pages to serve; none at level `none`.
    pub fn pages(&self) -> impl Iterator<Item = &Prometheus> {
        let pull = self.used().iter().filter_map(|reader| reader.pull.as_ref());
        pull.filter_map(|pull| pull.exporter.prometheus.as_ref())
    }

    /// The readers that send; none at level `none`.
    pub fn pushes(&self) -> impl Iterator<Item = &Periodic> {
        self.used()
            .iter()
            .filter_map(|reader| reader.periodic.as_ref())
    }

    fn used(&self) -> &[Reader] {
        match self.level {
            Level::None => &[],
            _ => &self.readers,
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let page = Prometheus::default();
        let exporter = PullExporter {
            prometheus: Some(page),
        };
        Self {
            level: Level::Normal,
            readers: vec![Reader {
                pull: Some(Pull { exporter }),
                periodic: None,
            }],
            views: Vec::new(),
        }
    }
}

impl Validate for Metrics {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        problems.require(
            self.level == Level::None || !self.readers.is_empty(),
            "readers",
            "collector telemetry metrics reader should exist when metric level is not none",
        );
        for (index, reader) in self.readers.iter().enumerate() {
            let path = format!("readers[{index}]");
            let page = reader
                .pull
                .as_ref()
                .and_then(|pull| pull.exporter.prometheus.as_ref());
            problems.require(
                page.is_some() != reader.periodic.is_some(),
                &path,
                "a reader must have either `pull::exporter::prometheus` or `periodic`",
            );
            if let Some(periodic) = &reader.periodic {
                problems.under(&format!("{path}::periodic"), periodic);
            }
        }
        if !self.views.is_empty() {
            problems.require(
                self.level == Level::Detailed,
                "views",
                "service::telemetry::metrics::views can only be set when \
                 service::telemetry::metrics::level is detailed",
            );
            problems.warn("views", "has no effect: every metric is shown as it is");
        }
        problems
    }
}

// === impl Chosen ===

impl Chosen {
    /// Whether this name is included and not excluded.
    pub fn names(&self, name: &str) -> bool {
        let any = |patterns: &[String]| {
            let mut patterns = patterns.iter();
            patterns.any(|pattern| fits(pattern.as_bytes(), name.as_bytes()))
        };
        any(&self.included) && !any(&self.excluded)
    }
}

/// Whether a name fits a pattern. The time is at most the product of both lengths: after the last
/// `*` that was met, nothing before it needs another try.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(&own) if own == b'?' || name.get(seen) == Some(&own) => {
                at += 1;
                seen += 1;
            }
            _ => match star {
                Some((place, from)) => {
                    star = Some((place, from + 1));
                    (at, seen) = (place + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == b'*')
}

// === impl Level ===

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "none" => Ok(Self::None),
            "basic" => Ok(Self::Basic),
            "normal" => Ok(Self::Normal),
            "detailed" => Ok(Self::Detailed),
            _ => Err(format!(
                "unknown metrics level {text:?}, one of `none`, `basic`, `normal`, `detailed`"
            )),
        }
    }
}

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::None => "none",
            Self::Basic => "basic",
            Self::Normal => "normal",
            Self::Detailed => "detailed",
        })
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

// === impl Prometheus ===

impl Default for Prometheus {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 8888,
            without_scope_info: true,
            without_units: true,
            without_type_suffix: true,
            with_resource_constant_labels: Chosen::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_is_any_text_and_a_question_mark_any_character() {
        let check = |pattern: &str, name: &str, expected: bool| {
            assert_eq!(
                fits(pattern.as_bytes(), name.as_bytes()),
                expected,
                "{pattern} {name}"
            );
        };
        for (pattern, name) in [
            ("a", "a"),
            ("*", ""),
            ("*", "a.b"),
            ("a.*", "a.b"),
            ("*b", "a.b"),
            ("a?b", "a.b"),
            ("*.*.*", "a.b.c"),
            ("a*c*e", "abcde"),
            ("a*b", "abab"),
            ("", ""),
        ] {
            check(pattern, name, true);
        }
        for (pattern, name) in [
            ("a", "b"),
            ("a", "ab"),
            ("", "a"),
            ("?", ""),
            ("a*b", "abc"),
            ("*.x", "a.b"),
        ] {
            check(pattern, name, false);
        }
    }
}
