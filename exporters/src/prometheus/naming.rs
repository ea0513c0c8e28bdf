//! What users chose of names and labels.

use std::borrow::Cow;

use super::labels::{Collected, Label};
use super::store::Kind;
use crate::translation::{Promoted, Strategy};

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
