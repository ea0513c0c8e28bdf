//! What users chose of names and labels.

use std::borrow::Cow;

use config::telemetry::Chosen;

use super::labels::{Collected, Label};
use super::store::Kind;
use crate::translation::{Strategy, is_service_attribute, label_name};

/// How series are called and labelled.
#[derive(Clone, Debug)]
pub(super) struct Naming {
    pub(super) strategy: Strategy,
    pub(super) namespace: String,
    /// On every series but `target_info`.
    pub(super) constant: Vec<(String, String)>,
    pub(super) scope_info: bool,
    pub(super) promoted: Promoted,
    pub(super) timestamps: bool,
}

/// Attributes of the resource that stand on each of its series.
#[derive(Clone, Debug)]
pub(super) enum Promoted {
    None,
    All,
    /// All but those that `job` and `instance` are made of.
    NotService,
    Chosen(Chosen),
}

impl Promoted {
    pub(super) fn names(&self, key: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::NotService => !is_service_attribute(key),
            Self::Chosen(chosen) => chosen.names(key),
        }
    }
}

// === impl Naming ===

impl Naming {
    /// The labels of the series that takes what there is no room for.
    pub(super) fn overflow(&self) -> String {
        let name = match self.strategy.escapes() {
            true => "otel_metric_overflow",
            false => "otel.metric.overflow",
        };
        let mut labels = Collected::default();
        for (name, value) in &self.constant {
            labels.push(fixed(Cow::Borrowed(name), value));
        }
        labels.push(fixed(Cow::Borrowed(name), "true"));
        let mut text = String::new();
        // A constant label of this name is refused by the configuration.
        let _ = labels.write(Kind::Untyped, &mut text);
        text
    }

    pub(super) fn target_name(&self) -> String {
        match label_name(self.strategy, &self.namespace) {
            Some(namespace) => format!("{namespace}_target_info"),
            None => "target_info".to_owned(),
        }
    }
}

/// A label that stands on every series.
pub(super) fn fixed<'a>(name: Cow<'a, str>, value: &'a str) -> Label<'a> {
    Label {
        name,
        key: "",
        value: Cow::Borrowed(value),
        fixed: true,
    }
}
