//! `metrics`: how much is measured, and on which pages it is shown.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::decode::NotYet;

/// `metrics`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Metrics {
    pub level: Level,
    pub readers: Vec<Reader>,
    #[serde(skip_serializing)]
    pub views: NotYet,
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
    pub pull: Option<Pull>,
    #[serde(skip_serializing)]
    pub periodic: NotYet,
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
    #[serde(skip_serializing)]
    pub with_resource_constant_labels: NotYet,
}

// === impl Metrics ===

impl Metrics {
    /// The pages to serve; none at level `none`.
    pub fn pages(&self) -> impl Iterator<Item = &Prometheus> {
        let readers = if self.level == Level::None {
            &[]
        } else {
            self.readers.as_slice()
        };
        let pull = readers.iter().filter_map(|reader| reader.pull.as_ref());
        pull.filter_map(|pull| pull.exporter.prometheus.as_ref())
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
                periodic: NotYet,
            }],
            views: NotYet,
        }
    }
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
            with_resource_constant_labels: NotYet,
        }
    }
}
