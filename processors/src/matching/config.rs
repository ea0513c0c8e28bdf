//! The keys of `include` and `exclude`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What data must look like. All properties that are given must match.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct MatchConfig {
    /// `strict` or `regexp`.
    pub(super) match_type: String,
    pub(super) regexp: Option<RegexpConfig>,
    pub(super) services: Vec<String>,
    pub(super) span_names: Vec<String>,
    pub(super) span_kinds: Vec<String>,
    pub(super) log_bodies: Vec<String>,
    pub(super) log_severity_texts: Vec<String>,
    pub(super) log_severity_number: Option<SeverityConfig>,
    pub(super) metric_names: Vec<String>,
    pub(super) attributes: Vec<AttributeConfig>,
    pub(super) resources: Vec<AttributeConfig>,
    pub(super) libraries: Vec<LibraryConfig>,
}

/// A cache of matches, which these expressions do not need.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct RegexpConfig {
    cacheenabled: bool,
    cachemaxnumentries: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct SeverityConfig {
    /// The lowest that matches.
    pub(super) min: i32,
    /// Whether a record without a severity matches.
    pub(super) match_undefined: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct AttributeConfig {
    pub(super) key: String,
    /// Any value matches if there is none.
    pub(super) value: Option<Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct LibraryConfig {
    pub(super) name: String,
    /// Any version matches if there is none.
    pub(super) version: Option<String>,
}
