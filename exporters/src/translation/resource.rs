//! What of a resource tells Prometheus who is measured.

use config::telemetry::Chosen;
use config::{Optional, Problems};
use otlp::Malformed;
use otlp::json::as_text;
use otlp::view::{AnyValue, Attributes};
use serde::{Deserialize, Serialize};

use super::{Strategy, label_name};

const SERVICE_NAME: &str = "service.name";
const SERVICE_NAMESPACE: &str = "service.namespace";
const SERVICE_INSTANCE: &str = "service.instance.id";

/// The labels `job` and `instance` of all series of a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    /// `service.namespace/service.name`, or the name alone.
    pub(crate) job: Option<String>,
    /// `service.instance.id`.
    pub(crate) instance: Option<String>,
}

impl Identity {
    /// # Errors
    /// The framing of an attribute is broken.
    pub(crate) fn of(resource: Attributes<'_>) -> Result<Self, Malformed> {
        let text = |key| {
            let value: Option<AnyValue<'_>> = resource.get(key)?;
            let text = value.map(|value| as_text(&value).map(std::borrow::Cow::into_owned));
            text.transpose()
        };
        let job = match (text(SERVICE_NAMESPACE)?, text(SERVICE_NAME)?) {
            (Some(namespace), Some(name)) => Some(format!("{namespace}/{name}")),
            (None, name) => name,
            (Some(_), None) => None,
        };
        Ok(Self {
            job,
            instance: text(SERVICE_INSTANCE)?,
        })
    }
}

/// What the family is called that tells of resources.
pub(crate) fn target_name(strategy: Strategy, namespace: &str) -> String {
    match label_name(strategy, namespace) {
        Some(namespace) => format!("{namespace}_target_info"),
        None => "target_info".to_owned(),
    }
}

/// Whether `job` and `instance` say what this attribute says.
pub(crate) fn is_service_attribute(key: &str) -> bool {
    [SERVICE_NAME, SERVICE_NAMESPACE, SERVICE_INSTANCE].contains(&key)
}

/// Attributes of the resource that stand on each of its series.
#[derive(Clone, Debug)]
pub(crate) enum Promoted {
    None,
    All,
    /// All but those that `job` and `instance` are made of.
    NotService,
    Chosen(Chosen),
}

/// `resource_to_telemetry_conversion`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Conversion {
    enabled: bool,
    exclude_service_attributes: bool,
}

impl Promoted {
    /// `resource_constant_labels`, which wins, or the older key.
    pub(crate) fn of(chosen: Option<&Chosen>, conversion: Conversion) -> Self {
        match (chosen, conversion) {
            (Some(chosen), _) => Self::Chosen(chosen.clone()),
            (None, conversion) if !conversion.enabled => Self::None,
            (None, conversion) if conversion.exclude_service_attributes => Self::NotService,
            (None, _) => Self::All,
        }
    }

    pub(crate) fn names(&self, key: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::NotService => !is_service_attribute(key),
            Self::Chosen(chosen) => chosen.names(key),
        }
    }
}

impl Conversion {
    /// What is wrong with it beside `resource_constant_labels`.
    pub(crate) fn beside(self, chosen: &Optional<Chosen>) -> Problems {
        let mut problems = Problems::new();
        if chosen.is_on() && self.enabled {
            problems.push(
                "resource_constant_labels",
                "stands beside `resource_to_telemetry_conversion`, which it replaces; take that out",
            );
        }
        problems
    }
}
