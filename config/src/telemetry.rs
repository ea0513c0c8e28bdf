//! `service::telemetry`: the logs and metrics of this process itself.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::{self, MapAccess};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::decode::NotYet;
use crate::node::{Node, Value};
use crate::units::GoDuration;
use crate::validate::{Problems, Validate};

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Telemetry {
    pub logs: Logs,
    pub metrics: Metrics,
    pub traces: Traces,
    pub resource: Resource,
}

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
    #[serde(skip_serializing)]
    pub processors: NotYet,
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

/// `metrics`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Metrics {
    pub level: Level,
    pub readers: Vec<Reader>,
    #[serde(skip_serializing)]
    pub views: NotYet,
    /// Of older files; always a fault that names the new form.
    #[serde(skip_serializing)]
    address: Address,
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

/// `traces`: this process makes no spans of its own, so only what has no effect is accepted.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Traces {
    pub level: Level,
    pub propagators: Vec<String>,
    #[serde(skip_serializing)]
    pub processors: NotYet,
    #[serde(skip_serializing)]
    pub sampler: NotYet,
    #[serde(skip_serializing)]
    pub limits: NotYet,
}

/// `resource`: what is said about this process. `None` takes a default away.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    pub attributes: BTreeMap<String, Option<String>>,
}

/// `metrics::address`, which the Collector has removed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Address;

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
            processors: NotYet,
        }
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

// === impl Metrics ===

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
            address: Address,
        }
    }
}

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

// === impl Telemetry ===

impl Validate for Telemetry {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        let metrics = &self.metrics;
        problems.require(
            metrics.level == Level::None || !metrics.readers.is_empty(),
            "metrics::readers",
            "collector telemetry metrics reader should exist when metric level is not none",
        );
        for (index, reader) in metrics.readers.iter().enumerate() {
            let page = reader
                .pull
                .as_ref()
                .and_then(|pull| pull.exporter.prometheus.as_ref());
            let path = format!("metrics::readers[{index}]");
            let text = "a reader must have `pull::exporter::prometheus`";
            problems.require(page.is_some(), &path, text);
        }
        let sampling = &self.logs.sampling;
        let text = "'tick' must be non-negative";
        problems.require(!sampling.tick.is_negative(), "logs::sampling::tick", text);
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

// === impl Address ===

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let address = String::deserialize(deserializer)?;
        let (host, port) = address.rsplit_once(':').unwrap_or((&address, "8888"));
        let host = if host.is_empty() { "0.0.0.0" } else { host };
        Err(de::Error::custom(format!(
            "the Collector has removed `address`, write \
             `readers: [{{pull: {{exporter: {{prometheus: {{host: '{host}', port: {port}}}}}}}}}]`"
        )))
    }
}

// === impl Resource ===

impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.attributes.len()))?;
        for (key, value) in &self.attributes {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Resource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ResourceVisitor)
    }
}

struct ResourceVisitor;

#[derive(Deserialize)]
struct NamedAttribute {
    name: String,
    value: Node,
    #[serde(default, rename = "type")]
    _kind: String,
}

impl<'de> de::Visitor<'de> for ResourceVisitor {
    type Value = Resource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of attributes, or `attributes` with a list of `{name, value}`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Resource, A::Error> {
        let mut resource = Resource::default();
        let mut inline = false;
        let mut listed = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "attributes" => {
                    listed = true;
                    for attribute in map.next_value::<Vec<NamedAttribute>>()? {
                        let value = attribute_text::<A::Error>(&attribute.value)?;
                        resource.attributes.insert(attribute.name, value);
                    }
                }
                // Names the vocabulary that the attributes are from; nothing depends on it.
                "schema_url" => drop(map.next_value::<String>()?),
                "detectors" | "detection/development" => drop(map.next_value::<NotYet>()?),
                _ => {
                    inline = true;
                    let value = attribute_text::<A::Error>(&map.next_value()?)?;
                    resource.attributes.insert(key, value);
                }
            }
        }
        if inline && listed {
            let text = "resource::attributes cannot be used together with legacy inline \
                        resource attributes";
            return Err(de::Error::custom(text));
        }
        Ok(resource)
    }
}

/// An attribute of a process is shown as text, whatever it was written as.
fn attribute_text<E: de::Error>(node: &Node) -> Result<Option<String>, E> {
    if let Some(text) = node.as_text() {
        return Ok(Some(text.to_owned()));
    }
    match &node.value {
        Value::Null => Ok(None),
        Value::Bool(value) => Ok(Some(value.to_string())),
        Value::Int(value) => Ok(Some(value.to_string())),
        Value::Float(value) => Ok(Some(value.to_string())),
        _ => Err(E::custom(format!(
            "expected a text, found {}",
            node.describe()
        ))),
    }
}
