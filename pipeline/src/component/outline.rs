//! What runs, as it was configured: for those who ask.

use otlp::Signal;
use serde_json::Value;

/// A configuration that runs. It does not change; a reload replaces it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outline {
    /// Two configurations with the same hash say the same.
    pub hash: String,
    /// In the order of the file.
    pub pipelines: Vec<PipelineOutline>,
    /// In the order in which they start.
    pub extensions: Vec<String>,
    /// The effective configuration by section, with defaults, secrets redacted.
    pub effective: Value,
}

/// The component ids of one pipeline. A connector stands among the exporters of one and among the
/// receivers of another.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineOutline {
    /// `traces/name`.
    pub id: String,
    pub signal: Signal,
    pub receivers: Vec<String>,
    pub processors: Vec<String>,
    pub exporters: Vec<String>,
}

impl Outline {
    /// Whether this id of a pipeline's side is a connector's.
    pub fn is_connector(&self, id: &str) -> bool {
        let connectors = self.effective.get("connectors");
        connectors.is_some_and(|all| all.get(id).is_some())
    }
}
