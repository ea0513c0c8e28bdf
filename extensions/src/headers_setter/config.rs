//! The keys of `headers_setter`.

use config::{Capability, ComponentId, Problems, Secret, Validate};
use http::HeaderName;
use pipeline::ContextKey;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Config {
    /// Applied one after the other.
    pub(super) headers: Vec<Header>,
    /// Another authenticator, which is applied before the headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) additional_auth: Option<ComponentId>,
}

/// What is done with one header, and where its value comes from: one of four sources, or none for `delete`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Header {
    pub(super) key: String,
    /// `insert`, `update`, `upsert` or `delete`; see [`Header::action`].
    action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value_file: Option<String>,
    /// Request metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from_context: Option<String>,
    /// What the receiver's authenticator found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from_attribute: Option<String>,
    /// Where the metadata or the attribute is missing or empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) default_value: Option<Secret>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Sets a header that is not there.
    Insert,
    /// Sets a header that is there.
    Update,
    Upsert,
    Delete,
}

impl Config {
    /// What must be known of the sender.
    pub(super) fn needs(&self) -> Vec<ContextKey> {
        let used = self
            .headers
            .iter()
            .filter(|header| header.action() != Action::Delete);
        let needs = used.flat_map(|header| {
            let metadata = header.from_context.clone().map(ContextKey::Metadata);
            metadata.or_else(|| header.from_attribute.clone().map(ContextKey::Identity))
        });
        needs.collect()
    }
}

impl Header {
    /// `upsert` where the action is missing or no action, as in the Collector.
    pub(super) fn action(&self) -> Action {
        match self.action.as_str() {
            "insert" => Action::Insert,
            "update" => Action::Update,
            "delete" => Action::Delete,
            _ => Action::Upsert,
        }
    }

    fn sources(&self) -> usize {
        let texts = [&self.value_file, &self.from_context, &self.from_attribute];
        let texts = texts.into_iter().flatten().count();
        texts + usize::from(self.value.is_some())
    }
}

impl Validate for Header {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        if self.key.is_empty() {
            problems.push("key", "missing header name");
        } else if HeaderName::try_from(self.key.as_str()).is_err() {
            problems.push("key", format!("{:?} is no header name", self.key));
        }
        match self.action.as_str() {
            "insert" | "update" | "upsert" | "delete" => {}
            "" => problems.warn("action", "The action was not provided, using 'upsert'."),
            action => {
                let text = format!("{action:?} is no action, using 'upsert'");
                problems.warn("action", text);
            }
        }
        match (self.action(), self.sources()) {
            (Action::Delete, _) | (_, 1) => {}
            (_, 0) => problems.push(
                "",
                "missing header source, must be 'from_context', 'from_attribute', 'value', or \
                 'value_file'",
            ),
            (_, _) => problems.push(
                "",
                "invalid header source, must be only one of 'from_context', 'from_attribute', \
                 'value', or 'value_file'",
            ),
        }
        problems
    }
}

impl Validate for Config {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        let some = !self.headers.is_empty();
        problems.require(some, "headers", "missing headers configuration");
        for (at, header) in self.headers.iter().enumerate() {
            problems.under(&format!("headers[{at}]"), header);
        }
        if let Some(id) = &self.additional_auth {
            problems.want("additional_auth", id, Capability::HttpClientAuth);
        }
        problems
    }
}
