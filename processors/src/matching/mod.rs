//! `include` and `exclude`: which items a processor looks at.

mod config;
mod equal;
mod signal;

use otlp::view::{Attributes, Entry, Text};
use otlp::{Malformed, Signal};
use regex::Regex;
use serde_json::Value;

pub(crate) use config::MatchConfig;
use config::{AttributeConfig, SeverityConfig};
use equal::{is_equal, matched_text};

use otlp::json::as_text;
use ottl::pattern;

/// The service of a resource that has no `service.name`, as the Collector calls it.
const NO_SERVICE: &str = "<nil-service-name>";

/// By number, as in the protocol.
const SPAN_KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

/// Items are taken if they match `include` and do not match `exclude`.
#[derive(Debug)]
pub(crate) struct Filter {
    include: Option<Properties>,
    exclude: Option<Properties>,
}

/// Properties of items, all of which must match.
#[derive(Debug)]
pub(crate) struct Properties {
    services: Option<Texts>,
    span_names: Option<Texts>,
    span_kinds: Option<Texts>,
    log_bodies: Option<Texts>,
    log_severity_texts: Option<Texts>,
    log_severity_number: Option<SeverityConfig>,
    metric_names: Option<Texts>,
    libraries: Vec<(Texts, Option<Texts>)>,
    resources: Vec<(String, Wanted)>,
    attributes: Vec<(String, Wanted)>,
}

/// Texts of which one must match.
#[derive(Debug)]
enum Texts {
    Strict(Vec<String>),
    Regexp(Vec<Regex>),
}

/// What the value of an attribute must be.
#[derive(Debug)]
enum Wanted {
    Anything,
    Equal(Value),
    Matching(Regex),
}

// === impl Filter ===

impl Filter {
    /// # Errors
    /// A property does not belong to this signal, or is wrong.
    pub(crate) fn new(
        signal: Signal,
        [include, exclude]: [Option<&MatchConfig>; 2],
    ) -> Result<Self, String> {
        let properties = |config: Option<&MatchConfig>| {
            let Some(config) = config else {
                return Ok(None);
            };
            config.check_signal(signal)?;
            // The Collector looks at nothing but the names of metrics.
            if signal == Signal::Metrics && config.metric_names.is_empty() {
                return Ok(None);
            }
            Properties::new(config).map(Some)
        };
        Ok(Self {
            include: properties(include)?,
            exclude: properties(exclude)?,
        })
    }

    pub(crate) fn takes(&self, entry: &Entry<'_, '_>) -> Result<bool, Malformed> {
        if let Some(include) = &self.include
            && !include.matches(entry)?
        {
            return Ok(false);
        }
        match &self.exclude {
            Some(exclude) => Ok(!exclude.matches(entry)?),
            None => Ok(true),
        }
    }
}

// === impl Properties ===

impl Properties {
    /// # Errors
    /// A property is wrong, whatever the signal.
    pub(crate) fn new(config: &MatchConfig) -> Result<Self, String> {
        let texts = |list: &[String], what: &str| {
            let texts = (!list.is_empty()).then(|| Texts::new(&config.match_type, list));
            texts
                .transpose()
                .map_err(|text| format!("error creating {what} filters: {text}"))
        };
        let one = |text: &String, what| texts(std::slice::from_ref(text), what);
        let mut libraries = Vec::new();
        for library in &config.libraries {
            let name = one(&library.name, "library name")?;
            let version = library
                .version
                .as_ref()
                .map(|version| one(version, "library version"));
            libraries.extend(name.map(|name| Ok((name, version.transpose()?.flatten()))));
        }
        let wanted = |list: &[AttributeConfig], what: &str| {
            let wanted = list.iter().map(|attribute| {
                Ok((
                    attribute.key.clone(),
                    Wanted::new(&config.match_type, attribute)?,
                ))
            });
            let wanted: Result<Vec<_>, String> = wanted.collect();
            wanted.map_err(|text| format!("error creating {what} filters: {text}"))
        };
        Ok(Self {
            libraries: libraries.into_iter().collect::<Result<_, String>>()?,
            attributes: wanted(&config.attributes, "attribute")?,
            resources: wanted(&config.resources, "resource")?,
            services: texts(&config.services, "service name")?,
            span_names: texts(&config.span_names, "span name")?,
            span_kinds: texts(&config.span_kinds, "span kind")?,
            log_bodies: texts(&config.log_bodies, "log record body")?,
            log_severity_texts: texts(&config.log_severity_texts, "log record severity text")?,
            log_severity_number: config.log_severity_number.clone(),
            metric_names: texts(&config.metric_names, "metric name")?,
        })
    }

    fn matches(&self, entry: &Entry<'_, '_>) -> Result<bool, Malformed> {
        if let Some(metric) = entry.metric {
            return Ok(accepts(self.metric_names.as_ref(), metric.name));
        }
        Ok(self.match_span(entry)?
            && self.match_log_record(entry)?
            && self.match_libraries(entry)
            && have(&self.resources, entry.resource.attributes())?
            && have(&self.attributes, entry.item.attributes())?)
    }

    fn match_span(&self, entry: &Entry<'_, '_>) -> Result<bool, Malformed> {
        if let Some(services) = &self.services {
            let service = entry.resource.attributes().get("service.name")?;
            let matches = match service {
                Some(value) => services.match_text(Text::from(as_text(&value)?.as_ref())),
                None => services.match_text(Text::from(NO_SERVICE)),
            };
            if !matches {
                return Ok(false);
            }
        }
        if self.span_names.is_none() && self.span_kinds.is_none() {
            return Ok(true);
        }
        let Some(span) = entry.item.span()? else {
            return Ok(false);
        };
        let kind = usize::try_from(span.kind)
            .ok()
            .and_then(|kind| SPAN_KINDS.get(kind));
        Ok(accepts(self.span_names.as_ref(), span.name)
            && accepts(
                self.span_kinds.as_ref(),
                Text::from(kind.copied().unwrap_or_default()),
            ))
    }

    fn match_log_record(&self, entry: &Entry<'_, '_>) -> Result<bool, Malformed> {
        let asks = self.log_bodies.is_some()
            || self.log_severity_texts.is_some()
            || self.log_severity_number.is_some();
        if !asks {
            return Ok(true);
        }
        let Some(record) = entry.item.log_record()? else {
            return Ok(false);
        };
        if let Some(bodies) = &self.log_bodies {
            let body = record.body()?.unwrap_or_default();
            if !bodies.match_text(Text::from(as_text(&body)?.as_ref())) {
                return Ok(false);
            }
        }
        let severity_matches =
            self.log_severity_number
                .as_ref()
                .is_none_or(|severity| match record.severity_number {
                    0 => severity.match_undefined,
                    number => number >= severity.min,
                });
        Ok(severity_matches && accepts(self.log_severity_texts.as_ref(), record.severity_text))
    }

    /// All libraries must match, as in the Collector; only one of them is of use.
    fn match_libraries(&self, entry: &Entry<'_, '_>) -> bool {
        let scope = entry.scope.scope.unwrap_or_default();
        self.libraries.iter().all(|(name, version)| {
            name.match_text(scope.name) && accepts(version.as_ref(), scope.version)
        })
    }
}

/// Whether the attributes have all that is wanted of them.
fn have(wanted: &[(String, Wanted)], attributes: Attributes<'_>) -> Result<bool, Malformed> {
    for (key, wanted) in wanted {
        let Some(value) = attributes.get(key)? else {
            return Ok(false);
        };
        let matches = match wanted {
            Wanted::Anything => true,
            Wanted::Equal(expected) => is_equal(&value, expected)?,
            Wanted::Matching(regex) => {
                matched_text(&value).is_some_and(|text| regex.is_match(&text))
            }
        };
        if !matches {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What is not asked for matches.
fn accepts(texts: Option<&Texts>, text: Text<'_>) -> bool {
    texts.is_none_or(|texts| texts.match_text(text))
}

// === impl Texts ===

impl Texts {
    fn new(match_type: &str, list: &[String]) -> Result<Self, String> {
        match match_type {
            "strict" => Ok(Self::Strict(list.to_vec())),
            "regexp" => list
                .iter()
                .map(|text| pattern::compile(text))
                .collect::<Result<_, _>>()
                .map(Self::Regexp),
            other => Err(unrecognized(other)),
        }
    }

    fn match_text(&self, text: Text<'_>) -> bool {
        match self {
            Self::Strict(list) => list.iter().any(|wanted| text == **wanted),
            Self::Regexp(list) => {
                let text = text.to_string_lossy();
                list.iter().any(|regex| regex.is_match(&text))
            }
        }
    }
}

impl Wanted {
    fn new(match_type: &str, attribute: &AttributeConfig) -> Result<Self, String> {
        if attribute.key.is_empty() {
            return Err("can't have empty key in the list of attributes".to_owned());
        }
        let Some(value) = &attribute.value else {
            return Ok(Self::Anything);
        };
        match match_type {
            "strict" => Ok(Self::Equal(value.clone())),
            "regexp" => match value {
                Value::String(text) => pattern::compile(text).map(Self::Matching),
                other => Err(format!(
                    "match_type=regexp for \"{}\" only supports Str, but found {}",
                    attribute.key,
                    equal::kind(other)
                )),
            },
            other => Err(unrecognized(other)),
        }
    }
}

fn unrecognized(match_type: &str) -> String {
    format!("unrecognized match_type: '{match_type}', valid types are: [regexp strict]")
}
