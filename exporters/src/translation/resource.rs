//! What of a resource tells Prometheus who is measured.

use otlp::Malformed;
use otlp::json::as_text;
use otlp::view::{AnyValue, Attributes};

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

/// Whether `job` and `instance` say what this attribute says.
pub(crate) fn is_service_attribute(key: &str) -> bool {
    [SERVICE_NAME, SERVICE_NAMESPACE, SERVICE_INSTANCE].contains(&key)
}
